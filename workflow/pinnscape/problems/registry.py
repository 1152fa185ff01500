"""The problems of the library, by name.

To add a problem, define a subclass of ``Problem`` in a file in ``equations``, and name it here.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

PROBLEMS = {
    "poisson1d": "poisson:Poisson1d",
    "poisson2d": "poisson:Poisson2d",
    "semilinear2d": "semilinear:Semilinear2d",
    "neo_hookean2d": "neo_hookean:NeoHookean2d",
    "convection": "convection:Convection",
    "reaction": "reaction:Reaction",
    "wave": "wave:Wave",
    "burgers": "burgers:Burgers",
    "l_shape": "l_shape:LShapePoisson",
    "beam": "beam:Beam",
}


def problem_class(name: str) -> "type[Problem]":
    """The class of the problem of this name.

    Raises:
        KeyError: there is no such problem.
    """
    module, cls = PROBLEMS[name].split(":")
    return getattr(importlib.import_module(f"pinnscape.problems.equations.{module}"), cls)


def about(name: str) -> str:
    """A description of a problem in one line: the first line of its docstring without the full stop."""
    return (problem_class(name).__doc__ or "").strip().splitlines()[0].removesuffix(".")
