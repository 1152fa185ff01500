"""Terms of a loss before their points are chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pinnscape.problems.domains.domain import Domain
from pinnscape.problems.field import Point
from pinnscape.problems.points import PointSet, Rule, place

Kind = Literal["energy", "squared"]


def value_or_tuple(values: Sequence[Any]) -> Any:
    """Several values as a tuple, one by itself."""
    return tuple(values) if len(values) > 1 else values[0]


@dataclass(frozen=True)
class TermSpec:
    """A term of a loss: the integral of an energy density, or the mean of squares.

    Attributes:
        name: ``interior``, or that of a condition.
        kind: ``energy`` (an integral: weights sum to the measure of the set) or ``squared`` (a mean: weights sum to 1).
        where: ``interior``, or pieces of the boundary.
        local: gives the density, or what is squared (a value or a tuple), from a point p, a field u and columns of data f by name; with several sites, p and
            u are tuples. It takes tensors and symbols, and asks of u what problems do: arithmetic, ``u.x``, ``u["v"].xx``.
        data: functions of a point that give the columns.
        normals: whether ``local`` needs the outward normal: ``f["normal_x"]``, ...
        sites: number of places that belong together.
        weight: the factor of the term in the loss.
        exists: where the term exists, a comparison from the same arguments; everywhere if there is none.
    """

    name: str
    kind: Kind
    where: tuple[str, ...]
    local: Callable[[Any, Any, Mapping[str, Any]], Any]
    data: Mapping[str, Callable[[Point], Any]] = field(default_factory=dict)
    normals: bool = False
    sites: int = 1
    weight: float = 1.0
    exists: Callable[[Any, Any, Mapping[str, Any]], Any] | None = None

    def place(self, domain: Domain, rule: Rule) -> PointSet:
        """Points, weights that fit the kind of the term, and the columns of data that it needs."""
        return self.at(domain, place(domain, self.where, rule, self.sites))

    def at(self, domain: Domain, points: PointSet) -> PointSet:
        """The same at given points, whose weights sum to the measure of their set."""
        # With several sites, the first one has the weights.
        total = 1.0 if self.kind == "energy" else domain.measure(self.where if self.sites == 1 else self.where[:1])
        return PointSet(points.points, points.weights / total, self.columns(domain, points))

    def columns(self, domain: Domain, points: PointSet) -> dict[str, Any]:
        """What ``local`` needs at given points (n,), by name: normals and the values of ``data``."""
        normals = dict(points.data) if self.normals else {}
        if not self.data:
            return normals
        import torch  # late: an equation can be stated without it

        from pinnscape.problems import autograd

        first = torch.tensor(points.points[0], dtype=torch.float64)
        p = autograd.point(domain, first)
        return normals | {
            name: autograd.columns(function(p), first[:, 0])[0].detach().numpy().copy() for name, function in self.data.items()
        }
