"""Replacement of some tracebacks of Snakemake, for user errors and unwritable folders, by one line with a remedy.

The texts and exceptions are those of at least Snakemake 9 to 9.27.1.
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
    """A filter for the logger of Snakemake that replaces known errors by one line and leaves all other records unchanged.

    Args:
        names: names of the targets.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = names

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass all records. Replace the text of an error that Snakemake logs while it handles a known exception."""
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
    """Allow characters outside the encoding of the locale in the log of Snakemake, which (at least up to 9.27.1) uses it."""
    for handler in logger.handlers:
        stream = getattr(handler, "stream", None)
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def unwritable(error: OSError) -> str | None:
    """One line about a path that cannot be written or read because of permissions or the disk; None for other errors."""
    if error.errno not in _UNWRITABLE or not error.filename:
        return None
    path = Path(os.fsdecode(error.filename))
    if path.exists() and not os.access(path, os.R_OK):
        return f"{path}: cannot be read ({error.strerror}); make it readable, or run in a copy of the project"
    return str(atomic.refusal(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path, error))


def unknown(target: str, names: Collection[str]) -> str:
    """One line about a target that no rule makes."""
    if "/" in target:
        return f"{target}: neither a result of this study nor an existing file"
    known = f"known are {', '.join(sorted(names))}, and the paths of results"
    return f"{target}: no such target{suggestion(target, names) or ';'} {known}"
