"""Central differences, as an independent check of derivatives.

Finite differences are inaccurate, but they use only function values. Since the best step size of a function is unknown, several
are tried and the best agreement counts. If none agrees, the size of the rounding errors is estimated and allowed for (Hamming's
difference table; Moré & Wild 2011, "Estimating computational noise", SIAM J. Sci. Comput. 33).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Curve = Callable[[float], Tensor]  # function of the position on a line, 0 at the point of interest; values have a fixed shape

TOLERANCE = 1e-6  # largest deviation of a correct derivative, relative to its largest entry
_GOOD = 1e-8  # deviation below which no further step size is tried
_STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_NOISE_STEPS, _NOISE_POINTS, _NOISE_ORDER = (1e-11, 1e-9, 1e-7, 1e-5), 11, 4
_NOISE_FACTOR = 30.0  # ``slope`` amplifies noise by 3 / step, and the noise itself is an estimate
_MOST_NOISE = 0.01  # largest rounding error, relative to the derivative, at which a difference is still conclusive


def slope(curve: Curve, step: float) -> Tensor:
    """The derivative of a curve at 0 by Richardson extrapolation of two central differences; the error is O(step⁴)."""
    a, b, c, d = (curve(position * step) for position in (-1.0, -0.5, 0.5, 1.0))
    return (8.0 * (c - b) - (d - a)) / (6.0 * step)


def noise(curve: Curve) -> float:
    """Root mean square of the rounding errors in the values of a curve near 0, for the entry with the largest errors.

    It is infinite if a value is not finite.
    """
    half, table = _NOISE_POINTS // 2, torch.empty(0)
    for step in _NOISE_STEPS:
        table = torch.stack([curve(k * step) for k in range(-half, half + 1)])
        changes = (table[1:] != table[:-1]).sum(0)
        if int(changes.max()) > half:
            break  # the step is long enough to change the values; with shorter steps, neighbouring values are equal
    for _ in range(_NOISE_ORDER):
        table = table[1:] - table[:-1]
    weight = math.factorial(_NOISE_ORDER) ** 2 / math.factorial(2 * _NOISE_ORDER)
    return float((weight * table.square().mean(0)).sqrt().max()) if table.isfinite().all() else math.inf


def deviation(curve: Curve, claimed: Tensor, floor: float = 0.0) -> float:
    """Deviation of a derivative from central differences, relative to its largest entry; infinite if either is not finite.

    Args:
        curve: the function along a line.
        claimed: the derivative at 0 to check, of the shape of the function's values.
        floor: lower bound on the largest entry, by which the deviation is divided.

    Returns:
        The smallest deviation over all step sizes, less what rounding errors explain; at most ``TOLERANCE`` for a correct
        derivative.
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
    """Relative deviation in excess of ``rounding``; infinite if rounding errors are so large that they could hide a mistake."""
    if not found.isfinite().all():
        return math.inf
    gap = float((found - claimed).abs().max())
    if gap <= rounding == 0.0:
        return 0.0
    size = max(float(found.abs().max()), float(claimed.abs().max()), floor)
    return max(gap - rounding, 0.0) / size if rounding < _MOST_NOISE * size else math.inf
