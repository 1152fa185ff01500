"""Criteria for divergence: a loss or gradient that is not finite, or an energy that tends to minus infinity."""

import math

from pinnscape.training.optimizers import State

# An energy counts as unbounded below when it lies below its minimum by this multiple of the initial gap and of the size of the
# minimum. A quadrature rule with few or random points lets a bounded energy fall below its minimum by only a few times its
# size.
_BELOW = 1e6


def lowest(minimum: float, initial: float) -> float:
    """The loss below which training has diverged. It is NaN, so that no loss is below it, if the minimum is not known.

    Args:
        minimum: minimum of the loss.
        initial: finite loss at the initial parameters.
    """
    return minimum - _BELOW * max(abs(minimum), abs(initial - minimum), 1.0) if math.isfinite(minimum) else math.nan


def fault(state: State, lowest: float) -> str:
    """A description of the divergence; empty if training has not diverged.

    Args:
        state: the current state. A gradient with a norm that overflows counts as not finite.
        lowest: the loss below which training has diverged, see ``lowest``.
    """
    if not math.isfinite(state.loss):
        return f"the loss is {state.loss}"
    norm = float(state.gradient.norm())
    if not math.isfinite(norm):
        return f"the loss is {state.loss:.3g}, but the norm of its gradient is {norm}"
    if state.loss < lowest:
        return f"the loss is {state.loss:.3g}: this energy has no minimum, or none under this quadrature rule"
    return ""
