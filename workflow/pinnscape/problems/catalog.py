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
    """Where a problem is defined, the sizes of its network's input and output, its parameters with their lower bounds, and one line about it."""

    module: str
    cls: str
    dimension: int
    components: int
    parameters: Mapping[str, Bound] = field(default_factory=dict)
    about: str = field(default="", repr=False)  # a comment in config.yaml, which must not make anything run again


CATALOG: dict[str, Entry] = {
    "poisson1d": Entry("poisson", "Poisson1d", 1, 1, about="-u'' = f on (0, 1), u* = sin pi x + 1/2 sin 4 pi x"),
    "poisson2d": Entry("poisson", "Poisson2d", 2, 1, about="-Laplace u = f on the unit square, u* = sin pi x sin pi y"),
    "semilinear2d": Entry(
        "semilinear", "Semilinear2d", 2, 1, about="-Laplace u + u^3 = f on the unit square, u* = sin pi x sin 2 pi y"
    ),
    "neo_hookean2d": Entry(
        "neo_hookean",
        "NeoHookean2d",
        2,
        2,
        {"mu": (0.0, "above"), "lambda": (0.0, "at least")},
        "compressible neo-Hookean plane strain on the unit square; mu and lambda are Lame parameters",
    ),
}


def problem(name: str, parameters: Mapping[str, float] | None = None):
    """The problem of this name, with its parameters (those left out have the problem's own defaults).

    Raises:
        KeyError: no such problem.
    """
    entry = CATALOG[name]
    return getattr(importlib.import_module(f"pinnscape.problems.{entry.module}"), entry.cls)(**(parameters or {}))
