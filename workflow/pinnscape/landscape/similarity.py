"""Similarity of two losses at the same points. Torch is not needed."""

import numpy as np
import pandas as pd


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two losses over the points at which both exist; NaN if there are fewer than three.

    Any increasing function of a loss has the same ranks, so the correlation does not depend on scale and offset.
    """
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return float("nan")
    ranks = [pd.Series(values[both]).rank().to_numpy() for values in (a, b)]
    if any(np.ptp(r) == 0 for r in ranks):
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def minimum_distance(a: np.ndarray, b: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> float:
    """Distance between the grid points at which two losses (alpha, beta) are smallest, in units of the coordinates."""
    if not (np.isfinite(a).any() and np.isfinite(b).any()):
        return float("nan")
    (i, j), (k, m) = (np.unravel_index(np.nanargmin(values), values.shape) for values in (a, b))
    return float(np.hypot(alpha[i] - alpha[k], beta[j] - beta[m]))
