"""Numerical solutions of problems without an exact one, computed once and kept as datasets, which NetCDF can hold.

A problem names the way to its solution in its attribute ``reference``:

``cole-hopf``
    Burgers' equation by quadrature (``references.cole_hopf``).
``method-of-lines``
    Equations in one variable of space and time (``references.method_of_lines``).
``finite-elements``
    Energies in two variables (``references.finite_elements``).
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pinnscape.problems.field import Point

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

WAYS = ("cole-hopf", "method-of-lines", "finite-elements")


def compute(problem: "Problem", **settings: Any) -> xr.Dataset:
    """The numerical solution of a problem, by the way that it names.

    Args:
        problem: with the attribute ``reference``.
        settings: of the way, such as ``points``; see its module.

    Returns:
        A dataset; its attribute ``error_estimate`` is an estimate of the largest error of a value.

    Raises:
        ValueError: the problem names no way, an unknown one, or one that does not solve it; one line.
    """
    way = problem.reference
    if way not in WAYS:
        raise ValueError(f"`reference` of {type(problem).__name__} must be one of {', '.join(WAYS)}, not {way!r}")
    return _module(way).solve(problem, **settings)


def at(data: xr.Dataset, points: np.ndarray) -> np.ndarray:
    """Values (n, c) of a numerical solution at points (n, d)."""
    way = data.attrs["way"]
    return importlib.import_module(f"pinnscape.problems.references.{'finite_elements' if way == WAYS[2] else 'grid'}").at(
        data, points
    )


def solution(data: xr.Dataset) -> Callable[[Point], Any]:
    """A numerical solution as a function of a point of tensors, as ``statement.terms`` takes it."""
    import torch  # late: an equation can be stated without it

    def function(p: Point) -> tuple[Any, ...]:
        points = torch.stack(list(p), -1).detach().cpu().numpy()
        return tuple(torch.tensor(column) for column in at(data, points).T)

    return function


def _module(way: str) -> Any:
    return importlib.import_module(f"pinnscape.problems.references.{way.replace('-', '_')}")
