"""Numbers that compare two losses at each other's minimisers and on the line between these. Torch is not needed."""

import numpy as np

from pinnscape.common.formulations import FORMULATIONS


def gap_ratio(gap: np.ndarray, loss: str, at: str, trained: list[str]) -> float:
    """How many times larger the gap of ``loss`` is at the end of the run that trained ``at`` than where it was trained itself.

    Args:
        gap: (trained_on, loss), in the orders of ``trained`` and ``FORMULATIONS``.
        loss: which loss.
        at: the loss that trained the point.
        trained: those that there are.

    Returns:
        The ratio; NaN where its own gap is not positive (an energy that the quadrature let fall below the minimum) or not known.
    """
    column = gap[:, list(FORMULATIONS).index(loss)]
    if loss not in trained or at not in trained or not column[trained.index(loss)] > 0:
        return float("nan")
    return float(column[trained.index(at)] / column[trained.index(loss)])


def barrier(gap: np.ndarray, position: np.ndarray) -> float:
    """The largest rise of a loss above the chord between its ends (Frankle et al. 2020), at least 0; NaN where it does not exist on the way.

    Args:
        gap: (n,) along a line.
        position: (n,) in [0, 1].
    """
    return float(np.max(gap - ((1 - position) * gap[0] + position * gap[-1]))) if np.isfinite(gap).all() else float("nan")
