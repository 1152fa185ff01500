"""The table of benchmarks of docs/performance.md, from the benchmarks.csv that `make bench` writes.

`python tests/benchmarks/bench_table.py [benchmarks.csv]` prints it; with `--write` it takes the place of the table on the page.
"""

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.rows import Row

FOLDER = Path(__file__).resolve().parents[1]
HEADER = ("benchmark", "pinnscape", "peer", "its time", "ratio", "target", "agreement")
UNITS = {"memory": " GB", "overhead": " s", "slope": "", "limit": ""}


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them, to three digits."""
    if math.isnan(seconds):
        return "–"
    for unit, size in (("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= (120.0 if unit == "min" else size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def cells(row: "Row") -> tuple[str, ...]:
    """One row in words."""
    peer = row.peer if row.peer in UNITS else f"{row.peer} {row.peer_version}".strip()
    ratio = "–" if row.peer == "overhead" or math.isnan(row.ratio) else f"{row.ratio:.3g}{UNITS.get(row.peer, '×')}"
    target = row.target.replace(">=", "≥").replace("<=", "≤") or "–"
    agreement = "–" if math.isnan(row.agreement) else f"{row.agreement:.0e}"
    return row.benchmark, duration(row.ours_seconds), peer, duration(row.peer_seconds), ratio, target, agreement


def markdown(rows: Iterable["Row"]) -> str:
    """The table."""
    lines = [HEADER, ("---", "---:", "---", "---:", "---:", "---:", "---:"), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    from benchmarks.pages import DOCS, publish
    from benchmarks.rows import read

    page = DOCS / "performance.md"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=Path, default=FOLDER.parent / "results/tables/benchmarks.csv")
    parser.add_argument("--write", action="store_true", help=f"into {page}")
    settings = parser.parse_args()
    publish(markdown(read(settings.rows)), page, settings.write)


if __name__ == "__main__":
    # The folder takes the place of this one, whose modules would hide others of the same name.
    sys.path[0:1] = [str(FOLDER)]
    main()
