"""Numerical solutions on a grid of one variable of space and time, as datasets, and their values at any points."""

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

_DEGREE = 5  # of splines between the points of a grid


def dataset(problem: "Problem", axes: tuple[np.ndarray, np.ndarray], values: np.ndarray, error: float, way: str) -> xr.Dataset:
    """A solution on a grid.

    Args:
        problem: whose solution it is.
        axes: coordinates of space and of time, ascending.
        values: of the components (c, len(x), len(t)).
        error: an estimate of the largest error of a value.
        way: how it was computed.
    """
    names = problem.domain.names
    variables = {
        component: (names, value, {"long_name": f"reference solution {component}", "units": "1"})
        for component, value in zip(problem.components, values, strict=True)
    }
    coordinates = {name: (name, axis, {"long_name": name, "units": "1"}) for name, axis in zip(names, axes, strict=True)}
    return xr.Dataset(variables, coordinates, attributes(problem, error, way))


def attributes(problem: "Problem", error: float, way: str) -> dict[str, str | float]:
    """What a reference says of itself."""
    return {
        "problem": type(problem).__name__,
        "parameters": json.dumps(problem.parameters),
        "way": way,
        "error_estimate": float(error),
    }


def at(data: xr.Dataset, points: np.ndarray) -> np.ndarray:
    """Values (n, c) at points (n, 2), by splines of degree 5."""
    from scipy.interpolate import RectBivariateSpline  # late: takes a second

    values = [data[str(name)] for name in data.data_vars]
    axes = [data[str(name)].to_numpy() for name in values[0].dims]
    splines = [RectBivariateSpline(axes[0], axes[1], value.to_numpy(), kx=_DEGREE, ky=_DEGREE) for value in values]
    return np.stack([spline(*points.T, grid=False) for spline in splines], -1)
