"""Domains with a reentrant corner, where solutions are singular (Grisvard 1985): the L-shape and the square with a slit.

Let (r, θ) be polar coordinates around a corner of angle ω, with θ = 0 on its first side. If u = 0 on both sides of the corner,
u behaves like r^(π/ω) sin(πθ/ω). If u = 0 on the first side only and the other side is free, u behaves like
r^(π/2ω) sin(πθ/2ω); if u = 0 on the second side only, θ is replaced by ω - θ.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pinnscape.problems.domains.domain import Domain, Where
from pinnscape.problems.domains.patch import Patch, box, constant, duffy
from pinnscape.problems.field import Point
from pinnscape.problems.functions import atan2, sin, sqrt


def polar(p: Point) -> tuple[Any, Any]:
    """Polar coordinates r and θ around the origin, with θ from 0 to 2π.

    On the positive x axis, θ is 0 if y = 0.0, and 2π if y = -0.0, that is on the lower side of a slit.
    """
    x, y = p
    return sqrt(x * x + y * y), math.pi + atan2(-y, -x)


class _Corner(Domain):
    """A part of the square (-1, 1)² with a corner at the origin. One side of the corner lies on the positive x axis.

    Attributes:
        angle: angle ω of the corner in radians.
        sides: names of the two pieces of the boundary that meet at the corner.
    """

    names = ("x", "y")
    angle: float
    sides: tuple[str, str]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def distance(self, where: Where) -> Callable[[Point], Any]:
        names = self.resolve(where)
        faces = self.faces(names)
        held = [side in names for side in self.sides]
        if not any(held):
            return faces
        exponent = math.pi / self.angle / (1.0 if all(held) else 2.0)

        def function(p: Point) -> Any:
            r, theta = polar(p)
            along = theta if held[0] else self.angle - theta
            return r**exponent * sin(exponent * along) * faces(p)

        return function


class LShape(_Corner):
    """The square (-1, 1)² without the quarter x > 0, y < 0.

    The pieces of its boundary are the outer sides ``x_min``, ``x_max``, ``y_min`` and ``y_max``, and the sides of the reentrant
    corner along the x and y axes, ``corner_x`` and ``corner_y``, which form the group ``corner``.
    """

    angle = 1.5 * math.pi
    sides = ("corner_x", "corner_y")

    def __init__(self) -> None:
        self.bounds = np.array([[-1.0, 1.0], [-1.0, 1.0]])
        self.interior = box([(0, 1), (0, 1)]), box([(-1, 0), (0, 1)]), box([(-1, 0), (-1, 0)])
        around = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1)]
        self.singular = tuple(duffy(first, second, 3) for first, second in itertools.pairwise(around))
        self.pieces = {
            "x_min": (box([(-1, -1), (-1, 1)], (-1, 0)),),
            "x_max": (box([(1, 1), (0, 1)], (1, 0)),),
            "y_min": (box([(-1, 0), (-1, -1)], (0, -1)),),
            "y_max": (box([(-1, 1), (1, 1)], (0, 1)),),
            "corner_x": (box([(0, 1), (0, 0)], (0, -1)),),
            "corner_y": (box([(0, 0), (-1, 0)], (1, 0)),),
        }
        self.groups = {"boundary": tuple(self.pieces), "corner": self.sides}

    def contains(self, points: np.ndarray) -> np.ndarray:
        outside = (points[:, 0] > 1e-12) & (points[:, 1] < -1e-12)
        return super().contains(points) & ~outside


class SlitSquare(_Corner):
    """The square (-1, 1)² without the slit 0 ≤ x < 1, y = 0 (E & Yu 2018).

    The pieces of its boundary are the outer sides ``x_min``, ``x_max``, ``y_min`` and ``y_max``, and the two sides of the slit,
    ``slit_above`` and ``slit_below``, which form the group ``slit``. Points on the lower side of the slit have y = -0.0, so that
    ``polar`` distinguishes the two sides.
    """

    angle = 2.0 * math.pi
    sides = ("slit_above", "slit_below")

    def __init__(self) -> None:
        self.bounds = np.array([[-1.0, 1.0], [-1.0, 1.0]])
        halves = (-1, 0), (0, 1)
        self.interior = tuple(box([horizontal, vertical]) for horizontal in halves for vertical in halves)
        around = [(1, 0.0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, -0.0)]
        self.singular = tuple(duffy(first, second, 2) for first, second in itertools.pairwise(around))
        below = Patch(1, 1.0, lambda unit: np.column_stack([unit[:, 0], np.full(len(unit), -0.0)]), normal=constant((0, 1)))
        self.pieces = {
            "x_min": (box([(-1, -1), (-1, 1)], (-1, 0)),),
            "x_max": (box([(1, 1), (-1, 0)], (1, 0)), box([(1, 1), (0, 1)], (1, 0))),
            "y_min": (box([(-1, 1), (-1, -1)], (0, -1)),),
            "y_max": (box([(-1, 1), (1, 1)], (0, 1)),),
            "slit_above": (box([(0, 1), (0, 0)], (0, -1)),),
            "slit_below": (below,),
        }
        self.groups = {"boundary": tuple(self.pieces), "slit": self.sides}
