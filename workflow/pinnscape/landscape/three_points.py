"""Planes through three points (Garipov et al. 2018, fig. 1): axes, a grid, and the lowest pass between two grid points."""

import math

import numpy as np
import torch
from torch import Tensor

# If the distance of the third point from the line through the first two is at most this, relative to their distance, the three
# points do not span a plane.
_FLAT = 1e-8


def frame(a: Tensor, b: Tensor, c: Tensor, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    """Orthogonal axes of the plane through three points, both as long as b - a.

    Args:
        a: origin (P,).
        b: point on the first axis (P,).
        c: third point of the plane (P,).
        seed: seed of a random second axis, which is used if c lies on the line through a and b.

    Returns:
        The axes (2, P) and the coordinates of a, b and c (3, 2): (0, 0), (1, 0) and (p, q) with q ≥ 0.

    Raises:
        ValueError: a and b are the same point.
    """
    first = b - a
    length = float(first.norm())
    if not length > 0:
        raise ValueError("two of the three points are the same")
    p = float((c - a) @ first) / length**2
    across = c - a - p * first
    q = float(across.norm()) / length
    if q <= _FLAT:
        across, q = torch.tensor(np.random.default_rng(seed).standard_normal(len(a))).to(a), 0.0
        across = across - (across @ first) / length**2 * first
    return torch.stack([first, across * (length / across.norm())]), np.array([[0.0, 0.0], [1.0, 0.0], [p, q]])


def square_grid(corners: np.ndarray, margin: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x (points,) and y (points,) of a square grid that covers the corners with a margin and includes 0 and 1.

    The spacing is 1/k for an integer k, so that (0, 0) and (1, 0) are grid points, between which a pass can be computed. If the
    number of points does not suffice for this, because the third corner is far away, the spacing is k, and 1 is not a
    coordinate.

    Args:
        corners: points to cover (n, 2), which include (0, 0) and (1, 0).
        margin: margin at each side, relative to the larger extent.
        points: number of points along each axis.
    """
    low, high = corners.min(0), corners.max(0)
    side = (1 + 2 * margin) * float((high - low).max())
    steps = max(1, int((points - 1) / side)) / max(1, math.ceil(side / (points - 1)))
    middle = np.round((low + high) / 2 * steps).astype(int)
    whole = np.arange(points) - points // 2
    return (middle[0] + whole) / steps, (middle[1] + whole) / steps


def pass_height(values: np.ndarray, start: tuple[int, int], end: tuple[int, int]) -> float:
    """Height of the lowest pass between two grid points: the smallest maximum of all grid paths, diagonal steps included.

    Args:
        values: values (n, m); paths avoid NaN.
        start: indices of one grid point.
        end: indices of the other grid point.

    Returns:
        The height; NaN if no path connects the points.
    """
    level = np.where(np.isfinite(values), values, np.inf)
    rows, columns = level.shape
    root = np.full(level.size, -1)

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    source, target = (int(np.ravel_multi_index(node, level.shape)) for node in (start, end))
    for k in np.argsort(level, axis=None, kind="stable").tolist():
        height = level.flat[k]
        if not np.isfinite(height):
            break
        root[k] = k
        i, j = divmod(k, columns)
        for ni in range(max(0, i - 1), min(rows, i + 2)):
            for nj in range(max(0, j - 1), min(columns, j + 2)):
                if root[neighbour := ni * columns + nj] >= 0:
                    root[find(neighbour)] = k
        if root[source] >= 0 and root[target] >= 0 and find(source) == find(target):
            return float(height)
    return float("nan")
