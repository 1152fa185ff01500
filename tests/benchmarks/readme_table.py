"""Prints a table of benchmarks as Markdown: `python tests/benchmarks/readme_table.py [results/tables/benchmarks.csv]`."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

HEADER = ("benchmark", "pinnscape", "peer", "its time", "ratio", "target", "agreement")
UNITS = {"memory": " GB", "overhead": " s", "slope": "", "limit": ""}


def duration(text: str) -> str:
    """Seconds in the unit that suits them, to three digits."""
    if not text:
        return "–"
    seconds = float(text)
    for unit, size in (("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= (120.0 if unit == "min" else size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def cells(row: Mapping[str, str]) -> tuple[str, ...]:
    """One row of the CSV file in words."""
    peer = f"{row['peer']} {row['peer_version']}".strip() if row["peer"] not in UNITS else row["peer"]
    ratio = f"{float(row['ratio']):.3g}{UNITS.get(row['peer'], '×')}" if row["ratio"] else "–"
    target = row["target"].replace(">=", "≥").replace("<=", "≤") or "–"
    agreement = f"{float(row['agreement']):.0e}" if row["agreement"] else "–"
    if row["peer"] == "overhead":
        ratio = "–"
    return row["benchmark"], duration(row["ours_seconds"]), peer, duration(row["peer_seconds"]), ratio, target, agreement


def markdown(path: Path) -> str:
    """The table."""
    with path.open(newline="") as file:
        lines = [HEADER, ("---", "---:", "---", "---:", "---:", "---:", "---:"), *map(cells, csv.DictReader(file))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[2] / "results/tables/benchmarks.csv"
    print(markdown(Path(sys.argv[1]) if len(sys.argv) > 1 else default), end="")
