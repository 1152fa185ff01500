"""Loading of problems by name, or from a file: ``my_problems/mine.py``, or ``my_problems/mine.py:Mine`` if it defines several."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from pinnscape.common.errors import ProblemError
from pinnscape.common.texts import cut, said
from pinnscape.common.user_files import imported, located, reporting
from pinnscape.config.schema import suggestion
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import PROBLEMS, problem_class

_KIND = "a problem"


def load(name: str, parameters: Mapping[str, float] | None = None) -> Problem:
    """Load a problem of the library, or a problem from a file.

    Args:
        name: a name in ``registry.PROBLEMS``, or a path that ends in ``.py``, followed by ``:Class`` if the file defines several
            problems.
        parameters: values of parameters by name; the others keep their defaults.

    Raises:
        ProblemError: there is no such problem, its file cannot be used, or a parameter is unknown or out of range.
    """
    cls = load_class(name)

    def told(error: Exception) -> ProblemError:
        if isinstance(error, ValueError):
            return ProblemError(f"{name}: {said(error)}")
        return ProblemError(f"{name}: {cls.__name__} cannot be made ({type(error).__name__}: {said(error)}); mend the class")

    with reporting(told):
        return cls(**(parameters or {}))


def load_class(name: str) -> type[Problem]:
    """Load the class of a problem.

    Args:
        name: as for ``load``.

    Raises:
        ProblemError: there is no such problem, its file cannot be used, or the file defines several problems and none is named.
    """
    path, _, wanted = name.partition(":")
    if not path.endswith(".py"):
        if name not in PROBLEMS:
            known = ", ".join(PROBLEMS)
            text = f"no such problem; there are {known}, and files such as my_problems/mine.py"
            raise ProblemError(f"{cut(name)}: {text}{suggestion(name, PROBLEMS)}")
        return problem_class(name)
    module = imported(located(path), _KIND, ProblemError)
    found = {key: value for key, value in vars(module).items() if _is_own(value, module)}
    if wanted:
        if wanted not in found:
            raise ProblemError(f"{path}: no problem {wanted}; there is {', '.join(found) or 'none'}")
        return found[wanted]
    if not found:
        raise ProblemError(f"{path}: no problem in this file; define a subclass of pinnscape.problems.problem.Problem")
    complete = {name: cls for name, cls in found.items() if cls.has("density") or cls.has("residual")}
    found = complete or found  # classes without an equation are bases of others
    if len(found) > 1:
        raise ProblemError(
            f"{path}: {len(found)} problems in this file, {', '.join(found)}; name one, as in {path}:{next(iter(found))}"
        )
    return next(iter(found.values()))


def file_of(name: str) -> Path:
    """The file that defines the problem of this name; see ``load``."""
    path = name.partition(":")[0]
    if path.endswith(".py"):
        return located(path)
    return Path(__file__).parent / "equations" / f"{PROBLEMS[name].partition(':')[0]}.py"


def _is_own(value: object, module: ModuleType) -> bool:
    """Whether an object is a problem class that the module itself defines; base classes have names with a leading underscore."""
    if not isinstance(value, type) or not issubclass(value, Problem):
        return False
    return value.__module__ == module.__name__ and not value.__name__.startswith("_")
