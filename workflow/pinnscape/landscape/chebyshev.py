"""Chebyshev interpolants in one or two variables. Torch is not needed.

The nodes are the Chebyshev-Lobatto points -cos(πk/n). The coefficients belong to the Chebyshev polynomials T_k of the variable
scaled to [-1, 1] (Trefethen 2013, Approximation Theory and Approximation Practice, ch. 2-4).
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev as series
from scipy import fft

Domain = tuple[tuple[float, float], ...]


def nodes(degree: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """The degree + 1 Chebyshev-Lobatto points of [low, high] in ascending order.

    The points of half the degree are bitwise identical to every second point, and the midpoint of a symmetric interval is
    exactly 0.
    """
    # The sine is odd to the last bit, which the cosine about π/2 is not.
    unit = np.sin(np.pi * np.arange(-degree, degree + 1, 2) / (2 * degree))
    return np.clip(0.5 * (low + high) + 0.5 * (high - low) * unit, low, high)


def coefficients(values: np.ndarray, dimension: int) -> np.ndarray:
    """Chebyshev coefficients from values at ``nodes`` along each of the last ``dimension`` axes, by cosine transforms.

    Args:
        values: values (..., n0+1[, n1+1]); each degree is at least 1.
        dimension: number of variables, 1 or 2.

    Returns:
        Coefficients of the shape of ``values``; all are NaN for a field that contains a NaN.
    """
    result = np.asarray(values, dtype=float)
    for axis in range(-dimension, 0):
        # The transform starts at +1 and weights the first and last terms by one half (Trefethen 2013, ch. 3).
        result = np.moveaxis(fft.dct(np.flip(result, axis), type=1, axis=axis) / (result.shape[axis] - 1), axis, -1)
        result[..., [0, -1]] *= 0.5
        result = np.moveaxis(result, -1, axis)
    return result


@dataclass(frozen=True, eq=False)
class Interpolant:
    """Polynomials of several fields on an interval or a rectangle.

    Args:
        domain: interval (low, high) of each of the d = 1 or 2 variables.
        coefficients: coefficients of the Chebyshev polynomials (fields, n0+1[, n1+1]).

    Raises:
        ValueError: an interval is empty, or the coefficients do not have d axes after the first.
    """

    domain: Domain
    coefficients: np.ndarray

    def __post_init__(self) -> None:
        if self.dimension not in (1, 2) or not all(low < high for low, high in self.domain):
            raise ValueError(f"`domain` must be one or two intervals (low, high) with low < high, not {self.domain}")
        if self.coefficients.ndim != 1 + self.dimension or 0 in self.coefficients.shape[1:]:
            raise ValueError(
                f"`coefficients` must be (fields, ...) with {self.dimension} axes more, not {self.coefficients.shape}"
            )

    @property
    def dimension(self) -> int:
        return len(self.domain)

    @property
    def degrees(self) -> tuple[int, ...]:
        return tuple(size - 1 for size in self.coefficients.shape[1:])

    def on_grid(self, *axes: np.ndarray) -> np.ndarray:
        """Values (fields, len(a0)[, len(a1)]) on the tensor grid of the coordinate arrays ``axes``, one for each variable."""
        return _on_grid(self.coefficients, [self.scaled(a, axis) for axis, a in enumerate(axes)])

    def at(self, points: np.ndarray) -> np.ndarray:
        """Values (fields, m) at points (m, d)."""
        return _at(self.coefficients, self.scaled(points))

    def scaled(self, points: np.ndarray, axis: int | None = None) -> np.ndarray:
        """Coordinates scaled to [-1, 1], of points (m, d), or of one axis (m,) if ``axis`` is given."""
        low, high = np.array(self.domain).T if axis is None else self.domain[axis]
        return (2.0 * np.asarray(points, dtype=float) - low - high) / (np.asarray(high) - low)


def _on_grid(coefs: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Values Σ c_ij T_i(x) T_j(y) (fields, len(x)[, len(y)]) on the tensor grid of scaled coordinates."""
    result = coefs
    for axis, t in enumerate(axes):
        result = np.moveaxis(np.tensordot(result, series.chebvander(t, coefs.shape[1 + axis] - 1), (1 + axis, 1)), -1, 1 + axis)
    return result


def _at(coefs: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Values Σ c_ij T_i(x) T_j(y) (fields, m) at scaled points (m, d)."""
    first = series.chebvander(scaled[:, 0], coefs.shape[1] - 1)
    if coefs.ndim == 2:
        return coefs @ first.T
    second = series.chebvander(scaled[:, 1], coefs.shape[2] - 1)
    return np.einsum("fmj,mj->fm", first @ coefs, second)
