"""Burgers' equation by the transformation of Cole (1951) and Hopf (1950), following Basdevant et al. (1986).

For u = 0 at x = ±1 and u = -sin πx at t = 0, the solution is

    u(x, t) = -∫ sin π(x - η) w(η) dη / ∫ w(η) dη,    w(η) = exp(-cos(π(x - η)) / 2πν - η² / 4νt).

The integrals extend over the real line. The integrands are smooth and decay like Gaussians, so that the trapezoidal rule
converges faster than any power of the step.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pinnscape.problems.references import grid

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

_NEGLIGIBLE = 45.0  # exp(-45) is below rounding


def solution(x: np.ndarray, t: np.ndarray, nu: float, step: float = 0.1) -> np.ndarray:
    """The solution u(x, t) at n points in space and time.

    Args:
        x: (n,), in [-1, 1].
        t: times (n,), at least 0.
        nu: viscosity ν.
        step: step of the trapezoidal rule in units of √(4νt).

    Returns:
        Values (n,).
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
    """Solve Burgers' equation on a grid that is finer in the layer at x = 0.

    The error is estimated midway between grid points, by comparing the interpolant with a solution with half the step.

    Args:
        problem: Burgers' equation, with the viscosity as parameter ``nu``.
        points: number of grid points in space.
        times: number of grid points in time.
        step: see ``solution``.

    Raises:
        ValueError: the problem has no parameter ``nu``.
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
    """Points in [-1, 1] whose spacing at 0 is reduced by a factor of sinh(a)/a, to resolve the layer of width ν."""
    a = np.arcsinh(1.0 / (4.0 * nu)) if nu < 0.1 else 1e-6
    return np.sinh(a * np.linspace(-1.0, 1.0, points)) / np.sinh(a)


def _between(axis: np.ndarray) -> np.ndarray:
    return 0.5 * (axis[1:] + axis[:-1])
