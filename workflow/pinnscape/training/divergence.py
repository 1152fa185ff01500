"""When a training has diverged: a loss or a gradient that is not finite, or an energy that runs to minus infinity."""

import math

from pinnscape.training.optimizers import State

# An energy that is this many times further below its minimum than it began above it, and than the minimum is large, has none. The rule of few or
# random points lets an energy fall a few times its size, no more, as long as it is bounded below at all.
_BELOW = 1e6


def lowest(minimum: float, initial: float) -> float:
    """The loss below which a training has diverged; NaN, which nothing is below, where the minimum is not known.

    Args:
        minimum: of the loss.
        initial: the loss at the start, finite.
    """
    return minimum - _BELOW * max(abs(minimum), abs(initial - minimum), 1.0) if math.isfinite(minimum) else math.nan


def fault(state: State, lowest: float) -> str:
    """What shows that a training has diverged, in words; empty where nothing does.

    Args:
        state: with its loss and gradient. A gradient whose norm overflows counts as not finite.
        lowest: as ``lowest`` gives it.
    """
    if not math.isfinite(state.loss):
        return f"the loss is {state.loss}"
    norm = float(state.gradient.norm())
    if not math.isfinite(norm):
        return f"the loss is {state.loss:.3g}, but the norm of its gradient is {norm}"
    if state.loss < lowest:
        return f"the loss is {state.loss:.3g}: this energy has no minimum, or none under this quadrature rule"
    return ""
