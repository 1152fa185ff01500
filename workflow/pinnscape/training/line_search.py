"""Line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

Near a minimum the decrease of the loss is smaller than rounding errors. A step that does not raise the loss beyond rounding
errors is therefore also accepted if it satisfies the approximate Wolfe conditions of Hager & Zhang (2005, eq. 4.1), which
involve slopes only. A step to a loss that is not finite counts as too long.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Trial:
    """A point along the search direction."""

    step: float
    loss: float
    slope: float
    theta: Tensor
    gradient: Tensor

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss) and math.isfinite(self.slope)


def strong_wolfe(
    evaluate: Callable[[float], Trial],
    start: Trial,
    step: float,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    evaluations: int = 25,
) -> Trial | None:
    """Find a step that satisfies the strong Wolfe conditions.

    Args:
        evaluate: maps a step to the trial at this step.
        start: the trial at step 0, with a negative slope.
        step: the first step to try.
        decrease: constant c1 of the conditions.
        curvature: constant c2 > c1 of the conditions.
        evaluations: largest number of trials.

    Returns:
        The accepted trial. If no trial is accepted, the best trial that decreased the loss; None if no trial did.
    """
    rounding = 1e-14 * abs(start.loss)

    def decreases(t: Trial) -> bool:
        if t.loss <= start.loss + decrease * t.step * start.slope:
            return True
        return t.loss <= start.loss + rounding and t.slope <= (2 * decrease - 1) * start.slope

    def flat(t: Trial) -> bool:
        return abs(t.slope) <= -curvature * start.slope

    low, high, best = start, None, None
    for _ in range(evaluations):
        trial = evaluate(step)
        if not trial.finite or not decreases(trial) or (low is not start and trial.loss > low.loss + rounding):
            high = trial
        elif flat(trial):
            return trial
        else:
            best = trial if best is None or trial.loss <= best.loss else best
            if trial.slope * ((high.step - low.step) if high else 1.0) >= 0:
                high = low
            low = trial
        step = 2.0 * trial.step if high is None else interpolate(low, high)
        if high is not None and abs(high.step - low.step) * abs(start.slope) < 1e-18 * max(1.0, abs(start.loss)):
            break
    return best if best is not None and best.loss < start.loss else None


def interpolate(low: Trial, high: Trial) -> float:
    """Minimiser of the cubic through both ends (Nocedal & Wright eq. 3.59), at least a tenth of the interval from each end."""
    a, b = low.step, high.step
    middle = 0.5 * (a + b)
    if not high.finite:
        return a + 0.2 * (b - a)
    d1 = low.slope + high.slope - 3.0 * (low.loss - high.loss) / (a - b)
    square = d1 * d1 - low.slope * high.slope
    if square < 0.0:
        return middle
    d2 = math.copysign(math.sqrt(square), b - a)
    denominator = high.slope - low.slope + 2.0 * d2
    if denominator == 0.0:
        return middle
    step = b - (b - a) * (high.slope + d2 - d1) / denominator
    margin = 0.1 * abs(b - a)
    return min(max(step, min(a, b) + margin), max(a, b) - margin)
