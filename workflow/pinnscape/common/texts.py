"""Texts of messages: paths, names and errors in one short line."""

import textwrap
from pathlib import Path


def shown(path: Path) -> str:
    """A path as messages show it: relative to the current folder if it is inside that folder, otherwise absolute."""
    found = path.resolve()
    return str(found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found)


def cut(text: str, length: int = 100) -> str:
    """A text, truncated to at most this length."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def said(error: BaseException) -> str:
    """The first line of the message of an error, shortened."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = text.strip().splitlines()
    return textwrap.shorten(lines[0], 200, placeholder=" ...") if lines else "no message"
