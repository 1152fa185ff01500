"""Planes through three points (Garipov et al. 2018, fig. 1): where they lie in it, a grid on which two of them are nodes, and the pass between these."""

import math

import numpy as np
import torch
from torch import Tensor

_FLAT = (
    1e-8  # a third point nearer to the line through the others than this, relative to their distance, spans no plane with them
)


def frame(a: Tensor, b: Tensor, c: Tensor, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    """Orthogonal axes of the plane through three points, both as long as b - a.

    Args:
        a: the origin (P,).
        b: gives the first axis (P,).
        c: lies in the plane (P,).
        seed: of a random second axis where c lies on the line through a and b.

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
    """Coordinates x (points,) and y (points,) of a square that covers points with a margin; 0 is a coordinate, and so is 1.

    The step is 1/k for a whole number k: what lies between (0, 0) and (1, 0) is then seen from exactly these. Where the points do not suffice
    for that, because the third corner is so far away, it is k, and 1 is not among the coordinates.

    Args:
        corners: (n, 2), (0, 0) and (1, 0) among them.
        margin: at each side, relative to the larger extent.
        points: along each axis.
    """
    low, high = corners.min(0), corners.max(0)
    side = (1 + 2 * margin) * float((high - low).max())
    steps = max(1, int((points - 1) / side)) / max(1, math.ceil(side / (points - 1)))
    middle = np.round((low + high) / 2 * steps).astype(int)
    whole = np.arange(points) - points // 2
    return (middle[0] + whole) / steps, (middle[1] + whole) / steps


def pass_height(values: np.ndarray, start: tuple[int, int], end: tuple[int, int]) -> float:
    """The least maximum of all paths of grid steps, diagonal ones too, from one node to another: water that rises from both meets there.

    Args:
        values: (n, m); NaN where there is no way.
        start: indices of one node.
        end: indices of the other.

    Returns:
        NaN where they are not connected.
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
