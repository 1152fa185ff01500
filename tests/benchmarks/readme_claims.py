"""The table of claims of README.md, from the claims.csv of a default and an extended study: python tests/benchmarks/readme_claims.py [claims.csv]"""

import math
import sys
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))

from pinnscape.tables.claims import tests
from pinnscape.techniques import TECHNIQUES

FORMULATIONS = ["deep-ritz", "strong-form", "supervised"]
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
    """A threshold with all its digits; very large ones with a power of ten."""
    return f"{value:g}" if 1e-4 <= abs(value) < 1e3 else number(value)


def cell(rows: pd.DataFrame) -> str:
    """Range over the problems of the medians over seeds, and for how many problems the claim holds, or is mixed or not measured."""
    low, high = number(rows["value"].min()), number(rows["value"].max())
    found = [f"{(rows['verdict'] == 'holds').sum()} of {len(rows)}"]
    found += [f"{count} {name}" for name in ("mixed", "not measured") if (count := int((rows["verdict"] == name).sum()))]
    return f"{low if low == high else f'{low} … {high}'}: {', '.join(found)}"


def signs() -> dict[tuple[str, str], str]:
    """Whether a statistic has to be at most or at least its threshold."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    found = tests(config["claims"], config["grid"]["planes"], TECHNIQUES)
    return {(test.claim, test.statistic): "≤" if test.side == "at most" else "≥" for test in found}


def table(claims: pd.DataFrame) -> str:
    """The table in Markdown."""
    known = signs()
    lines = [f"| claim | statistic | threshold | {' | '.join(FORMULATIONS)} |", "|---" * (3 + len(FORMULATIONS)) + "|"]
    for (claim, statistic), rows in claims.groupby(["claim", "statistic"], sort=True):
        cells = [cell(rows[rows["formulation"] == name]) for name in FORMULATIONS]
        mark = " †" if claim in EXTENDED else ""
        lines.append(
            f"| {claim}{mark} | {statistic} | {known[str(claim), str(statistic)]} {threshold(rows['threshold'].iloc[0])} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(pd.read_csv(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tables/claims.csv"))))
