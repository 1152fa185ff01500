"""What a finished study says in a few lines, and where its figures, tables and report are. `make` ends with it."""

import csv
import sys
from collections import Counter
from pathlib import Path

_VERDICTS = {"holds": "hold", "mixed": "mixed", "does not hold": "do not hold", "not measured": "not measured"}


def verdicts(table: Path) -> list[str]:
    """A line for each claim of claims.csv: how many of its verdicts are which, over cases, formulations and statistics.

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
    """Where to look next."""
    figures = sorted((results / "figures").glob("*.pdf"))
    report = results / "report.html"
    return [
        f"figures: {results / 'figures'} ({len(figures)}, each as PDF and PNG)",
        f"tables:  {results / 'tables/metrics.csv'} and claims.csv; {results / 'README.md'} explains them",
        f"report:  {report if report.is_file() else f'`make report` puts them on one page, {report}'}",
    ]


def main(results: Path = Path("results")) -> None:
    table = results / "tables" / "claims.csv"
    try:
        found = verdicts(table)
    except (OSError, KeyError, ValueError, csv.Error):
        found = []
    heading = [f"Verdicts on the claims ({table}):"] if found else [f"{table}: no verdicts that can be read"]
    print("\n".join([*heading, *found, *places(results)]))


if __name__ == "__main__":
    sys.exit(main())
