"""Intervals, rectangles, boxes of any dimension, and boxes in space and time."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from pinnscape.problems.domains.domain import Domain, Where
from pinnscape.problems.domains.patch import box
from pinnscape.problems.field import Field, Point


class Box(Domain):
    """An axis-parallel box, such as ``Box(x=(0, 1), y=(0, 2))``.

    The pieces of its boundary are the faces ``x_min``, ``x_max``, ``y_min``, ...; the group ``boundary`` contains all faces.

    Args:
        bounds: lower and upper bound of each variable, by name.

    Raises:
        ValueError: there are no bounds, or a bound or the name of a variable is invalid.
    """

    def __init__(self, **bounds: tuple[float, float]) -> None:
        if not bounds:
            raise ValueError("a box needs the bounds of its variables, as in Box(x=(0, 1), y=(0, 1))")
        for name, pair in bounds.items():
            _check_name(name, [other for other in bounds if other != name])
            if len(pair) != 2 or not -np.inf < pair[0] < pair[1] < np.inf:
                raise ValueError(f"the bounds of `{name}` must be two numbers, the lower one first, not {pair!r}")
        limits = [(float(low), float(high)) for low, high in bounds.values()]
        self.names, self.bounds = tuple(bounds), np.array(limits)
        self.interior = (box(limits),)
        self.pieces = {}
        for i, name in enumerate(bounds):
            for side, suffix in enumerate(("min", "max")):
                normal = [2.0 * side - 1.0 if j == i else 0.0 for j in range(len(limits))]
                face = [(pair[side], pair[side]) if j == i else pair for j, pair in enumerate(limits)]
                self.pieces[f"{name}_{suffix}"] = (box(face, normal),)
        self.groups = {"boundary": tuple(self.pieces)}

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}=({low:g}, {high:g})" for name, (low, high) in zip(self.names, self.bounds, strict=True))
        return f"{type(self).__name__}({bounds})"

    def distance(self, where: Where) -> Callable[[Point], Any]:
        return self.faces(self.resolve(where))


def _check_name(name: str, others: list[str]) -> None:
    """Check that names of derivatives with this variable are valid and unambiguous.

    Args:
        name: name of the variable.
        others: names of the other variables.

    Raises:
        ValueError: the name is not an identifier, is an attribute of ``Field``, or consists of names of other variables.
    """
    made_of_others = others and re.fullmatch(f"(?:{'|'.join(map(re.escape, others))})+", name)
    if not name.isidentifier() or name.startswith("_") or hasattr(Field, name) or made_of_others:
        raise ValueError(
            f"`{name}` cannot be the name of a variable beside {', '.join(others) or 'none'}; take another one, such as x or s"
        )


def cube(dimension: int, low: float = 0.0, high: float = 1.0) -> Box:
    """A cube, by default the unit cube. The variables are x, y, z in up to three dimensions, and x1, x2, ... in more.

    Args:
        dimension: number of variables.
        low: lower bound of each variable.
        high: upper bound of each variable.
    """
    names = "xyz"[:dimension] if dimension <= 3 else [f"x{i + 1}" for i in range(dimension)]
    return Box(**{name: (low, high) for name in names})


class Interval(Box):
    """An interval; the pieces of its boundary are its ends, ``x_min`` and ``x_max``.

    Args:
        low: left end.
        high: right end.
        name: name of the variable.
    """

    def __init__(self, low: float = 0.0, high: float = 1.0, name: str = "x") -> None:
        super().__init__(**{name: (low, high)})


class SpaceTime(Box):
    """A box in space and time, such as ``SpaceTime(x=(0, 1), t=(0, 2))``; the last variable is the time.

    The group ``boundary`` contains the faces in space; ``initial`` and ``final`` are the faces at the initial and final time.

    Args:
        bounds: lower and upper bound of each variable, by name.

    Raises:
        ValueError: there are fewer than two variables, or a bound or the name of a variable is invalid.
    """

    def __init__(self, **bounds: tuple[float, float]) -> None:
        super().__init__(**bounds)
        if len(bounds) < 2:
            raise ValueError(
                "a box in space and time needs a variable of space and, last, that of time, as in SpaceTime(x=(0, 1), t=(0, 1))"
            )
        self.time = self.names[-1]
        moments = f"{self.time}_min", f"{self.time}_max"
        self.groups = {
            "boundary": tuple(name for name in self.pieces if name not in moments),
            "initial": moments[:1],
            "final": moments[1:],
        }
