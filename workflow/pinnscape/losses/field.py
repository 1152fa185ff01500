"""A loss that is a sum of terms, as a function of flat parameters, with its derivatives: the narrow waist, for everything above to use.

Everything is batched over leading dimensions of theta. No analysis above this module knows a differential equation.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscape.losses import jacobians
from pinnscape.losses.assembly import Assembly
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.native.groups import NativeGroup
from pinnscape.losses.quantities import Quantities
from pinnscape.losses.terms import Term
from pinnscape.networks.layout import Layout

if TYPE_CHECKING:
    from pinnscape.losses.discretization import Discretization


@dataclass(frozen=True)
class FieldObjective:
    """The weighted sum of some of the terms of an assembly.

    Attributes:
        name: of the loss.
        assembly: terms and solution.
        names: of the terms that are summed, in this order; what precedes a slash is not part of the name that ``terms`` gives.
        minimum: the loss at the exact solution under the same rule; NaN if it is not known.
        discretization: to which the loss belongs, if any; it measures other losses and errors.

    Raises:
        ValueError: there is no such term, or no term at all.
    """

    name: str
    assembly: Assembly
    names: tuple[str, ...]
    minimum: float = math.nan
    discretization: "Discretization | None" = None

    def __post_init__(self) -> None:
        """Check the names."""
        unknown = [name for name in self.names if name not in self.assembly.terms]
        if unknown or not self.names:
            known = ", ".join(self.assembly.terms)
            raise ValueError(f"`names` must be one or more of the terms {known}, not {', '.join(self.names) or 'none'}")

    @property
    def short_names(self) -> tuple[str, ...]:
        """The names of the terms without what precedes a slash: interior, initial, ..."""
        return tuple(name.rpartition("/")[2] for name in self.names)

    @property
    def is_squared(self) -> bool:
        """Whether the loss is a sum of squares."""
        terms = [self.assembly.terms[name] for name in self.names]
        return all(term.kind == "squared" and term.weight >= 0.0 for term in terms)

    def check_squares(self) -> None:
        """Refuse a loss that is no sum of squares.

        Raises:
            ValueError: one of its terms is none.
        """
        for term in (self.assembly.terms[name] for name in self.names):
            if term.kind != "squared" or term.weight < 0.0:
                kind = "an energy" if term.kind != "squared" else "a square with a negative weight"
                raise ValueError(f"the loss {self.name} is no sum of squares: its term {term.name} is {kind}")

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.layout.size

    @property
    def layout(self) -> Layout:
        return self.assembly.solution.network.layout

    @property
    def device(self) -> torch.device:
        return self.assembly.solution.device

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64

    @property
    def batch(self) -> int:
        """Parameter vectors worth taking at a time."""
        return self.assembly.batch

    def only(self, *names: str) -> "FieldObjective":
        """The same loss with these of its terms alone, by their short names.

        Raises:
            ValueError: it has no such term.
        """
        full = dict(zip(self.short_names, self.names, strict=True))
        if missing := [name for name in names if name not in full]:
            raise ValueError(f"the loss {self.name} has no term {', '.join(missing)}; it has {', '.join(full)}")
        return replace(
            self,
            name=f"{self.name} ({', '.join(names)})",
            names=tuple(full[name] for name in names),
            minimum=self.minimum if set(names) == set(full) else self._least,
        )

    def weighted(self, weights: Mapping[str, float]) -> "FieldObjective":
        """The same loss with the weights of some of its terms multiplied by these, by their short names."""
        full = dict(zip(self.short_names, self.names, strict=True))
        changes = {full[name]: self.assembly.terms[full[name]].weight * weight for name, weight in weights.items()}
        return replace(self, assembly=self.assembly.with_weights(changes))

    def drawn(self, draw: int) -> "FieldObjective":
        """The same loss with random points drawn again.

        Raises:
            ValueError: the loss belongs to no discretisation.
        """
        if self.discretization is None:
            raise ValueError(f"the loss {self.name} has no discretisation whose points could be drawn again")
        return self.discretization.drawn(draw).objective(self.name)

    @property
    def _least(self) -> float:
        """The minimum of some of the terms: 0 for squares, which vanish at a solution."""
        return 0.0 if self.is_squared else math.nan

    @property
    def fresh(self) -> "FieldObjective | None":
        """The same loss at points that a training on this one does not use."""
        if self.discretization is None:
            return None
        weights = {name: self.assembly.terms[name].weight for name in self.names}
        return replace(self, assembly=self.discretization.fresh.assembly.with_weights(weights))

    def with_minimum(self, minimum: float) -> "FieldObjective":
        """The same loss with another value in place of an unknown minimum."""
        return replace(self, minimum=minimum)

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), the value alone."""
        return _sum([*self.terms(theta).values()])

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """Each term (...) with its weight; they add up to the loss."""
        found = (_weighted(term, route.loss(term.name, theta)) for term, route in self._routes)
        return dict(zip(self.short_names, found, strict=True))

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and its gradient (..., P)."""
        found = [(term, *route.gradients(term.name, theta)) for term, route in self._routes]
        losses, gradients = [_weighted(term, loss) for term, loss, _ in found], [_weighted(term, g) for term, _, g in found]
        return _sum(losses), _sum(gradients)

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P)."""
        return self.loss_and_gradient(theta)[1]

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Hessian-vector products.

        Args:
            theta: (P,).
            vectors: (P,) or (k, P).

        Returns:
            H v for each vector, of the shape of ``vectors``.
        """
        rows = vectors.reshape(-1, vectors.shape[-1])
        return _sum([_weighted(term, route.products(term.name, theta, rows)) for term, route in self._routes]).reshape(
            vectors.shape
        )

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products with the Gauss-Newton part G of the Hessian, which is not formed: 2JᵀJ for squared terms, for energies the Gram matrix.

        Args:
            theta: (P,).
            vectors: (P,) or (k, P).

        Returns:
            G v for each vector, of the shape of ``vectors``; NaN where the loss does not exist.
        """
        rows = vectors.reshape(-1, vectors.shape[-1])
        found = [_weighted(term, route.gauss_newton(term.name, theta, rows)) for term, route in self._routes]
        return _sum(found).reshape(vectors.shape)

    def residuals(self, theta: Tensor) -> dict[str, Tensor]:
        """The weighted residuals (m,) of each term at theta (P,); the sum of their squares is the loss.

        Raises:
            ValueError: a term is no sum of squares.
        """
        return {name: jacobians.residuals(q, theta) for name, q in zip(self.short_names, self._squared, strict=True)}

    def jacobian(self, theta: Tensor) -> Tensor:
        """The derivatives (m, P) of all residuals at theta (P,), in the order of ``residuals``.

        Raises:
            ValueError: a term is no sum of squares.
        """
        return torch.cat([jacobians.jacobian(q, theta) for q in self._squared])

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All losses and errors (...) at parameters (..., P); without a discretisation, the terms of the assembly."""
        return self.assembly.measure(theta) if self.discretization is None else self.discretization.measure(theta)

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at any points (n, d)."""
        return self.assembly.at(theta, points)

    @cached_property
    def _routes(self) -> list[tuple[Term, TorchGroup | NativeGroup]]:
        """The terms, and what evaluates each of them."""
        return [(self.assembly.terms[name], self.assembly.routes[name]) for name in self.names]

    @property
    def _squared(self) -> list[Quantities]:
        """The local quantities of the terms, if all of these are sums of squares."""
        self.check_squares()
        terms = [self.assembly.terms[name] for name in self.names]
        return [Quantities(self.assembly.group(term.name), term.name, term.weight) for term in terms]


def _weighted(term: Term, value: Tensor) -> Tensor:
    return value if term.weight == 1.0 else term.weight * value


def _sum(summands: Sequence[Tensor]) -> Tensor:
    first, *rest = summands
    for summand in rest:
        first = first + summand
    return first
