"""What can be said of a problem from the text of its module, without importing torch: is the class there, with all that it must have?

Only what is certain is refused: a class whose bases cannot be followed to the end is left to the job that checks the problem.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pinnscape.common.errors import ProblemError
from pinnscape.problems.catalog import FOLDER, Entry, entries
from pinnscape.problems.classes import classes, lineage, parsed, shown

_MUST = {"density": "def density(self, x, u, du)", "exact": "def exact(self, x)"}
_SIZES = {"dimension": "dimension = 2", "components": 'components = ("u",)'}


def named(config: Mapping[str, Any]) -> list[str]:
    """Names of problems in a configuration that has not been checked."""
    study = config.get("study")
    names = study.get("problems") if isinstance(study, Mapping) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def check(names: Iterable[str], folder: Path = FOLDER) -> None:
    """Refuse problems whose modules cannot be those of a problem. A name that no class has is left to the check of the configuration.

    Args:
        names: of problems.
        folder: of their modules.

    Raises:
        ProblemError: a module is no Python, two classes have one name, or a class lacks a method or a size; one line.
    """
    listed = list(entries(folder))
    for name in names:
        found = [entry for known, entry in listed if known == name]
        if not found:
            for path in sorted(folder.glob("*.py")):
                parsed(path)  # the problem may be in one that cannot be read
        elif len(found) > 1:
            places = " and ".join(f"{shown(folder / f'{entry.module}.py')}: {entry.cls}" for entry in found)
            raise ProblemError(f"{places}: have one name, {name}; change one of them")
        else:
            _check(found[0], folder)


def _check(entry: Entry, folder: Path) -> None:
    path = folder / f"{entry.module}.py"
    where = f"{shown(path)}: {entry.cls}"
    own = list(lineage(next(found for found in classes(path) if found.node.name == entry.cls)))
    if None not in own:
        base = (folder / "base.py", "Problem")
        ours = [c for c in own if c is not None and (c.path, c.node.name) != base]
        if len(ours) == len(own):
            raise ProblemError(
                f"{where} is no problem; write `class {entry.cls}(Problem)`, Problem from pinnscape.problems.base"
            )
        for method, signature in _MUST.items():
            if not any(method in c.names for c in ours):
                raise ProblemError(f"{where}.{method}: is missing; define `{signature}`")
    for attribute, example in _SIZES.items():
        if not getattr(entry, attribute):
            raise ProblemError(f"{where}.{attribute}: is not stated as a plain value; write it like `{example}`")
