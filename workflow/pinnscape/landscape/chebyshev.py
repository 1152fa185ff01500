"""Chebyshev interpolants in one or two variables: values, exact derivatives and critical points. Torch is not needed.

Nodes are the Chebyshev-Lobatto points -cos(πk/n); coefficients are those of Chebyshev polynomials T_k of the variable scaled to
[-1, 1] (Trefethen 2013, Approximation Theory and Approximation Practice, ch. 2-4).
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev as series
from scipy import fft

Domain = tuple[tuple[float, float], ...]

MINIMUM, SADDLE, MAXIMUM = "minimum", "saddle", "maximum"

# Newton's method converges in a handful of steps from a cell that holds a critical point; more than that is a false start.
_NEWTON_STEPS = 20
# Cells an axis and degree in which critical points are looked for: half the mean distance of the zeros of T_n.
_CELLS = 3
# In the variable scaled to [-1, 1]: what counts as converged and as the same point.
_CONVERGED, _SAME = 1e-9, 1e-6
# Curvatures below this share of the largest coefficient, in the same variable, are taken for rounding.
_FLAT = 1e-12


def nodes(degree: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """The degree + 1 Chebyshev-Lobatto points of [low, high], ascending.

    Those of half the degree are every second of them, bit for bit, and the middle of a symmetric interval is exactly 0.
    """
    # Sines are odd to the last bit, which cosines about π/2 are not.
    unit = np.sin(np.pi * np.arange(-degree, degree + 1, 2) / (2 * degree))
    return np.clip(0.5 * (low + high) + 0.5 * (high - low) * unit, low, high)


def coefficients(values: np.ndarray, dimension: int) -> np.ndarray:
    """Chebyshev coefficients from values at ``nodes`` along each of the last ``dimension`` axes, by cosine transforms.

    Args:
        values: (..., n0+1[, n1+1]), each degree at least 1.
        dimension: 1 or 2.

    Returns:
        Of the shape of ``values``; NaN throughout a field with a NaN.
    """
    result = np.asarray(values, dtype=float)
    for axis in range(-dimension, 0):
        # The transform starts at +1, and halves the first and last term (Trefethen 2013, ch. 3).
        result = np.moveaxis(fft.dct(np.flip(result, axis), type=1, axis=axis) / (result.shape[axis] - 1), axis, -1)
        result[..., [0, -1]] *= 0.5
        result = np.moveaxis(result, -1, axis)
    return result


@dataclass(frozen=True)
class CriticalPoints:
    """Points at which a gradient vanishes, by ascending value.

    Attributes:
        positions: (k, d).
        values: (k,).
        kinds: ``minimum``, ``saddle`` or ``maximum`` (k,); ``saddle`` is also any point whose Hessian is singular to rounding.
        curvatures: eigenvalues of the Hessian, ascending (k, d).
    """

    positions: np.ndarray
    values: np.ndarray
    kinds: tuple[str, ...]
    curvatures: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Interpolant:
    """Polynomials of several fields on an interval or a rectangle.

    Args:
        domain: (low, high) of each of the d = 1 or 2 variables.
        coefficients: of Chebyshev polynomials (fields, n0+1[, n1+1]).

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
        """Values (fields, len(a0)[, len(a1)]) on the grid of the coordinates ``axes``, one array for each variable."""
        return _on_grid(self.coefficients, [self.scaled(a, axis) for axis, a in enumerate(axes)])

    def at(self, points: np.ndarray) -> np.ndarray:
        """Values (fields, m) at points (m, d)."""
        return _at(self.coefficients, self.scaled(points))

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """Gradients (fields, m, d) at points (m, d)."""
        scaled = self.scaled(points)
        return np.stack([_at(self._derivative(i), scaled) for i in range(self.dimension)], -1)

    def hessian(self, points: np.ndarray) -> np.ndarray:
        """Hessians (fields, m, d, d) at points (m, d)."""
        scaled, d = self.scaled(points), self.dimension
        entries = {(i, j): _at(self._derivative(i, j), scaled) for i in range(d) for j in range(i, d)}
        return np.stack([np.stack([entries[min(i, j), max(i, j)] for j in range(d)], -1) for i in range(d)], -2)

    def critical_points(self, field: int) -> CriticalPoints:
        """Where the gradient of one field vanishes inside the domain, its boundary included.

        One variable: the real eigenvalues of the colleague matrix of the derivative (Good 1961), improved by Newton's method.
        Two variables: Newton's method from every cell of a fine grid in which both derivatives may change sign. Critical points
        must be isolated: where the field is constant to rounding, none are found or too many.
        """
        single = Interpolant(((-1.0, 1.0),) * self.dimension, self.coefficients[field : field + 1])
        if not np.isfinite(single.coefficients).all():
            raise ValueError(f"`field` {field} has coefficients that are not finite")
        found = _distinct(_newton(single, _line_starts(single) if self.dimension == 1 else _plane_starts(single)))
        low, high = np.array(self.domain).T
        positions = np.clip(0.5 * (low + high) + 0.5 * (high - low) * found, low, high)
        values = single.at(found)[0]
        order = np.argsort(values, kind="stable")
        curvatures = np.linalg.eigvalsh(self.hessian(positions)[field])
        return CriticalPoints(positions[order], values[order], tuple(_kinds(single, found[order])), curvatures[order])

    def scaled(self, points: np.ndarray, axis: int | None = None) -> np.ndarray:
        """Coordinates in [-1, 1], of points (m, d) or of one axis (m,)."""
        low, high = np.array(self.domain).T if axis is None else self.domain[axis]
        return (2.0 * np.asarray(points, dtype=float) - low - high) / (np.asarray(high) - low)

    def _derivative(self, *axes: int) -> np.ndarray:
        """Coefficients of the derivative once along each of ``axes``."""
        result = self.coefficients
        for axis in axes:
            low, high = self.domain[axis]
            result = series.chebder(result, axis=1 + axis) * (2.0 / (high - low))
        return result


def _on_grid(coefs: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Σ c_ij T_i(x) T_j(y) (fields, len(x)[, len(y)]) of scaled coordinates."""
    result = coefs
    for axis, t in enumerate(axes):
        result = np.moveaxis(np.tensordot(result, series.chebvander(t, coefs.shape[1 + axis] - 1), (1 + axis, 1)), -1, 1 + axis)
    return result


def _at(coefs: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Σ c_ij T_i(x) T_j(y) (fields, m) at scaled points (m, d)."""
    first = series.chebvander(scaled[:, 0], coefs.shape[1] - 1)
    if coefs.ndim == 2:
        return coefs @ first.T
    second = series.chebvander(scaled[:, 1], coefs.shape[2] - 1)
    return np.einsum("fmj,mj->fm", first @ coefs, second)


# ---- critical points, of one field on [-1, 1]^d ----


def _line_starts(single: Interpolant) -> np.ndarray:
    """Real parts (k, 1) of the zeros of the derivative that are near [-1, 1]."""
    slope = single._derivative(0)[0]
    # A leading coefficient that is rounding alone would make the colleague matrix useless.
    slope = series.chebtrim(slope, 1e-15 * np.abs(slope).max())
    if len(slope) == 1:
        return np.empty((0, 1))
    # Rounding moves a nearly double zero off the axis by its square root, so more is let through than is real.
    zeros = series.chebroots(slope).astype(complex)
    near = (np.abs(zeros.imag) < 1e-3) & (np.abs(zeros.real) < 1.0 + 1e-3)
    return np.clip(zeros.real[near], -1.0, 1.0)[:, None]


def _plane_starts(single: Interpolant) -> np.ndarray:
    """Middles (k, 2) of the cells in which both derivatives may vanish."""
    edges = [nodes(max(8, _CELLS * degree)) for degree in single.degrees]
    cells = np.ones(tuple(len(e) - 1 for e in edges), dtype=bool)
    for axis in (0, 1):
        g = _on_grid(single._derivative(axis), edges)[0]
        corners = np.stack([g[:-1, :-1], g[1:, :-1], g[:-1, 1:], g[1:, 1:]])
        low, high = corners.min(0), corners.max(0)
        # Bounds of a cell, widened by half the variation of its corners: a zero may lie between corners of the same sign.
        cells &= (low - 0.5 * (high - low) <= 0.0) & (high + 0.5 * (high - low) >= 0.0)
    i, j = np.nonzero(cells)
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    return np.stack([middles[0][i], middles[1][j]], -1)


def _newton(single: Interpolant, starts: np.ndarray) -> np.ndarray:
    """Where Newton's method for a vanishing gradient converges in [-1, 1]^d, from those of the starts (k, d) where it does."""
    points, step = starts, np.full(len(starts), np.inf)
    # Steps are short: the zero is near a start, or there is none.
    longest = 4.0 / min(max(8, degree) for degree in single.degrees)
    for _ in range(_NEWTON_STEPS if len(points) else 0):
        gradient, hessian = single.gradient(points)[0], single.hessian(points)[0]
        move = -_solve(hessian, gradient)
        step = np.linalg.norm(move, axis=1)
        kept = np.isfinite(step)
        points, move, step = points[kept], move[kept], step[kept]
        points = points + move * np.minimum(1.0, longest / np.maximum(step, 1e-300))[:, None]
        near = (np.abs(points) < 1.0 + longest).all(1)
        points, step = points[near], step[near]
    inside = (np.abs(points) <= 1.0 + _CONVERGED).all(1) & (step < _CONVERGED)
    return np.clip(points[inside], -1.0, 1.0)


def _solve(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Solutions (m, d) of systems (m, d, d) with d = 1 or 2 by Cramer's rule; NaN where a matrix is singular."""
    if vectors.shape[1] == 1:
        determinant, numerators = matrices[:, 0, 0], vectors
    else:
        (a, b), (_, c) = np.moveaxis(matrices, 0, -1)
        determinant = a * c - b * b
        u, v = vectors.T
        numerators = np.stack([c * u - b * v, a * v - b * u], -1)
    return numerators / np.where(determinant == 0.0, np.nan, determinant)[:, None]


def _kinds(single: Interpolant, points: np.ndarray) -> list[str]:
    """Kinds of critical points (k, d): units do not matter for them on [-1, 1]^d."""
    curvatures, flat = np.linalg.eigvalsh(single.hessian(points)[0]), _FLAT * np.abs(single.coefficients).max()
    kinds = np.where((curvatures > flat).all(1), MINIMUM, np.where((curvatures < -flat).all(1), MAXIMUM, SADDLE))
    return kinds.tolist()


def _distinct(points: np.ndarray) -> np.ndarray:
    """One of each group of points (k, d) that are the same."""
    kept: list[np.ndarray] = []
    for point in points[np.unique(np.round(points / _SAME), axis=0, return_index=True)[1]]:
        if not kept or (np.abs(np.array(kept) - point).max(1) > _SAME).all():
            kept.append(point)
    return np.array(kept).reshape(len(kept), points.shape[1])
