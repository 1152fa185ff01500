"""Roughness and convexity along lines. Torch is not needed."""

import numpy as np


def existing(alpha: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a line around alpha = 0 on which the loss exists, that is, is finite."""
    centre = int(np.abs(alpha).argmin())
    holes = np.flatnonzero(~np.isfinite(values))
    low = holes[holes <= centre].max(initial=-1) + 1
    high = holes[holes >= centre].min(initial=len(values))
    return alpha[low:high], values[low:high]


def normalized_variation(alpha: np.ndarray, values: np.ndarray) -> float:
    """T = (1/2l) Σ|f_{i+1} - f_i| / (max f - min f) on a line of half length l (Wu et al. 2021).

    The length 2l is that of the part on which f exists. T is NaN if f is constant or does not exist. It is 1/l for a symmetric
    bowl and 1/(2l) for a monotone function; further bumps increase T.
    """
    alpha, values = existing(alpha, values)
    if len(values) < 3 or np.ptp(values) == 0:
        return float("nan")
    return float(np.abs(np.diff(values)).sum() / np.ptp(values) / (alpha[-1] - alpha[0]))


def excess(alpha: np.ndarray, values: np.ndarray) -> float:
    """Variation l·T in units of that of a symmetric bowl; at most 1 for a line with a single minimum, whatever its length."""
    inside, _ = existing(alpha, values)
    return 0.5 * (inside[-1] - inside[0]) * normalized_variation(alpha, values) if len(inside) else float("nan")


def roughness_index(variations: np.ndarray) -> float:
    """RI = std(T)/mean(T) over lines, with n - 1 in the standard deviation (Wu et al. 2021)."""
    variations = variations[np.isfinite(variations)]
    return float(np.std(variations, ddof=1) / np.mean(variations)) if len(variations) > 1 else float("nan")


def convex_share(alpha: np.ndarray, lines: np.ndarray, radius: float) -> float:
    """Share of the second differences of lines (line, alpha) that are not negative, at points with |alpha| ≤ radius.

    Differences that are zero up to rounding errors count as not negative; points at which the loss does not exist are ignored.
    """
    inside = np.abs(alpha[1:-1]) <= radius * (1 + 1e-12)
    second = np.diff(lines, 2, axis=1)[:, inside]
    size = np.maximum(np.abs(lines[:, :-2]), np.maximum(np.abs(lines[:, 1:-1]), np.abs(lines[:, 2:])))[:, inside]
    counted = np.isfinite(second)
    if not counted.any():
        return float("nan")
    return float(np.mean(second[counted] >= -8 * np.finfo(float).eps * size[counted]))
