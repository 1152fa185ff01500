"""Definitions of the terms of a loss, independent of the choice of points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pinnscape.problems.domains.domain import Domain
from pinnscape.problems.field import Point
from pinnscape.problems.points import PointSet, Rule, place

Kind = Literal["energy", "squared"]


def value_or_tuple(values: Sequence[Any]) -> Any:
    """A tuple of several values; a single value is returned without a tuple."""
    return tuple(values) if len(values) > 1 else values[0]


@dataclass(frozen=True)
class TermSpec:
    """A term of a loss: the integral of an energy density, or the mean of squared residuals.

    Attributes:
        name: ``interior``, or the name of a residual or condition.
        kind: ``energy`` (integral; the weights sum to the measure of the domain or piece) or ``squared`` (mean; they sum to 1).
        where: ``interior``, or names of pieces of the boundary.
        local: function of a point p, a field u and data f by name. It returns the energy density, or the residual (a value or a
            tuple) before it is squared. If there are several sites, p and u are tuples. Like the methods of a problem, it accepts
            tensors and symbols.
        data: functions of a point that compute the data, by name.
        normals: whether the data include the outward unit normal, ``f["normal_x"]``, ...
        sites: number of points that ``local`` combines.
        weight: factor of the term in the loss.
        exists: function of the same arguments that tells where the term exists, as a comparison; None if it exists everywhere.
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
        """Choose the points of the term.

        Args:
            domain: the domain.
            rule: how points are chosen.

        Returns:
            Points, weights for the kind of the term, and the data of ``local``.

        Raises:
            ValueError: the rule does not exist on this domain.
        """
        return self.at(domain, place(domain, self.where, rule, self.sites))

    def at(self, domain: Domain, points: PointSet) -> PointSet:
        """The same as ``place`` for given points, whose weights sum to the measure of the domain or piece."""
        # If there are several sites, the weights are those of the first one.
        total = 1.0 if self.kind == "energy" else domain.measure(self.where if self.sites == 1 else self.where[:1])
        return PointSet(points.points, points.weights / total, self.columns(domain, points))

    def columns(self, domain: Domain, points: PointSet) -> dict[str, Any]:
        """The data (n,) that ``local`` needs at given points, by name: normals, and values of the functions in ``data``."""
        normals = dict(points.data) if self.normals else {}
        if not self.data:
            return normals
        import torch  # imported here, because equations can be defined without torch

        from pinnscape.problems import autograd

        first = torch.tensor(points.points[0], dtype=torch.float64)
        p = autograd.point(domain, first)
        return normals | {
            name: autograd.columns(function(p), first[:, 0])[0].detach().numpy().copy() for name, function in self.data.items()
        }
