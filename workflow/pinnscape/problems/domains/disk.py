"""Disks."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pinnscape.problems.domains.domain import Domain, Where
from pinnscape.problems.domains.patch import Patch
from pinnscape.problems.field import Point


class Disk(Domain):
    """A disk; its boundary is a single piece, ``circle``, which is also the group ``boundary``.

    Product rules are products in polar coordinates: the chosen rule in the radius, and equidistant points with equal weights in
    the angle, which integrate trigonometric polynomials exactly.

    Args:
        radius: its radius.
        center: its centre.

    Raises:
        ValueError: the radius is not positive and finite.
    """

    names = ("x", "y")

    def __init__(self, radius: float = 1.0, center: tuple[float, float] = (0.0, 0.0)) -> None:
        if not 0.0 < radius < math.inf:
            raise ValueError(f"`radius` must be above 0, not {radius!r}")
        self.radius, self.center = float(radius), (float(center[0]), float(center[1]))
        self.bounds = np.array([[c - radius, c + radius] for c in self.center])
        area, length = math.pi * radius**2, 2.0 * math.pi * radius
        self.interior = (
            Patch(
                2,
                area,
                lambda unit: self._at(unit[:, 0], unit[:, 1]),
                lambda unit: 2.0 * area * unit[:, 0],
                lambda unit: self._at(np.sqrt(unit[:, 0]), unit[:, 1]),
                periodic=(1,),
            ),
        )
        circle = Patch(1, length, lambda unit: self._at(1.0, unit[:, 0]), normal=self._normal, periodic=(0,))
        self.pieces = {"circle": (circle,)}
        self.groups = {"boundary": ("circle",)}

    def __repr__(self) -> str:
        x, y = self.center
        return (
            f"Disk(radius={self.radius:g})" if (x, y) == (0.0, 0.0) else f"Disk(radius={self.radius:g}, center=({x:g}, {y:g}))"
        )

    def _at(self, share: np.ndarray | float, turn: np.ndarray) -> np.ndarray:
        """Points (n, 2) with the given distances from the centre in units of the radius, and angles in units of a full turn."""
        r, angle = self.radius * share, 2.0 * math.pi * turn
        return np.column_stack([self.center[0] + r * np.cos(angle), self.center[1] + r * np.sin(angle)])

    def _normal(self, points: np.ndarray) -> np.ndarray:
        outward = points - np.array(self.center)
        return outward / np.linalg.norm(outward, axis=1, keepdims=True)

    def contains(self, points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points - np.array(self.center), axis=1) <= self.radius * (1.0 + 1e-12)

    def distance(self, where: Where) -> Callable[[Point], Any]:
        if not self.resolve(where):
            return lambda p: 1.0
        (a, b), square = self.center, self.radius**2
        if square == 1.0 and (a, b) == (0.0, 0.0):
            return lambda p: 1.0 - p.x * p.x - p.y * p.y
        return lambda p: 1.0 - ((p.x - a) * (p.x - a) + (p.y - b) * (p.y - b)) / square
