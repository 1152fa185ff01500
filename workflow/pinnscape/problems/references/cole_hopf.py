"""Burgers' equation by the transformation of Cole (1951) and Hopf (1950), as Basdevant et al. (1986) use it.

With u = 0 at x = ±1 and u = -sin πx at first,

    u(x, t) = -∫ sin π(x - η) w(η) dη / ∫ w(η) dη,    w(η) = exp(-cos(π(x - η)) / 2πν - η² / 4νt).

The integrals run over the whole line; their integrands decay like Gaussians, so that sums with equal weights converge faster than any power of the step.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pinnscape.problems.references import grid

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

_NEGLIGIBLE = 45.0  # exp(-45) is below rounding


def solution(x: np.ndarray, t: np.ndarray, nu: float, step: float = 0.1) -> np.ndarray:
    """Values u (n,) at points x (n,) and times t (n,) from 0 on.

    Args:
        x: places in [-1, 1].
        t: times.
        nu: viscosity.
        step: of the sums, in units of √(4νt).
    """
    reach = np.sqrt(1.0 / (np.pi * nu) + _NEGLIGIBLE)
    s = np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1.0) * step
    found = np.empty(len(x))
    for start in range(0, len(x), 4096):
        rows = slice(start, start + 4096)
        y = x[rows, None] - np.sqrt(4.0 * nu * t[rows, None]) * s
        exponent = -np.cos(np.pi * y) / (2.0 * np.pi * nu) - s**2
        weights = np.exp(exponent - exponent.max(1, keepdims=True))
        found[rows] = -(np.sin(np.pi * y) * weights).sum(1) / weights.sum(1)
    return found


def solve(problem: "Problem", points: int = 513, times: int = 201, step: float = 0.1) -> xr.Dataset:
    """The solution of Burgers' equation on a grid that is fine in the layer at x = 0.

    The error is estimated midway between the points of the grid, and with half the step.

    Raises:
        ValueError: the problem is another one.
    """
    nu = problem.parameters.get("nu")
    if nu is None:
        raise ValueError(
            f"the reference cole-hopf is for Burgers' equation with a parameter nu, which {type(problem).__name__} lacks"
        )
    x = _graded(points, nu)
    t = np.linspace(problem.domain.bounds[1, 0], problem.domain.bounds[1, 1], times)

    def on(x: np.ndarray, t: np.ndarray, step: float) -> np.ndarray:
        places, moments = (axis.ravel() for axis in np.meshgrid(x, t, indexing="ij"))
        return solution(places, moments, nu, step).reshape(len(x), len(t))

    found = grid.dataset(problem, (x, t), on(x, t, step)[None], 0.0, "cole-hopf")
    x, t = _between(x)[::3], _between(t)[::3]
    places, moments = (axis.ravel() for axis in np.meshgrid(x, t, indexing="ij"))
    error = np.abs(grid.at(found, np.stack([places, moments], 1))[:, 0] - on(x, t, 0.5 * step).ravel()).max()
    return found.assign_attrs(error_estimate=float(error))


def _graded(points: int, nu: float) -> np.ndarray:
    """Points in [-1, 1], closer by a factor sinh(a)/a at 0, where the layer has the width ν."""
    a = np.arcsinh(1.0 / (4.0 * nu)) if nu < 0.1 else 1e-6
    return np.sinh(a * np.linspace(-1.0, 1.0, points)) / np.sinh(a)


def _between(axis: np.ndarray) -> np.ndarray:
    return 0.5 * (axis[1:] + axis[:-1])
