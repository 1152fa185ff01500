"""The table of claims of docs/results-and-claims.md, from the claims.csv of an extended study.

`python tests/benchmarks/claims_table.py [claims.csv]` prints it; with `--write` it takes the place of the table on the page.
"""

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from benchmarks.pages import DOCS, publish

from pinnscape.config.reading import read
from pinnscape.study import study
from pinnscape.tables.claims import tests
from pinnscape.techniques.catalog import TECHNIQUES

PAGE = DOCS / "results-and-claims.md"
FORMULATIONS = ["deep-ritz", "strong-form", "supervised"]
HEADER = f"| claim | statistic | threshold | {' | '.join(FORMULATIONS)} | digits |"
EXTENDED = ("small intrinsic dimension",)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float) -> str:
    """The number with two digits. Very small and very large ones are written with a power of ten, NaN as a dash."""
    if math.isnan(value):
        return "–"
    if value == 0 or 1e-4 <= abs(value) < 1e3:
        return f"{float(f'{value:.1e}'):.7g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def threshold(value: float) -> str:
    """A threshold as it stands in the configuration, however many digits it has."""
    return f"{value:g}" if 1e-4 <= abs(value) < 1e3 else number(value)


def cell(rows: pd.DataFrame) -> str:
    """Range over the cases of the medians over seeds, and for how many cases the claim holds, or is mixed or not measured."""
    low, high = number(rows["value"].min()), number(rows["value"].max())
    found = [f"{(rows['verdict'] == 'holds').sum()} of {len(rows)}"]
    found += [f"{count} {name}" for name in ("mixed", "not measured") if (count := int((rows["verdict"] == name).sum()))]
    return f"{low if low == high else f'{low} … {high}'}: {', '.join(found)}"


def baseline(rows: pd.DataFrame) -> str:
    """Median, smallest and largest value of the data-driven baseline; a dash if it was not measured."""
    known = rows[["baseline", "baseline_low", "baseline_high"]].dropna()
    if known.empty:
        return "–"
    value, low, high = (number(each) for each in known.iloc[0])
    return value if low == high else f"{value} ({low} … {high})"


def signs() -> dict[tuple[str, str], str]:
    """Whether a statistic has to be at most or at least its threshold."""
    config = study.parse(read(ROOT / "config.yaml")).config
    found = tests(config.claims, config.grid.planes, TECHNIQUES)
    return {(test.claim, test.statistic): "≤" if test.side == "at most" else "≥" for test in found}


def table(claims: pd.DataFrame) -> str:
    """The table in Markdown, without the cases to which a claim does not apply."""
    known, claims = signs(), claims[claims["verdict"] != "left out"]
    lines = [HEADER, "|---" * (4 + len(FORMULATIONS)) + "|"]
    for (claim, statistic), rows in claims.groupby(["claim", "statistic"], sort=True):
        cells = [cell(rows[rows["trained_on"] == name]) for name in FORMULATIONS]
        mark = " †" if claim in EXTENDED else ""
        lines.append(
            f"| {claim}{mark} | {statistic} | {known[str(claim), str(statistic)]} {threshold(rows['threshold'].iloc[0])} | {' | '.join(cells)} | {baseline(rows)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="?", type=Path, default=ROOT / "results/tables/claims.csv", help="default: %(default)s")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    settings = parser.parse_args()
    publish(table(pd.read_csv(settings.claims)), PAGE, settings.write)


if __name__ == "__main__":
    main()
