"""A short summary of a finished study: verdicts, and the paths of figures, tables and report. `make` prints it at the end."""

import csv
import sys
from collections import Counter
from pathlib import Path

_VERDICTS = {
    "holds": "hold",
    "mixed": "mixed",
    "does not hold": "do not hold",
    "not measured": "not measured",
    "left out": "left out",
}


def verdicts(table: Path) -> list[str]:
    """One line for each claim of claims.csv with the number of each verdict, over cases, formulations and statistics.

    Raises:
        OSError, KeyError, ValueError, csv.Error: the table is missing or damaged.
    """
    counts: dict[str, Counter[str]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            counts.setdefault(row["claim"], Counter())[_VERDICTS[row["verdict"]]] += 1
    width = max(map(len, counts), default=0)
    return [
        f"  {claim:{width}}  {', '.join(f'{count[text]} {text}' for text in _VERDICTS.values() if count[text])}"
        for claim, count in counts.items()
    ]


def places(results: Path) -> list[str]:
    """Lines with the paths of the results."""
    figures = sorted((results / "figures").glob("*.pdf"))
    report = results / "report.html"
    make = "make report" if results == Path("results") else f"make report STUDY={results.parent.name}"
    return [
        f"figures: {results / 'figures'} ({len(figures)}, each as PDF and PNG)",
        f"tables:  {results / 'tables/metrics.csv'} and claims.csv; results/README.md explains them",
        f"report:  {report if report.is_file() else f'`{make}` collects all on one page, {report}'}",
    ]


def main(results: Path = Path("results")) -> None:
    table = results / "tables" / "claims.csv"
    try:
        lines = verdicts(table)
    except (OSError, KeyError, ValueError, csv.Error):
        lines = []
    heading = [f"Verdicts on the claims ({table}):"] if lines else [f"{table}: no readable verdicts"]
    print("\n".join([*heading, *lines, *places(results)]))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
