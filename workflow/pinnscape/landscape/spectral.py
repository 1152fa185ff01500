"""Chebyshev interpolation of expensive functions to a tolerance, with an error that is measured. Torch is not needed."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pinnscape.landscape.chebyshev import Domain, Interpolant, coefficients, nodes

Function = Callable[[np.ndarray], np.ndarray]

# By the number of variables: on a line, high degrees cost little.
DEGREES = {1: (8, 16, 32, 64, 128, 256, 512), 2: (8, 16, 32, 64, 128)}
CHECKS = {1: 8, 2: 32}

# Slower than this, from one quarter of the degrees to the next, is no decay but rounding, or a function that is not smooth.
_SLOWEST = 0.9
# The bound is this much larger than the tail and the misfit, see ``Result.bound``.
_SAFETY = 4.0
# Rounding in values of size 1, after the sums that tails are.
_ROUNDING = 256 * np.finfo(float).eps
# Trailing coefficients along an axis are dropped as long as they sum to less than this share of the tolerance: a landscape
# spans so many decades that interpolants are often far better near the minimum than the tolerance asks, and that is not to be
# lost.
_TRIM = 1e-6


@dataclass(frozen=True, eq=False)
class Result:
    """An interpolant of several fields and what is known of its error, each array (fields,).

    Attributes:
        interpolant: the polynomials; NaN for a field that is not finite at a node. At the anchor they have the values of the function.
        range: largest less smallest value sampled; of the finite ones where there are others.
        tail: estimate of the error from the last coefficients along an axis, see ``_tail``; that of the worse axis.
        misfit: largest error at random points that are no nodes, and at the anchor; NaN where none was looked at.
        bound: of the absolute error anywhere in the domain; no proof, but hardly ever exceeded. It is four times the larger of
            ``tail`` and ``misfit``, what was trimmed, and what was added for the anchor. Neither would do alone: an error that sits in a corner is missed by
            random points, by factors beyond ten, but makes for a long tail; an error that the nodes do not see has no tail, but
            is seen by random points. With the factor four, the errors of one in 1200 random analytic functions of two variables
            exceed it, with the factor two, those of ten.
        converged: whether ``tail`` and ``misfit`` are within the tolerance.
        reason: why a field has not converged; empty where it has.
        evaluations: points at which the function was evaluated.
        anchor: values at the anchor; NaN without one.
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
    """Interpolate fields on nested Chebyshev-Lobatto grids that grow until all of them are within the tolerance.

    Degrees double along an axis as long as the tail of some field along it is too large. Where all tails are small, values at
    fresh random points decide: a field may be missed by the nodes (aliasing; Trefethen 2013, ch. 4). Values at the nodes of
    earlier grids are kept, and no point is evaluated twice.

    Args:
        function: maps points (m, d) to values (fields, m).
        domain: (low, high) of each of the d = 1 or 2 variables.
        tolerance: of the error of a field, as a fraction of its range.
        seed: of the random points.
        degrees: along each axis, each twice the one before; by default from 8 to 512 on a line and to 128 in a plane.
        checks: number of random points at a time; by default 8 on a line and 32 in a plane.
        most: largest number of nodes, if any.
        anchor: a point (d,) of the domain at which the interpolant must have the values of the function.

    Returns:
        The interpolant, also where it has not converged. Nothing more is evaluated once a value is not finite.

    Raises:
        ValueError: the domain, the tolerance or the degrees are not as above.
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
            # Coefficients do not tell which axis misses something.
            rough = ~full
        size = math.prod(2 * n + 1 if double else n + 1 for n, double in zip(samples.degrees, rough, strict=True))
        if not rough.any() or (rough & full).any() or (most is not None and size > most):
            break
        samples.refine(rough)
    if samples.finite.all() and not samples.checked:
        samples.check(count)
    return _result(samples, tolerance)


def _result(samples: "_Samples", tolerance: float) -> Result:
    """What the samples amount to."""
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
    """The interpolant with the values of the function at the anchor, and by how much each field (fields,) was changed there.

    What is added is a bump around the anchor as narrow as the degrees allow, so that it is no larger than the error it takes away, and small where the
    error of the interpolant, which changes its sign from node to node, has nothing to do with that at the anchor.
    """
    moved = np.zeros(len(samples.grid))
    if samples.anchor is None:
        return interpolant, moved
    point, values = samples.anchor
    bumps = [_bump(size, t) for size, t in zip(interpolant.coefficients.shape[1:], interpolant.scaled(point)[0], strict=True)]
    bump = bumps[0] if len(bumps) == 1 else np.multiply.outer(*bumps)
    for _ in range(2):  # the second time for the rounding of the first
        change = (values - interpolant.at(point))[:, 0]
        moved += np.abs(np.nan_to_num(change))
        interpolant = Interpolant(interpolant.domain, interpolant.coefficients + np.multiply.outer(change, bump))
    return interpolant, moved


def _bump(size: int, centre: float) -> np.ndarray:
    """Coefficients (size,) of a polynomial that is 1 at ``centre`` in [-1, 1], not negative, and small elsewhere: a Jackson kernel.

    Its width is π/size in arc cosines (Weiße et al. 2006, Rev. Mod. Phys. 78, sec. II.C.2).
    """
    k, end = np.arange(size), size + 1
    damping = ((end - k) * np.cos(np.pi * k / end) + np.sin(np.pi * k / end) / np.tan(np.pi / end)) / end
    values = np.cos(k * np.arccos(np.clip(centre, -1.0, 1.0)))
    coefs = np.where(k > 0, 2.0, 1.0) * damping * values
    return coefs / (coefs @ values)


def _reason(samples: "_Samples", field: int, tolerance: float) -> str:
    """Why a field has not converged."""
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
    return f"tail {tail} and misfit {misfit} of the range, of which {allowed} are allowed, at the largest degrees, {degrees}"


def _trimmed(coefs: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Coefficients (fields, n0+1[, n1+1]) without those at the ends of axes that sum to no more than ``allowed`` (fields,)."""
    for axis in range(1, coefs.ndim):
        sums = _along(coefs, axis)
        dropped = (np.cumsum(sums[:, ::-1], 1) <= allowed[:, None]).all(0)
        # The first that is too much for some field ends it; a constant stays.
        count = min(int(np.argmin(np.append(dropped, False))), coefs.shape[axis] - 1)
        coefs = coefs.take(range(coefs.shape[axis] - count), axis)
    return coefs


def _tail(sums: np.ndarray) -> np.ndarray:
    """What may be left out by magnitudes (fields, n+1) of coefficients up to degree n: (fields,).

    The last of them, or twice the sum of those that follow if the magnitudes go on to fall as they do from the third to the
    last quarter: once for what is left out and once for its aliases (Trefethen 2013, theorem 4.2). The former is more where a
    fast decay ends in a plateau, the latter where it is slow, as for a front that crosses the domain.
    """
    degree = sums.shape[1] - 1
    last, quarter = max(2, degree // 16), max(2, degree // 4)
    early, late = sums[:, -2 * quarter : -quarter].sum(1), sums[:, -quarter:].sum(1)
    ratio = np.minimum(late / np.where(early > 0.0, early, 1.0), _SLOWEST)
    return np.maximum(sums[:, -last:].sum(1), 2.0 * late * ratio / (1.0 - ratio))


def _along(coefs: np.ndarray, axis: int) -> np.ndarray:
    """Magnitudes (fields, n+1) of coefficients along an axis, summed over the others but the first."""
    others = tuple(i for i in range(1, coefs.ndim) if i != axis)
    return np.abs(coefs).sum(others)


class _Samples:
    """Values of a function at the nodes of a tensor grid and at random points.

    Args:
        function: maps points (m, d) to values (fields, m).
        domain: of the function.
        degree: of the first grid, along each axis.
        seed: of the random points.
        anchor: a point (d,) that is looked at in any case.
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
        """Double the degrees of the marked axes (d,); values at the new nodes alone are evaluated."""
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
        """Evaluate the function at fresh random points, as dense as the nodes: there the errors of interpolants are even."""
        low, high = np.array(self.domain).T
        unit = -np.cos(np.pi * self.random.random((count, self.dimension)))
        fresh = 0.5 * (low + high) + 0.5 * (high - low) * unit
        self.points = np.concatenate([self.points, fresh])
        self.values = np.concatenate([self.values, self._measure(fresh)], 1)
        self.checked = True

    def _nodes(self) -> np.ndarray:
        """All points of the grid, the last axis fastest (m, d)."""
        axes = [nodes(n, *interval) for n, interval in zip(self.degrees, self.domain, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, self.dimension)

    def _measure(self, points: np.ndarray) -> np.ndarray:
        values = np.array(self.function(points), dtype=float)
        values[~np.isfinite(values)] = np.nan
        return values

    @property
    def sampled(self) -> np.ndarray:
        """Every value so far (fields, evaluations)."""
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
        """Extent of the finite values (fields,); 0 where there are none."""
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
        """The error that is allowed (fields,): a fraction of the range, or rounding if that is more."""
        return tolerance * self.range + _ROUNDING * self.magnitude

    def tails(self) -> np.ndarray:
        """The tail of each field along each axis (d, fields)."""
        found = self.coefficients
        return np.stack([_tail(_along(found, axis)) for axis in range(1, found.ndim)])

    def misfit(self) -> np.ndarray:
        """Largest error of the interpolant at the random points and the anchor (fields,); NaN where there are no random points."""
        if not len(self.points):
            return np.full(len(self.grid), np.nan)
        points, values = self.points, self.values
        if self.anchor is not None:
            points, values = np.concatenate([points, self.anchor[0]]), np.concatenate([values, self.anchor[1]], 1)
        return np.abs(Interpolant(self.domain, self.coefficients).at(points) - values).max(1)
