"""Coordinates of lines and planes. They always include 0, the coordinate of the trained point."""

import numpy as np


def centred_axis(radius: float, points: int) -> np.ndarray:
    """Equidistant coordinates (points,) from -radius to radius, which include 0 exactly; ``points`` is odd."""
    half = points // 2
    return radius * np.arange(-half, half + 1) / half


def covering_axis(values: np.ndarray, margin: float, points: int) -> np.ndarray:
    """Equidistant coordinates (points,) that cover ``values`` and 0 with a margin on both sides, and include 0 exactly.

    Args:
        values: coordinates to cover.
        margin: margin on each side, as a fraction of the extent of the values.
        points: number of coordinates, at least 3.
    """
    low, high = min(0.0, values.min()), max(0.0, values.max())
    extent = high - low if high > low else 1.0
    low, high = low - margin * extent, high + margin * extent
    # The number of intervals below 0 that minimises the step needed to cover both sides.
    below = min(range(1, points - 1), key=lambda k: max(-low / k, high / (points - 1 - k)))
    return max(-low / below, high / (points - 1 - below)) * np.arange(-below, points - below)


def plane_coordinates(alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Coordinates (len(alpha), len(beta), 2) of the grid points of a plane."""
    return np.stack(np.meshgrid(alpha, beta, indexing="ij"), -1)
