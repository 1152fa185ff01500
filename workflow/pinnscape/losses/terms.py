"""Terms of a loss: weighted integrals or means of local expressions over point sets, and the ansatz that makes a network a solution.

Squared terms are means over their points, so that their weights sum to 1; energies, and boundary terms of energies, are integrals, and their weights
sum to the measure of what they integrate over. On the unit cube both are the same.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any, Literal

import numpy as np
from torch import Tensor

from pinnscape.common.errors import ProblemError
from pinnscape.losses.sites import Local


@dataclass(frozen=True, eq=False)
class PointSet:
    """Points with weights and data; terms on the same object are evaluated together.

    Attributes:
        points: (sites, n, d). A local expression sees all sites of a point at once: two of them for a periodic condition, else one.
        weights: (n,), which sum to 1 for squared terms and to the measure for energies.
        data: columns (n,) by name, such as values of a load or of an exact solution.
    """

    points: np.ndarray
    weights: np.ndarray
    data: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes and kinds of numbers.

        Raises:
            ValueError: an array is of another shape than it should be, has no entry, or is no float64, or a column has no name.
        """
        for name in self.data:
            if not name.isidentifier():
                raise ValueError(f"`data` must have columns whose names are identifiers, not {name!r}")
        if self.points.ndim != 3 or not self.points.size:
            raise ValueError(f"`points` must be (sites, n, d) with at least one point, not {self.points.shape}")
        for name, array in (("weights", self.weights), *((f"data[{name!r}]", column) for name, column in self.data.items())):
            if array.shape != self.points.shape[1:2]:
                raise ValueError(f"`{name}` must be (n,), here ({self.points.shape[1]},), not {array.shape}")
        for name, array in (("points", self.points), ("weights", self.weights), *self.data.items()):
            if array.dtype != np.float64:
                raise ValueError(f"`{name}` must be float64, not {array.dtype}")

    @property
    def sites(self) -> int:
        return self.points.shape[0]

    @property
    def count(self) -> int:
        """Number of points n."""
        return self.points.shape[1]


@dataclass(frozen=True)
class Term:
    """One term of a loss.

    Attributes:
        name: of the term, such as interior, initial, periodic.
        kind: ``energy`` for Σ w e, ``squared`` for Σ w |r|².
        local: e or r at a point, a function (p, u, f) of the point, the unknown and named values, see ``sites``; a tuple for several residuals.
        points: with weights w and data.
        weight: by which the term is multiplied; another one takes no other code.
        exists: a condition on (p, u, f) that holds where the term exists; where it fails, the term is NaN.
        symbolic: ``local`` and ``exists`` for symbols, where they are other functions; symbols with the names of parameters are these.
    """

    name: str
    kind: Literal["energy", "squared"]
    local: Local
    points: PointSet
    weight: float = 1.0
    exists: Local | None = None
    symbolic: tuple[Local, Local | None] | None = None

    def __post_init__(self) -> None:
        """Check the kind and the weight.

        Raises:
            ValueError: there is no such kind, or the weight is not finite.
        """
        if self.kind not in ("energy", "squared"):
            raise ValueError(f"`kind` of the term {self.name} must be energy or squared, not {self.kind!r}")
        if not math.isfinite(self.weight):
            raise ValueError(f"`weight` of the term {self.name} must be finite, not {self.weight}")


@dataclass(frozen=True)
class Ansatz:
    """The solution u = lift + factor · network, with conditions that hold for every network.

    Attributes:
        lift: maps points (n, d) to (n, c); zero where it is None.
        factor: maps points (n, d) to (n, 1), or (n, c) with one for each component; one where it is None.
    """

    lift: Callable[[Tensor], Tensor] | None = None
    factor: Callable[[Tensor], Tensor] | None = None

    @property
    def is_network(self) -> bool:
        """Whether the network is the solution itself."""
        return self.lift is None and self.factor is None


def fault(term: Term, text: str) -> ProblemError:
    """An error in a term: one line with the file of its local expression."""
    return ProblemError(f"{_file(term.local)}: term {term.name}: {text}")


def _file(local: Any) -> str:
    """Where a function is written, relative to the current folder if it is below it."""
    while isinstance(local, (partial, MethodType)):
        local = local.func if isinstance(local, partial) else local.__func__
    try:
        found = Path(inspect.getsourcefile(local if inspect.isroutine(local) else type(local)) or "").resolve()
    except TypeError:
        return "a notebook"
    return str(found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found)
