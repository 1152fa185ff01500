"""What a domain is: its variables, its boundary by pieces, and functions that vanish on some of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from pinnscape.problems.domains.patch import Patch
from pinnscape.problems.field import Point

Where = str | Sequence[str]
INTERIOR = "interior"


class Domain:
    """A bounded set in d variables.

    Attributes:
        names: of the variables, in their order.
        time: the name of the time variable, if there is one.
        bounds: the smallest box around it (d, 2).
        interior: patches that make it up, without overlap.
        singular: patches for functions that are singular at a corner; empty where there is no such corner.
        pieces: the pieces of its boundary, by name, each made up of patches with normals.
        groups: names for several pieces together; ``boundary`` is all but the faces of time.
    """

    names: tuple[str, ...]
    time: str | None = None
    bounds: np.ndarray
    interior: tuple[Patch, ...]
    singular: tuple[Patch, ...] = ()
    pieces: Mapping[str, tuple[Patch, ...]]
    groups: Mapping[str, tuple[str, ...]]

    @property
    def dimension(self) -> int:
        return len(self.names)

    @property
    def space(self) -> tuple[str, ...]:
        """The variables of space."""
        return tuple(name for name in self.names if name != self.time)

    @cached_property
    def volume(self) -> float:
        return sum(patch.measure for patch in self.interior)

    def measure(self, where: Where) -> float:
        """Length, area, ... of the interior or of pieces of the boundary; single points count 1 each."""
        return sum(patch.measure for patch in self.patches(where))

    def patches(self, where: Where) -> tuple[Patch, ...]:
        """The patches of the interior or of pieces of the boundary."""
        if where in (INTERIOR, (INTERIOR,)):
            return self.interior
        return tuple(patch for name in self.resolve(where) for patch in self.pieces[name])

    def resolve(self, where: Where) -> tuple[str, ...]:
        """The names of pieces of the boundary, groups written out.

        Raises:
            ValueError: there is no such piece.
        """
        names = [where] if isinstance(where, str) else list(where)
        unknown = [name for name in names if name not in self.pieces and name not in self.groups]
        if unknown:
            known = ", ".join([*self.groups, *self.pieces])
            raise ValueError(f"`where` names {unknown[0]!r}, which {self!r} does not have; it has {known}")
        written = [piece for name in names for piece in self.groups.get(name, (name,))]
        return tuple(dict.fromkeys(written))

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether points (n, d) lie in the closed domain (n,)."""
        low, high = self.bounds.T
        margin = 1e-12 * (high - low)
        return ((points >= low - margin) & (points <= high + margin)).all(-1)

    def distance(self, where: Where) -> Callable[[Point], Any]:
        """A smooth function that is positive inside, and vanishes on these pieces of the boundary to first order and nowhere else.

        Its maximum is about 1. At a corner where solutions are singular, it is singular in the same way.
        """
        raise NotImplementedError

    def unit(self, variable: str) -> Callable[[Point], Any]:
        """A variable, scaled so that it runs from 0 to 1."""
        low, high = (float(bound) for bound in self.bounds[self.names.index(variable)])
        if (low, high) == (0.0, 1.0):
            return lambda p: getattr(p, variable)
        return lambda p: (getattr(p, variable) - low) / (high - low)

    def faces(self, names: Sequence[str]) -> Callable[[Point], Any]:
        """The product of the distances from faces of the bounding box: ``x_min``, ``x_max``, ..."""

        def product(p: Point) -> Any:
            found: Any = 1.0
            for variable in self.names:
                low, high = f"{variable}_min" in names, f"{variable}_max" in names
                s = self.unit(variable)(p)
                found = (
                    found * (4.0 * s * (1.0 - s))
                    if low and high
                    else found * s
                    if low
                    else found * (1.0 - s)
                    if high
                    else found
                )
            return found

        return product
