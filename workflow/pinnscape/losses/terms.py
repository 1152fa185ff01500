"""Terms of a loss: weighted integrals or means of local expressions over point sets, and the ansatz that makes a network a solution.

Squared terms are means over their points, so that their weights sum to 1; energies, and boundary terms of energies, are integrals, and their weights
sum to the measure of what they integrate over. On the unit cube both are the same.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any, Literal

from torch import Tensor

from pinnscape.common.errors import ProblemError
from pinnscape.problems.field import Field, Point, value_of
from pinnscape.problems.points import PointSet

Local = Callable[[Any, Any, Any], Any]  # of a point p, a field u, and named values f; with several sites, p and u are tuples


@dataclass(frozen=True)
class Values(Mapping[str, Any]):
    """The third argument f of a local expression: data columns of the points and parameters of the problem, by name.

    Attributes:
        columns: values (n,) at the points, or symbols.
        parameters: numbers, or symbols.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name in self.columns:
            return self.columns[name]
        if name in self.parameters:
            return self.parameters[name]
        raise KeyError(f"there is no data column and no parameter {name!r}; there are {', '.join(self) or 'none'}")

    def __iter__(self) -> Iterator[str]:
        return iter([*self.columns, *self.parameters])

    def __len__(self) -> int:
        return len(self.columns) + len(self.parameters)


def called(local: Local, points: Sequence[Point], fields: Sequence[Field], f: Values) -> tuple[Any, ...]:
    """What a local expression gives at its sites, as a tuple; a single site is given by itself."""
    p, u = (points[0], fields[0]) if len(points) == 1 else (tuple(points), tuple(fields))
    found = local(p, u, f)
    return tuple(map(value_of, found)) if isinstance(found, (tuple, list)) else (value_of(found),)


@dataclass(frozen=True)
class Term:
    """One term of a loss.

    Attributes:
        name: of the term, such as interior, initial, periodic.
        kind: ``energy`` for Σ w e, ``squared`` for Σ w |r|².
        local: e or r at a point, a function (p, u, f) of the point, the field and ``Values``; a tuple for several residuals.
        points: with weights w and data.
        weight: by which the term is multiplied; another one takes no other code.
        exists: a condition on (p, u, f) that holds where the term exists; where it fails, the term is NaN.
        symbolic: gives ``local`` and ``exists`` for symbols, where they are other functions; symbols with the names of parameters stand for these.
    """

    name: str
    kind: Literal["energy", "squared"]
    local: Local
    points: PointSet
    weight: float = 1.0
    exists: Local | None = None
    symbolic: Callable[[], tuple[Local, Local | None]] | None = None

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
