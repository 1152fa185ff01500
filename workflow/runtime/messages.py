"""What Snakemake says when a user's mistake, or a folder that cannot be written, stops it: one line with a remedy in place of its traceback.

The texts and exceptions are those of Snakemake 9 to 9.27.1 at least.
"""

import errno
import io
import logging
import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

from pinnscape.common.errors import PinnscapeError
from pinnscape.config.schema import suggestion
from pinnscape.files import atomic

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
_NO_RULE = re.compile(r"No rule to produce (.+?) \(if you use input functions", re.DOTALL)


class OneLine(logging.Filter):
    """Put on Snakemake's logger, it shortens the errors that are known here; all others stay as they are.

    Args:
        names: what can be asked for by name.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = names

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass; an error that Snakemake logs while it handles an exception may get another text."""
        _spell_out(logging.getLogger(record.name))
        line = self._line(sys.exc_info()[1]) if record.levelno >= logging.ERROR else None
        if line:
            record.msg, record.args = f"pinnscape: {PinnscapeError(line)}", None
        return True

    def _line(self, error: BaseException | None) -> str | None:
        while error:
            if isinstance(error, OSError) and (line := unwritable(error)):
                return line
            if missing := _NO_RULE.search(str(error)):
                return unknown(missing[1], self._names)
            error = error.__cause__ or error.__context__
        return None


def _spell_out(logger: logging.Logger) -> None:
    """Let Snakemake's own log take names that the locale's encoding lacks: Snakemake up to 9.27.1 at least opens it in that encoding."""
    for handler in logger.handlers:
        stream = getattr(handler, "stream", None)
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def unwritable(error: OSError) -> str | None:
    """The line about a file or folder that permissions or the disk keep from being written, or read; None for other errors."""
    if error.errno not in _UNWRITABLE or not error.filename:
        return None
    path = Path(os.fsdecode(error.filename))
    if path.exists() and not os.access(path, os.R_OK):
        return f"{path}: cannot be read ({error.strerror}); make it readable, or run in a copy of the project"
    return str(atomic.refusal(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path, error))


def unknown(target: str, names: Collection[str]) -> str:
    """The line about a target that no rule makes."""
    if "/" in target:
        return f"{target}: no result of this study, and no file that is there"
    known = f"known are {', '.join(sorted(names))}, and the paths of results"
    return f"{target}: no such target{suggestion(target, names) or ';'} {known}"
