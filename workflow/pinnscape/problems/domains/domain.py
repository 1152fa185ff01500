"""The base class of domains: variables, pieces of the boundary, and functions that vanish on given pieces."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from pinnscape.problems.domains.patch import Patch
from pinnscape.problems.field import Point

Where = str | Sequence[str]
INTERIOR = "interior"


class Domain(ABC):
    """A bounded set in d variables.

    Attributes:
        names: names of the variables, in order.
        time: name of the time variable; None if there is none.
        bounds: bounds (d, 2) of the smallest box that contains the domain.
        interior: patches into which the domain is divided.
        singular: another such division, with rules for functions that are singular at a reentrant corner; empty if there is no
            such corner.
        pieces: patches of each piece of the boundary by name, with normals.
        groups: names of the pieces in each group by name; ``boundary`` contains all pieces except the initial and final faces.
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
        """Names of the space variables."""
        return tuple(name for name in self.names if name != self.time)

    @cached_property
    def volume(self) -> float:
        """Measure of the interior, including the time."""
        return sum(patch.measure for patch in self.interior)

    def measure(self, where: Where) -> float:
        """Length, area, ... of the interior or of pieces of the boundary; a single point has measure 1."""
        return sum(patch.measure for patch in self.patches(where))

    def patches(self, where: Where) -> tuple[Patch, ...]:
        """Patches of the interior or of pieces of the boundary."""
        if where in (INTERIOR, (INTERIOR,)):
            return self.interior
        return tuple(patch for name in self.resolve(where) for patch in self.pieces[name])

    def resolve(self, where: Where) -> tuple[str, ...]:
        """Names of pieces of the boundary, without repetitions; groups are replaced by their pieces.

        Args:
            where: names of pieces or groups.

        Raises:
            ValueError: there is no piece or group of this name.
        """
        names = [where] if isinstance(where, str) else list(where)
        unknown = [name for name in names if name not in self.pieces and name not in self.groups]
        if unknown:
            known = ", ".join([*self.groups, *self.pieces])
            raise ValueError(f"`where` names {unknown[0]!r}, which {self!r} does not have; it has {known}")
        written = [piece for name in names for piece in self.groups.get(name, (name,))]
        return tuple(dict.fromkeys(written))

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether each of the points (n, d) lies in the closed domain: booleans (n,)."""
        low, high = self.bounds.T
        margin = 1e-12 * (high - low)
        return ((points >= low - margin) & (points <= high + margin)).all(-1)

    @abstractmethod
    def distance(self, where: Where) -> Callable[[Point], Any]:
        """A function that is positive inside the domain and vanishes to first order on these pieces of the boundary only.

        It is smooth, and its maximum is about 1. At a reentrant corner, where solutions are singular, it has the singularity of
        the solutions.
        """

    def unit(self, variable: str) -> Callable[[Point], Any]:
        """A function that maps a point to one of its variables, scaled to [0, 1]."""
        low, high = (float(bound) for bound in self.bounds[self.names.index(variable)])
        if (low, high) == (0.0, 1.0):
            return lambda p: getattr(p, variable)
        return lambda p: (getattr(p, variable) - low) / (high - low)

    def faces(self, names: Sequence[str]) -> Callable[[Point], Any]:
        """A function that vanishes on these faces of the bounding box (``x_min``, ``x_max``, ...): a product of polynomials.

        Other names are ignored.
        """

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
