"""Derivatives by central differences, which other derivatives are checked against.

Differences are a poor way to a derivative and a good witness: they use nothing but values. The step that suits a function is not known, so several are
tried, and the best one counts. What rounding alone does to a difference is measured where it matters (Hamming's table of differences; Moré & Wild 2011,
"Estimating computational noise", SIAM J. Sci. Comput. 33).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Curve = Callable[[float], Tensor]  # values, all of one shape, at a position on a line through the point in question

TOLERANCE = 1e-6  # of a derivative, relative to its largest entry
_GOOD = 1e-8  # no other step is tried
_STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_NOISE_STEPS, _NOISE_POINTS, _NOISE_ORDER = (1e-11, 1e-9, 1e-7, 1e-5), 11, 4
_NOISE_FACTOR = 30.0  # the formula of ``slope`` has 3 times the noise over the step, and the noise itself is an estimate
_MOST_NOISE = 0.01  # of a derivative: beyond, a difference tells nothing


def slope(curve: Curve, step: float) -> Tensor:
    """The derivative of a curve at 0 by Richardson's extrapolation of two central differences; the error is O(step⁴)."""
    a, b, c, d = (curve(position * step) for position in (-1.0, -0.5, 0.5, 1.0))
    return (8.0 * (c - b) - (d - a)) / (6.0 * step)


def noise(curve: Curve) -> float:
    """The size of the rounding errors in the values of a curve near 0: the root mean square of the entry where it is largest."""
    half, table = _NOISE_POINTS // 2, torch.empty(0)
    for step in _NOISE_STEPS:
        table = torch.stack([curve(k * step) for k in range(-half, half + 1)])
        changes = (table[1:] != table[:-1]).sum(0)
        if int(changes.max()) > half:
            break  # the step is long enough to see rounding, where shorter ones see the same value again and again
    for _ in range(_NOISE_ORDER):
        table = table[1:] - table[:-1]
    weight = math.factorial(_NOISE_ORDER) ** 2 / math.factorial(2 * _NOISE_ORDER)
    return float((weight * table.square().mean(0)).sqrt().max()) if table.isfinite().all() else math.inf


def deviation(curve: Curve, claimed: Tensor, floor: float = 0.0) -> float:
    """How far a derivative is from differences, relative to the largest entry; infinite where it is not finite.

    Args:
        curve: the function along a line.
        claimed: its derivative at 0, of the shape of its values.
        floor: what counts as the largest entry at least.

    Returns:
        The least deviation over all steps, of those beyond what rounding explains; at most ``TOLERANCE`` for a derivative that is right.
    """
    if not claimed.isfinite().all():
        return math.inf
    found: list[tuple[float, Tensor]] = []
    best = math.inf
    for step in _STEPS:
        found.append((step, slope(curve, step)))
        best = min(best, _relative(found[-1][1], claimed, floor, 0.0))
        if best <= _GOOD:
            return best
    if best <= TOLERANCE:
        return best
    rounding = _NOISE_FACTOR * noise(curve)
    return min(best, *(_relative(values, claimed, floor, rounding / step) for step, values in found))


def _relative(found: Tensor, claimed: Tensor, floor: float, rounding: float) -> float:
    """Deviation beyond rounding; infinite where rounding would hide a derivative that is wrong."""
    if not found.isfinite().all():
        return math.inf
    gap = float((found - claimed).abs().max())
    if gap <= rounding == 0.0:
        return 0.0
    size = max(float(found.abs().max()), float(claimed.abs().max()), floor)
    return max(gap - rounding, 0.0) / size if rounding < _MOST_NOISE * size else math.inf
