"""Chebyshev interpolation of expensive functions to a tolerance, with a measured error. Torch is not needed."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pinnscape.landscape.chebyshev import Domain, Interpolant, coefficients, nodes

Function = Callable[[np.ndarray], np.ndarray]

# Degrees and numbers of random points, by the number of variables. High degrees are affordable on a line.
DEGREES = {1: (8, 16, 32, 64, 128, 256, 512), 2: (8, 16, 32, 64, 128)}
CHECKS = {1: 8, 2: 32}

# Largest ratio of the coefficients in the last quarter of the degrees to those in the quarter before that counts as decay. A
# larger ratio indicates rounding errors or a function that is not smooth.
_SLOWEST = 0.9
# Ratio of the bound to the larger of tail and misfit, see ``Result.bound``.
_SAFETY = 4.0
# Rounding errors of sums of coefficients, for values of magnitude 1.
_ROUNDING = 256 * np.finfo(float).eps
# Trailing coefficients along an axis are dropped as long as their sum is less than this share of the tolerance. The share is
# small because a landscape spans many decades: near the minimum, an interpolant is often much more accurate than the tolerance
# requires, and this accuracy should be preserved.
_TRIM = 1e-6


@dataclass(frozen=True, eq=False)
class Result:
    """An interpolant of several fields and estimates of its error. Each array has the shape (fields,).

    Attributes:
        interpolant: the polynomials; NaN for a field that is not finite at a node. At the anchor they agree with the function.
        range: difference between the largest and the smallest sampled value; values that are not finite are ignored.
        tail: error estimate from the last coefficients along an axis, see ``_tail``; the larger one of the axes.
        misfit: largest error at random points other than nodes, and at the anchor; NaN if no random points were evaluated.
        bound: estimated bound of the absolute error in the whole domain, which is not proven but hardly ever exceeded. It is
            the sum of four times the larger of ``tail`` and ``misfit``, of the trimmed coefficients, and of the correction at
            the anchor. Both estimates are needed: random points miss an error that is concentrated in a corner, by factors
            beyond ten, but such an error causes a long tail; an error that vanishes at the nodes has no tail, but random points
            detect it. With the factor four, the errors of one in 1200 random analytic functions of two variables exceed the
            bound; with the factor two, those of ten.
        converged: whether ``tail`` and ``misfit`` are within the tolerance.
        reason: reason why a field has not converged; empty if it has.
        evaluations: number of points at which the function was evaluated.
        anchor: values of the function at the anchor; NaN if there is no anchor.
    """

    interpolant: Interpolant
    range: np.ndarray
    tail: np.ndarray
    misfit: np.ndarray
    bound: np.ndarray
    converged: np.ndarray
    reason: tuple[str, ...]
    evaluations: int
    anchor: np.ndarray


def interpolate(
    function: Function,
    domain: Domain,
    tolerance: float,
    seed: int | Sequence[int],
    degrees: Sequence[int] | None = None,
    checks: int | None = None,
    most: int | None = None,
    anchor: Sequence[float] | None = None,
) -> Result:
    """Interpolate fields on nested Chebyshev-Lobatto grids, which are refined until all fields are within the tolerance.

    The degree along an axis is doubled as long as the tail of some field along this axis is too large. When all tails are
    small, the errors at new random points are decisive, because the nodes may miss part of a field (aliasing; Trefethen 2013,
    ch. 4). Values at the nodes of earlier grids are reused, and no point is evaluated twice.

    Args:
        function: maps points (m, d) to values (fields, m).
        domain: interval (low, high) of each of the d = 1 or 2 variables.
        tolerance: tolerance of the error of a field, as a fraction of its range.
        seed: seed of the random points.
        degrees: degrees to try along each axis, each twice the previous one; by default from 8 to 512 on a line and to 128 in a
            plane.
        checks: number of random points evaluated at a time; by default 8 on a line and 32 in a plane.
        most: maximum number of nodes; by default unlimited.
        anchor: a point (d,) of the domain at which the interpolant must agree with the function.

    Returns:
        The interpolant and its error estimates, also if it has not converged. Refinement stops once a value is not finite.

    Raises:
        ValueError: the domain, the tolerance or the degrees do not satisfy these conditions.
    """
    if len(domain) not in DEGREES or not all(low < high for low, high in domain):
        raise ValueError(f"`domain` must be one or two intervals (low, high) with low < high, not {domain}")
    if not 0.0 < tolerance < 1.0:
        raise ValueError(f"`tolerance` must be between 0 and 1, not {tolerance}")
    degrees = DEGREES[len(domain)] if degrees is None else degrees
    if not degrees or degrees[0] < 4 or any(b != 2 * a for a, b in pairwise(degrees)):
        raise ValueError(f"`degrees` must start at 4 or more and double, not {tuple(degrees)}")
    samples = _Samples(function, domain, degrees[0], seed, anchor)
    count = checks or CHECKS[samples.dimension]
    while samples.finite.all():
        rough = np.any(samples.tails() > samples.allowed(tolerance), axis=1)
        full = np.array(samples.degrees) >= degrees[-1]
        if not rough.any():
            samples.check(count)
            misfit = samples.misfit()
            if np.isnan(misfit).any() or (misfit <= samples.allowed(tolerance)).all():
                break
            # The coefficients do not show which axis is under-resolved, so all axes are refined.
            rough = ~full
        size = math.prod(2 * n + 1 if double else n + 1 for n, double in zip(samples.degrees, rough, strict=True))
        if not rough.any() or (rough & full).any() or (most is not None and size > most):
            break
        samples.refine(rough)
    if samples.finite.all() and not samples.checked:
        samples.check(count)
    return _result(samples, tolerance)


def _result(samples: "_Samples", tolerance: float) -> Result:
    """The interpolant of the samples and its error estimates."""
    allowed, tail, misfit = samples.allowed(tolerance), samples.tails().max(0), samples.misfit()
    worst = np.maximum(tail, misfit)
    converged = samples.finite & (worst <= allowed)
    reason = tuple("" if done else _reason(samples, f, tolerance) for f, done in enumerate(converged))
    trim = _TRIM * tolerance * samples.range + _ROUNDING * samples.magnitude
    kept = _trimmed(samples.coefficients, trim) if samples.finite.all() else samples.coefficients
    interpolant, moved = _anchored(Interpolant(samples.domain, kept), samples)
    bound = _SAFETY * worst + samples.dimension * trim + moved
    at_anchor = np.full(len(samples.grid), np.nan) if samples.anchor is None else samples.anchor[1][:, 0]
    return Result(interpolant, samples.range, tail, misfit, bound, converged, reason, samples.evaluations, at_anchor)


def _anchored(interpolant: Interpolant, samples: "_Samples") -> tuple[Interpolant, np.ndarray]:
    """The interpolant, corrected to agree with the function at the anchor, and the magnitude of the correction (fields,).

    The correction is a bump around the anchor that is as narrow as the degrees allow. It is no larger than the error that it
    removes, and it is small away from the anchor, where the error of the interpolant, which changes its sign from node to node,
    is unrelated to the error at the anchor.
    """
    moved = np.zeros(len(samples.grid))
    if samples.anchor is None:
        return interpolant, moved
    point, values = samples.anchor
    bumps = [_bump(size, t) for size, t in zip(interpolant.coefficients.shape[1:], interpolant.scaled(point)[0], strict=True)]
    bump = bumps[0] if len(bumps) == 1 else np.multiply.outer(*bumps)
    for _ in range(2):  # the second pass removes the rounding errors of the first
        change = (values - interpolant.at(point))[:, 0]
        moved += np.abs(np.nan_to_num(change))
        interpolant = Interpolant(interpolant.domain, interpolant.coefficients + np.multiply.outer(change, bump))
    return interpolant, moved


def _bump(size: int, centre: float) -> np.ndarray:
    """Coefficients (size,) of a Jackson kernel, a non-negative polynomial that is 1 at ``centre`` and small elsewhere.

    Its width in the variable arccos(t) is π/size (Weiße et al. 2006, Rev. Mod. Phys. 78, sec. II.C.2).
    """
    k, end = np.arange(size), size + 1
    damping = ((end - k) * np.cos(np.pi * k / end) + np.sin(np.pi * k / end) / np.tan(np.pi / end)) / end
    values = np.cos(k * np.arccos(np.clip(centre, -1.0, 1.0)))
    coefs = np.where(k > 0, 2.0, 1.0) * damping * values
    return coefs / (coefs @ values)


def _reason(samples: "_Samples", field: int, tolerance: float) -> str:
    """The reason why a field has not converged."""
    missing, count = samples.missing[field], samples.evaluations
    if missing:
        return f"not finite at {missing} of {count} points"
    if not samples.finite.all():
        return f"stopped after {count} points because another field is not finite"
    extent = samples.range[field]
    tail, misfit, allowed = (
        f"{value / extent:.1e}" if extent else f"{value:.1e}"
        for value in (samples.tails().max(0)[field], samples.misfit()[field], samples.allowed(tolerance)[field])
    )
    degrees = " x ".join(map(str, samples.degrees))
    return f"tail {tail} and misfit {misfit} relative to the range, with tolerance {allowed}, at the largest degrees {degrees}"


def _trimmed(coefs: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Coefficients (fields, n0+1[, n1+1]) without trailing ones along each axis that sum to at most ``allowed`` (fields,)."""
    for axis in range(1, coefs.ndim):
        sums = _along(coefs, axis)
        dropped = (np.cumsum(sums[:, ::-1], 1) <= allowed[:, None]).all(0)
        # Dropping ends at the first coefficient that exceeds the sum allowed for some field; the constant is always kept.
        count = min(int(np.argmin(np.append(dropped, False))), coefs.shape[axis] - 1)
        coefs = coefs.take(range(coefs.shape[axis] - count), axis)
    return coefs


def _tail(sums: np.ndarray) -> np.ndarray:
    """Estimate (fields,) of the truncation error from the magnitudes (fields, n+1) of coefficients up to degree n.

    The estimate is the larger of two numbers: the sum of the last magnitudes, and twice the extrapolated sum of the magnitudes
    above degree n. The extrapolation assumes the decay from the third to the last quarter; the factor two accounts for the
    truncated terms and for their aliases (Trefethen 2013, theorem 4.2). The first number is larger if a fast decay ends in a
    plateau, the second if the decay is slow, as for a front that crosses the domain.
    """
    degree = sums.shape[1] - 1
    last, quarter = max(2, degree // 16), max(2, degree // 4)
    early, late = sums[:, -2 * quarter : -quarter].sum(1), sums[:, -quarter:].sum(1)
    ratio = np.minimum(late / np.where(early > 0.0, early, 1.0), _SLOWEST)
    return np.maximum(sums[:, -last:].sum(1), 2.0 * late * ratio / (1.0 - ratio))


def _along(coefs: np.ndarray, axis: int) -> np.ndarray:
    """Magnitudes (fields, n+1) of coefficients along an axis, summed over the other axes except the first."""
    others = tuple(i for i in range(1, coefs.ndim) if i != axis)
    return np.abs(coefs).sum(others)


class _Samples:
    """Values of a function at the nodes of a tensor grid and at random points.

    Args:
        function: maps points (m, d) to values (fields, m).
        domain: domain of the function.
        degree: degree of the first grid along each axis.
        seed: seed of the random points.
        anchor: a point (d,) at which the function is evaluated too.
    """

    def __init__(
        self, function: Function, domain: Domain, degree: int, seed: int | Sequence[int], anchor: Sequence[float] | None = None
    ) -> None:
        self.function, self.domain, self.dimension = function, domain, len(domain)
        self.degrees = (degree,) * self.dimension
        self.random = np.random.default_rng(seed)
        self.grid = self._measure(self._nodes()).reshape(-1, *(n + 1 for n in self.degrees))
        self.points, self.values = np.empty((0, self.dimension)), np.empty((len(self.grid), 0))
        self.checked = False
        self.anchor: tuple[np.ndarray, np.ndarray] | None = None  # the point (1, d), and the values (fields, 1) there
        if anchor is not None:
            point = np.array([anchor], dtype=float)
            self.anchor = point, self._measure(point)

    def refine(self, axes: np.ndarray) -> None:
        """Double the degrees of the marked axes (d,); the function is evaluated at the new nodes only."""
        steps = np.where(axes, 2, 1)
        self.degrees = tuple(int(n * s) for n, s in zip(self.degrees, steps, strict=True))
        old, shape = self.grid, tuple(n + 1 for n in self.degrees)
        self.grid = np.full((len(old), *shape), np.nan)
        known = np.zeros(shape, dtype=bool)
        every = tuple(slice(None, None, s) for s in steps)
        known[every] = True
        self.grid[(slice(None), *every)] = old
        self.grid[:, ~known] = self._measure(self._nodes()[~known.ravel()])
        self.checked = False

    def check(self, count: int) -> None:
        """Evaluate the function at new random points, distributed like the nodes, since errors are then evenly distributed."""
        low, high = np.array(self.domain).T
        unit = -np.cos(np.pi * self.random.random((count, self.dimension)))
        fresh = 0.5 * (low + high) + 0.5 * (high - low) * unit
        self.points = np.concatenate([self.points, fresh])
        self.values = np.concatenate([self.values, self._measure(fresh)], 1)
        self.checked = True

    def _nodes(self) -> np.ndarray:
        """All points of the grid (m, d); the last axis varies fastest."""
        axes = [nodes(n, *interval) for n, interval in zip(self.degrees, self.domain, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, self.dimension)

    def _measure(self, points: np.ndarray) -> np.ndarray:
        values = np.array(self.function(points), dtype=float)
        values[~np.isfinite(values)] = np.nan
        return values

    @property
    def sampled(self) -> np.ndarray:
        """All values evaluated so far (fields, evaluations)."""
        anchored = [] if self.anchor is None else [self.anchor[1]]
        return np.concatenate([self.grid.reshape(len(self.grid), -1), self.values, *anchored], 1)

    @property
    def evaluations(self) -> int:
        return math.prod(n + 1 for n in self.degrees) + len(self.points) + (self.anchor is not None)

    @property
    def missing(self) -> np.ndarray:
        """Number of values that are not finite (fields,)."""
        return np.isnan(self.sampled).sum(1)

    @property
    def finite(self) -> np.ndarray:
        """Whether all values are finite (fields,)."""
        return self.missing == 0

    @property
    def range(self) -> np.ndarray:
        """Range of the finite values (fields,); 0 if there are none."""
        found = np.isfinite(self.sampled)
        low, high = np.where(found, self.sampled, np.inf).min(1), np.where(found, self.sampled, -np.inf).max(1)
        return np.where(found.any(1), high, 0.0) - np.where(found.any(1), low, 0.0)

    @property
    def magnitude(self) -> np.ndarray:
        """Largest magnitude of a finite value (fields,)."""
        return np.nan_to_num(np.abs(self.sampled)).max(1)

    @property
    def coefficients(self) -> np.ndarray:
        return coefficients(self.grid, self.dimension)

    def allowed(self, tolerance: float) -> np.ndarray:
        """Allowed error (fields,): the given fraction of the range plus rounding errors."""
        return tolerance * self.range + _ROUNDING * self.magnitude

    def tails(self) -> np.ndarray:
        """The tail of each field along each axis (d, fields)."""
        found = self.coefficients
        return np.stack([_tail(_along(found, axis)) for axis in range(1, found.ndim)])

    def misfit(self) -> np.ndarray:
        """Largest error of the interpolant at the random points and the anchor (fields,); NaN if there are no random points."""
        if not len(self.points):
            return np.full(len(self.grid), np.nan)
        points, values = self.points, self.values
        if self.anchor is not None:
            points, values = np.concatenate([points, self.anchor[0]]), np.concatenate([values, self.anchor[1]], 1)
        return np.abs(Interpolant(self.domain, self.coefficients).at(points) - values).max(1)
