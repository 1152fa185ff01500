"""The tables of docs/techniques.md that list the techniques, from what each says of itself. `python tests/benchmarks/technique_tables.py --write`
puts them on the page.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from benchmarks.pages import DOCS

from pinnscape.techniques.catalog import TECHNIQUES

PAGE = DOCS / "techniques.md"
HEADINGS = {
    "training": "Along training, and between minimisers",
    "point": "Around a point",
    "structure": "Structure of losses and surfaces",
}


def table(about: str) -> str:
    """The table of the techniques that look at one thing, in Markdown."""
    lines = ["| technique | question | formula | source |", "|---|---|---|---|"]
    for name, technique in TECHNIQUES.items():
        if technique.about == about:
            cells = [f"`{name}`{' †' * technique.costly}", technique.question, technique.formula, technique.source]
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells).rstrip() + " |")
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The page with new tables.

    Raises:
        ValueError: it lacks one of their headings.
    """
    for about, heading in HEADINGS.items():
        found = list(re.finditer(rf"(?m)(^### {heading}\n\n)(?:\|.*\n)*", text))
        if len(found) != 1:
            raise ValueError(f"{PAGE} must have the heading '### {heading}' once; it has it {len(found)} times")
        text = text[: found[0].end(1)] + table(about) + text[found[0].end() :]
    return text


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n".join(map(table, HEADINGS)))


if __name__ == "__main__":
    main()
