"""Comparison of two losses at each other's minimisers and on the line between the minimisers. Torch is not needed."""

import numpy as np


def gap_ratio(gap: np.ndarray, loss: str, at: str, trained: list[str], losses: list[str]) -> float:
    """Gap of ``loss`` at the end of the run trained on ``at``, over its gap at the end of the run trained on ``loss``.

    Args:
        gap: gaps (trained_on, loss), in the orders of ``trained`` and ``losses``.
        loss: the loss that is evaluated.
        at: training loss of the point.
        trained: training losses of the case.
        losses: losses of the case.

    Returns:
        The ratio; NaN if the denominator is unknown, or not positive, as an energy can be due to quadrature errors.
    """
    column = gap[:, losses.index(loss)]
    if loss not in trained or at not in trained or not column[trained.index(loss)] > 0:
        return float("nan")
    return float(column[trained.index(at)] / column[trained.index(loss)])


def barrier(gap: np.ndarray, position: np.ndarray) -> float:
    """Largest excess, at least 0, of a loss over the chord between its ends (Frankle et al. 2020); NaN if a gap is not finite.

    Args:
        gap: gaps along a line (n,).
        position: positions in [0, 1] (n,).
    """
    return float(np.max(gap - ((1 - position) * gap[0] + position * gap[-1]))) if np.isfinite(gap).all() else float("nan")
