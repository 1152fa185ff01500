"""Numerical solutions on a grid in time and one space variable, as datasets, and their interpolation."""

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

_DEGREE = 5  # degree of the interpolating splines


def dataset(problem: "Problem", axes: tuple[np.ndarray, np.ndarray], values: np.ndarray, error: float, way: str) -> xr.Dataset:
    """The dataset of a solution on a grid.

    Args:
        problem: the problem that was solved.
        axes: coordinates of the grid in space and in time, ascending.
        values: values (c, len(x), len(t)) of the components.
        error: estimate of the maximum error.
        way: name of the numerical method.
    """
    names = problem.domain.names
    variables = {
        component: (names, value, {"long_name": f"reference solution {component}", "units": "1"})
        for component, value in zip(problem.components, values, strict=True)
    }
    coordinates = {name: (name, axis, {"long_name": name, "units": "1"}) for name, axis in zip(names, axes, strict=True)}
    return xr.Dataset(variables, coordinates, attributes(problem, error, way))


def attributes(problem: "Problem", error: float, way: str) -> dict[str, str | float]:
    """Attributes of the dataset of a solution: problem, parameters, numerical method and error estimate."""
    return {
        "problem": type(problem).__name__,
        "parameters": json.dumps(problem.parameters),
        "way": way,
        "error_estimate": float(error),
    }


def at(data: xr.Dataset, points: np.ndarray) -> np.ndarray:
    """Values (n, c) of a solution at points (n, 2), interpolated by splines of degree 5.

    Args:
        data: a dataset of ``dataset``.
        points: (n, 2).
    """
    from scipy.interpolate import RectBivariateSpline  # imported here, because it takes a second

    values = [data[str(name)] for name in data.data_vars]
    axes = [data[str(name)].to_numpy() for name in values[0].dims]
    splines = [RectBivariateSpline(axes[0], axes[1], value.to_numpy(), kx=_DEGREE, ky=_DEGREE) for value in values]
    return np.stack([spline(*points.T, grid=False) for spline in splines], -1)
