"""Tables on the pages of docs/: where they are, and how a new one takes the place of the old one."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def table_at(text: str, header: str) -> re.Match[str]:
    """The Markdown table of a page that begins with this header line.

    Raises:
        ValueError: there is no such table, or more than one.
    """
    found = list(re.finditer(rf"(?m)^{re.escape(header)}\n(?:\|.*\n)*", text))
    if len(found) != 1:
        raise ValueError(f"{len(found)} tables begin with '{header}', where one should")
    return found[0]


def replace_table(page: Path, table: str) -> None:
    """Put a table in the place of the one on the page that has the same header line."""
    text = page.read_text(encoding="utf-8")
    old = table_at(text, table.splitlines()[0])
    page.write_text(text[: old.start()] + table.rstrip("\n") + "\n" + text[old.end() :], encoding="utf-8")


def publish(table: str, page: Path, write: bool) -> None:
    """Write the table to its page, or print it."""
    if write:
        replace_table(page, table)
        print(f"{page}: table replaced")
    else:
        print(table.rstrip("\n"))
