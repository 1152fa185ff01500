"""Which problems there are: the classes in the modules of this folder that state a name. They are found without importing torch.

To add a problem: a module in this folder with a subclass of ``base.Problem``.
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pinnscape.common.errors import ProblemError
from pinnscape.problems.classes import Class, classes, lineage, value

FOLDER = Path(__file__).parent
Bound = tuple[float, Literal["above", "at least"]]


@dataclass(frozen=True)
class Entry:
    """Where a problem is defined, the sizes of its network's input and output, its parameters with their lower bounds, and one line about it.

    A size is 0 where the text of the class does not tell it.
    """

    module: str
    cls: str
    dimension: int
    components: int
    parameters: Mapping[str, Bound] = field(default_factory=dict)
    about: str = ""


def entries(folder: Path = FOLDER) -> Iterator[tuple[str, Entry]]:
    """Names and entries, module by module. A module that is no Python has none."""
    for path in sorted(folder.glob("*.py")):
        with suppress(ProblemError):
            for found in classes(path):
                name = value([found], "name")
                if isinstance(name, str):
                    yield name, _entry(found)


def _entry(found: Class) -> Entry:
    own = list(lineage(found))
    dimension, components, parameters = (value(own, attribute) for attribute in ("dimension", "components", "parameters"))
    sizes = (dimension if isinstance(dimension, int) else 0, len(components) if isinstance(components, (tuple, list)) else 0)
    about = value(own[:1], "about")
    return Entry(
        found.path.stem,
        found.node.name,
        *sizes,
        parameters if isinstance(parameters, dict) else {},
        about if isinstance(about, str) else "",
    )


CATALOG: dict[str, Entry] = dict(entries())


def problem(name: str, parameters: Mapping[str, float] | None = None):
    """The problem of this name, with its parameters (those left out have the problem's own defaults).

    Raises:
        KeyError: no such problem.
    """
    entry = CATALOG[name]
    return getattr(importlib.import_module(f"pinnscape.problems.{entry.module}"), entry.cls)(**(parameters or {}))
