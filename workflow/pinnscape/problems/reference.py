"""Numerical reference solutions of problems without an exact solution, as datasets that can be stored as NetCDF files.

The attribute ``reference`` of a problem names the method:

``cole-hopf``
    Cole-Hopf transformation of Burgers' equation (``references.cole_hopf``).
``method-of-lines``
    Equations in time and one space variable (``references.method_of_lines``).
``finite-elements``
    Energies in two space variables (``references.finite_elements``).
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pinnscape.problems.field import Point

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

_ACCURACY = 1e-2  # largest error estimate relative to the size of the solution
WAYS = ("cole-hopf", "method-of-lines", "finite-elements")


def compute(problem: "Problem", **settings: Any) -> xr.Dataset:
    """Solve a problem numerically by the method that its attribute ``reference`` names.

    Args:
        problem: the problem.
        settings: settings of the method, such as ``points``; see the function ``solve`` of its module.

    Returns:
        A dataset; its attribute ``error_estimate`` is an estimate of the maximum error of the solution.

    Raises:
        ValueError: the method is missing or unknown, cannot solve the problem, or is not accurate.
    """
    way = problem.reference
    if way not in WAYS:
        raise ValueError(f"`reference` of {type(problem).__name__} must be one of {', '.join(WAYS)}, not {way!r}")
    with np.errstate(over="ignore", invalid="ignore"):  # the solver rejects steps in which numbers overflow
        found = _module(way).solve(problem, **settings)
    size, error = _size(found), float(found.attrs["error_estimate"])
    if not error <= _ACCURACY * size:
        raise ValueError(
            f"the reference {way} of {type(problem).__name__} is not accurate: its error is about {error:.1e} for a solution of size "
            f"{size:.1e}; the equation may be ill-posed; correct it, or leave out `reference`"
        )
    return found


def _size(data: xr.Dataset) -> float:
    """Largest absolute value of a numerical solution."""
    names = ["coefficient"] if "coefficient" in data else list(data.data_vars)
    return max(float(np.abs(data[name]).max()) for name in names)


def at(data: xr.Dataset, points: np.ndarray) -> np.ndarray:
    """Values (n, c) of a numerical solution with c components at points (n, d)."""
    way = data.attrs["way"]
    return importlib.import_module(f"pinnscape.problems.references.{'finite_elements' if way == WAYS[2] else 'grid'}").at(
        data, points
    )


def solution(data: xr.Dataset) -> Callable[[Point], Any]:
    """A numerical solution as a function of a point, as ``statement.terms`` needs it.

    Args:
        data: the dataset of ``compute``.

    Returns:
        A function that maps a point, whose coordinates are tensors (n,), to a tuple of tensors (n,), one for each component.
    """
    import torch  # imported here, because equations can be defined without torch

    def function(p: Point) -> tuple[Any, ...]:
        points = torch.stack(list(p), -1).detach().cpu().numpy()
        return tuple(torch.tensor(column) for column in at(data, points).T)

    return function


def _module(way: str) -> Any:
    return importlib.import_module(f"pinnscape.problems.references.{way.replace('-', '_')}")
