"""Recipes of docs/: numbered steps, each of which names a file and shows what goes into it. They are followed to the letter. A line that a step
names may have a comment.

A step either makes a file ("a new file, `PATH`") or adds lines to one ("`PATH`, below the line `TEXT`", or "above"), indented like that line. Its text
ends with the lines in a fenced block.
"""

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_NEW = re.compile(r"a new file, `([^`]+)`")
_ADDED = re.compile(r"`([^`]+)`, (below|above) the line `([^`]+)`")


@dataclass(frozen=True)
class Step:
    """What a step adds, and to which file; without ``anchor`` it makes the file."""

    path: str
    lines: str
    anchor: str = ""
    below: bool = True

    def follow(self, root: Path) -> None:
        """Do what the step says in a copy of the project.

        Raises:
            ValueError: the file that it makes is there already, or the line that it names is not there exactly once.
        """
        file = root / self.path
        if not self.anchor:
            if file.exists():
                raise ValueError(f"{self.path} is not new")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.lines, encoding="utf-8")
            return
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if self.anchor in (line.strip(), line.split(" # ")[0].strip())]
        if len(places) != 1:
            raise ValueError(f"{self.path} has the line {self.anchor!r} {len(places)} times")
        margin = re.match(r" *", lines[places[0]])
        lines.insert(places[0] + self.below, textwrap.indent(self.lines, margin[0] if margin else ""))
        file.write_text("".join(lines), encoding="utf-8")


def steps(page: str, heading: str) -> list[Step]:
    """The steps of a recipe that show what goes into a file.

    Args:
        page: of docs/, without its suffix.
        heading: of the recipe.

    Raises:
        ValueError: there is no such heading, or a step shows lines without saying where they go.
    """
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    if f"\n## {heading}\n" not in text:
        raise ValueError(f"docs/{page}.md has no heading '{heading}'")
    section = re.split(r"(?m)^## ", text.split(f"\n## {heading}\n")[1])[0]
    found = []
    for step in re.split(r"(?m)^\d+\. ", section)[1:]:
        block = re.search(r"(?ms)^( *)```\w*\n(.*?)^ *```$", step)
        if block:
            lines = re.sub(rf"(?m)^{block[1]}", "", block[2])
            found.append(_step(" ".join(step[: block.start()].split()), lines))
    return found


def _step(text: str, lines: str) -> Step:
    new, added = _NEW.search(text), _ADDED.search(text)
    if new:
        return Step(new[1], lines)
    if added:
        return Step(added[1], lines, added[3], added[2] == "below")
    raise ValueError(f"a step does not say where its lines go: {text}")


def follow(page: str, heading: str, root: Path) -> set[str]:
    """Follow a recipe in a copy of the project; returns the paths of the files that it touches."""
    found = steps(page, heading)
    for step in found:
        step.follow(root)
    return {step.path for step in found}


@contextmanager
def followed(page: str, heading: str, root: Path) -> Iterator[set[str]]:
    """The same for a while; then the files are as they were."""
    files = {root / step.path for step in steps(page, heading)}
    before = {file: file.read_bytes() for file in files if file.exists()}
    try:
        yield follow(page, heading, root)
    finally:
        for file in files:
            file.unlink()
        for file, content in before.items():
            file.write_bytes(content)
