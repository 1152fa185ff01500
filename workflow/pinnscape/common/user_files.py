"""Python files of users: where they are, and how they are imported."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from pinnscape.common import memory
from pinnscape.common.errors import PinnscapeError
from pinnscape.common.texts import said, shown

PROJECT = Path(__file__).resolve().parents[3]


class _WithoutBytecode(SourceFileLoader):
    """Reads the text of a file. Python takes stored bytecode for that of a file with the same size and the same second of change."""

    def path_stats(self, path: Any) -> Any:
        """Say that the time of the last change is unknown, without which no bytecode is read or stored."""
        raise OSError(f"{path}: bytecode is not used")


def located(path: str) -> Path:
    """The file at this path, relative to the working directory or, if it does not exist there, to the folder of the project.

    The working directory of a study with a separate folder for its results is that folder.
    """
    beside = PROJECT / path
    return beside if beside.is_file() and not Path(path).is_file() else Path(path)


def imported(path: Path, what: str, kind: type[PinnscapeError]) -> ModuleType:
    """Import a file as a module. It is executed again only if its content changes, and may import modules from its folder.

    Args:
        path: the file.
        what: what the file defines, for messages, such as ``a problem``.
        kind: class of the errors.

    Raises:
        PinnscapeError: the file cannot be read, or raises an error; of the class ``kind``.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError means that the path contains an invalid character
        reason = getattr(error, "strerror", None) or error
        raise kind(f"{path}: cannot be read ({reason}); {what} is a name, or a path that ends in .py") from None
    digest = hashlib.sha256(str(path.resolve()).encode() + content).hexdigest()[:16]
    name = f"pinnscape_{what.split()[-1]}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path, loader=_WithoutBytecode(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (KeyboardInterrupt, PinnscapeError)) or memory.ran_out(error):
            raise
        raise kind(f"{shown(path)}: {line_of(error, path)}{type(error).__name__}: {said(error)}; mend it") from error
    finally:
        sys.path.remove(folder)
    return module


@contextmanager
def reporting(told: Callable[[Exception], PinnscapeError]) -> Iterator[None]:
    """Report an error that the code of a user raises in the block. A lack of memory, and an error that is a message already, remain.

    Args:
        told: makes the message of an error.

    Raises:
        PinnscapeError: the block has raised an error; the result of ``told``.
    """
    try:
        yield
    except PinnscapeError:
        raise
    except Exception as error:
        if memory.ran_out(error):
            raise
        raise told(error) from error


def line_of(error: BaseException, path: Path) -> str:
    """The beginning of a message that names the line of the file in which an error was raised. It is empty if the line is unknown."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: "
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == path.resolve()
    ]
    return f"line {lines[-1]}: " if lines else ""
