"""Errors in the definition of a problem: one-line messages with the file, the class, the method and the remedy."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pinnscape.common.errors import ProblemError
from pinnscape.common.texts import said, shown
from pinnscape.common.user_files import reporting


def fault(problem: Any, method: str, text: str) -> ProblemError:
    """An error in the definition of a problem.

    Args:
        problem: a problem or its class.
        method: name of the method or attribute that is wrong.
        text: what is wrong with it, and the remedy.
    """
    cls = problem if isinstance(problem, type) else type(problem)
    return ProblemError(f"{file_of(cls)}: {cls.__name__}.{method}: {text}")


def file_of(cls: type) -> str:
    """The file that defines a class, as messages show it (see ``shown``)."""
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return cls.__module__ if path is None else shown(Path(path))


@contextmanager
def naming(problem: Any, method: str, remedy: str = "") -> Iterator[None]:
    """Report any error in the block as an error in the definition of a problem, except a lack of memory.

    Args:
        problem: a problem or its class.
        method: name of the method or attribute to which the error is attributed.
        remedy: text that is added to the message.

    Raises:
        ProblemError: the block has raised an error.
    """

    def told(error: Exception) -> ProblemError:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        return fault(problem, method, f"{kind}{said(error)}{f'; {remedy}' if remedy else ''}")

    with reporting(told):
        yield
