"""Coordinates of lines and planes; 0, the point itself, is always one of them."""

import numpy as np


def centred_axis(radius: float, points: int) -> np.ndarray:
    """``points`` (odd) coordinates from -radius to radius with 0 exactly among them."""
    half = points // 2
    return radius * np.arange(-half, half + 1) / half


def covering_axis(values: np.ndarray, margin: float, points: int) -> np.ndarray:
    """``points`` equidistant coordinates that cover ``values`` and 0 with a margin on both sides, 0 exactly among them.

    Args:
        values: coordinates to cover.
        margin: as a fraction of their extent.
        points: at least 3.
    """
    low, high = min(0.0, values.min()), max(0.0, values.max())
    extent = high - low if high > low else 1.0
    low, high = low - margin * extent, high + margin * extent
    # The number of intervals below 0 that needs the smallest step to cover both sides.
    below = min(range(1, points - 1), key=lambda k: max(-low / k, high / (points - 1 - k)))
    return max(-low / below, high / (points - 1 - below)) * np.arange(-below, points - below)


def plane_coordinates(alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Coordinates (len(alpha), len(beta), 2) of a plane; the first index is alpha."""
    return np.stack(np.meshgrid(alpha, beta, indexing="ij"), -1)
