"""Which problems there are. This list names them without importing torch, so that a study can be checked in no time.

To add a problem: write a module in this folder with a subclass of ``base.Problem``, and one line here.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Bound = tuple[float, Literal["above", "at least"]]


@dataclass(frozen=True)
class Entry:
    """Where a problem is defined, the sizes of its network's input and output, and its parameters with their lower bounds."""

    module: str
    cls: str
    dimension: int
    components: int
    parameters: Mapping[str, Bound] = field(default_factory=dict)


CATALOG: dict[str, Entry] = {
    "poisson1d": Entry("poisson", "Poisson1d", 1, 1),
    "poisson2d": Entry("poisson", "Poisson2d", 2, 1),
    "semilinear2d": Entry("semilinear", "Semilinear2d", 2, 1),
    "neo_hookean2d": Entry("neo_hookean", "NeoHookean2d", 2, 2, {"mu": (0.0, "above"), "lambda": (0.0, "at least")}),
}


def problem(name: str, parameters: Mapping[str, float] | None = None):
    """The problem of this name, with its parameters (those left out have the problem's own defaults).

    Raises:
        KeyError: no such problem.
    """
    entry = CATALOG[name]
    return getattr(importlib.import_module(f"pinnscape.problems.{entry.module}"), entry.cls)(**(parameters or {}))
