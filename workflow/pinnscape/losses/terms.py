"""Terms of a loss, and the ansatz that turns a network into a solution.

A term is a weighted sum of a local expression over a point set. Energies, including their boundary terms, are integrals: the
weights of the points sum to the measure of the domain of integration. Squared terms are means over their points. On the unit
cube both normalisations agree.
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

# A local expression: a function of a point p, a field u and named values f. With several sites, p and u are tuples.
Local = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Values(Mapping[str, Any]):
    """The third argument f of a local expression: data columns of the points and parameters of the problem, by name.

    Attributes:
        columns: values (n,) at the points, or symbols, by name.
        parameters: numbers, or symbols, by name.
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
    """The values of a local expression as a tuple.

    Args:
        local: the local expression.
        points: the point at each site.
        fields: the field at each site.
        f: data columns and parameters.
    """
    p, u = (points[0], fields[0]) if len(points) == 1 else (tuple(points), tuple(fields))
    found = local(p, u, f)
    return tuple(map(value_of, found)) if isinstance(found, (tuple, list)) else (value_of(found),)


@dataclass(frozen=True)
class Term:
    """One term of a loss: Σ w e for an energy, Σ w |r|² for squares, summed over the points of a set.

    Attributes:
        name: name of the term, such as ``strong-form/initial``.
        kind: ``energy`` or ``squared``.
        local: the energy density e or the residual r at a point, as a function (p, u, f) of the point, the field and
            ``Values``; it returns a tuple for several residuals.
        points: the points with their weights w and data.
        weight: factor of the whole term; native code does not depend on it.
        exists: condition, as a function of (p, u, f), that holds where the term exists. The term is NaN if it fails at any
            point.
        symbolic: function that returns the versions of ``local`` and ``exists`` for symbolic derivation, if they differ from
            those for tensors. Symbols with the name of a parameter stand for that parameter.
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
            ValueError: the kind is unknown or the weight is not finite.
        """
        if self.kind not in ("energy", "squared"):
            raise ValueError(f"`kind` of the term {self.name} must be energy or squared, not {self.kind!r}")
        if not math.isfinite(self.weight):
            raise ValueError(f"`weight` of the term {self.name} must be finite, not {self.weight}")


@dataclass(frozen=True)
class Ansatz:
    """The ansatz u = lift + factor · network, which satisfies the hard conditions of a problem for every network.

    Attributes:
        lift: function from points (n, d) to (n, c); None stands for 0.
        factor: function from points (n, d) to (n, 1), or to (n, c) with a factor for each component; None stands for 1.
    """

    lift: Callable[[Tensor], Tensor] | None = None
    factor: Callable[[Tensor], Tensor] | None = None

    @property
    def is_network(self) -> bool:
        """Whether the network itself is the solution, without lift and factor."""
        return self.lift is None and self.factor is None


def fault(term: Term, text: str) -> ProblemError:
    """An error in the definition of a term; the message is one line that names the file of its local expression."""
    return ProblemError(f"{_file(term.local)}: term {term.name}: {text}")


def _file(local: Any) -> str:
    """The source file of a function, relative to the current folder if it is inside it."""
    while isinstance(local, (partial, MethodType)):
        local = local.func if isinstance(local, partial) else local.__func__
    try:
        found = Path(inspect.getsourcefile(local if inspect.isroutine(local) else type(local)) or "").resolve()
    except TypeError:
        return "a notebook"
    return str(found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found)
