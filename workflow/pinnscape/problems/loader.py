"""Problems from files anywhere: ``my_problems/mine.py``, or ``my_problems/mine.py:Mine`` where a file has several."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from pinnscape.common import memory
from pinnscape.common.errors import PinnscapeError, ProblemError
from pinnscape.config.schema import suggestion
from pinnscape.problems.faults import cut, said, shown
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import PROBLEMS, problem_class

PROJECT = Path(__file__).resolve().parents[3]


def load(name: str, parameters: Mapping[str, float] | None = None) -> Problem:
    """The problem of this name, or the one in a file.

    Args:
        name: in ``registry.PROBLEMS``, or a path that ends in ``.py``, with ``:Class`` behind it where the file has several problems.
        parameters: values of some of its parameters.

    Raises:
        ProblemError: there is no such problem, its file cannot be used, or a parameter does not fit; one line.
    """
    cls = load_class(name)
    try:
        return cls(**(parameters or {}))
    except PinnscapeError:
        raise
    except ValueError as error:
        raise ProblemError(f"{name}: {said(error)}") from None
    except Exception as error:
        if memory.ran_out(error):
            raise
        raise ProblemError(
            f"{name}: {cls.__name__} cannot be made ({type(error).__name__}: {said(error)}); mend the class"
        ) from error


def load_class(name: str) -> type[Problem]:
    """The class of a problem; arguments as for ``load``.

    Raises:
        ProblemError: there is none, or several; one line.
    """
    path, _, wanted = name.partition(":")
    if not path.endswith(".py"):
        if name not in PROBLEMS:
            known = ", ".join(PROBLEMS)
            text = f"no such problem; there are {known}, and files such as my_problems/mine.py"
            raise ProblemError(f"{cut(name)}: {text}{suggestion(name, PROBLEMS)}")
        return problem_class(name)
    module = _imported(_located(path))
    found = {key: value for key, value in vars(module).items() if _is_own(value, module)}
    if wanted:
        if wanted not in found:
            raise ProblemError(f"{path}: no problem {wanted}; there is {', '.join(found) or 'none'}")
        return found[wanted]
    if not found:
        raise ProblemError(f"{path}: no problem in this file; define a subclass of pinnscape.problems.problem.Problem")
    if len(found) > 1:
        raise ProblemError(
            f"{path}: {len(found)} problems in this file, {', '.join(found)}; name one, as in {path}:{next(iter(found))}"
        )
    return next(iter(found.values()))


def file_of(name: str) -> Path:
    """The file that defines a problem; arguments as for ``load``."""
    path = name.partition(":")[0]
    if path.endswith(".py"):
        return _located(path)
    return Path(__file__).parent / "equations" / f"{PROBLEMS[name].partition(':')[0]}.py"


def _located(path: str) -> Path:
    """The file at this path, relative to the working directory or, if there is none, to the folder of the workflow.

    Studies with results in a folder of their own are run in that folder.
    """
    beside = PROJECT / path
    return beside if beside.is_file() and not Path(path).is_file() else Path(path)


def _is_own(value: object, module: ModuleType) -> bool:
    """Whether something is a problem that this module defines; names with an underscore are bases of others."""
    if not isinstance(value, type) or not issubclass(value, Problem):
        return False
    return value.__module__ == module.__name__ and not value.__name__.startswith("_")


def _imported(path: Path) -> ModuleType:
    """The module of a file, run once for each content; modules beside it can be imported.

    Raises:
        ProblemError: it cannot be read or run; one line.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError for characters that no path has
        reason = getattr(error, "strerror", None) or error
        raise ProblemError(f"{path}: cannot be read ({reason}); a problem is a name, or a path that ends in .py") from None
    name = f"pinnscape_problem_{hashlib.sha256(str(path.resolve()).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
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
        raise ProblemError(f"{shown(path)}: {_where(error, path)}{type(error).__name__}: {said(error)}; mend it") from error
    finally:
        sys.path.remove(folder)
    return module


def _where(error: BaseException, path: Path) -> str:
    """The line of a file at which an error arose."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: "
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == path.resolve()
    ]
    return f"line {lines[-1]}: " if lines else ""
