"""A loss that is a sum of terms, as a function of flat parameters, with its derivatives: the narrow waist, for everything above to use.

Everything is batched over leading dimensions of theta. No analysis above this module knows a differential equation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pinnscape.losses import jacobians
from pinnscape.losses.assembly import Assembly
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.native.groups import NativeGroup
from pinnscape.losses.terms import Term
from pinnscape.networks.architectures import Layout


@dataclass(frozen=True)
class FieldObjective:
    """The weighted sum of some of the terms of an assembly.

    Attributes:
        name: of the loss.
        assembly: of terms and solution.
        names: of the terms that are summed, in this order.
        minimum: the loss at the exact solution under the same rule, where it is known.

    Raises:
        ValueError: there is no such term, or no term at all.
    """

    name: str
    assembly: Assembly
    names: tuple[str, ...]
    minimum: float | None = None

    def __post_init__(self) -> None:
        """Check the names."""
        unknown = [name for name in self.names if name not in self.assembly.terms]
        if unknown or not self.names:
            known = ", ".join(self.assembly.terms)
            raise ValueError(f"`names` must be one or more of the terms {known}, not {', '.join(self.names) or 'none'}")

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
        """The same loss with these of its terms alone.

        Raises:
            ValueError: it has no such term.
        """
        if missing := [name for name in names if name not in self.names]:
            raise ValueError(f"the loss {self.name} has no term {', '.join(missing)}; it has {', '.join(self.names)}")
        return replace(self, names=names, minimum=self.minimum if set(names) == set(self.names) else None)

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), the value alone."""
        return _sum([*self.terms(theta).values()])

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """Each term (...) with its weight; they add up to the loss."""
        return {term.name: _weighted(term, route.loss(term.name, theta)) for term, route in self._routes}

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
        return {term.name: jacobians.residuals(self._group(term), term.name, theta, term.weight) for term in self._squared}

    def jacobian(self, theta: Tensor) -> Tensor:
        """The derivatives (m, P) of all residuals at theta (P,), in the order of ``residuals``.

        Raises:
            ValueError: a term is no sum of squares.
        """
        return torch.cat([jacobians.jacobian(self._group(term), term.name, theta, term.weight) for term in self._squared])

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All terms of the assembly (...), those of other losses and errors too; see ``Assembly.measure``."""
        return self.assembly.measure(theta)

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at any points (n, d)."""
        return self.assembly.at(theta, points)

    @cached_property
    def _routes(self) -> list[tuple[Term, TorchGroup | NativeGroup]]:
        """The terms, and what evaluates each of them."""
        return [(self.assembly.terms[name], self.assembly.routes[name]) for name in self.names]

    def _group(self, term: Term) -> TorchGroup:
        return self.assembly.group(term.name)

    @property
    def _squared(self) -> list[Term]:
        """The terms, if all of them are sums of squares."""
        terms = [self.assembly.terms[name] for name in self.names]
        for term in terms:
            if term.kind != "squared" or term.weight < 0.0:
                kind = term.kind if term.kind != "squared" else "a square with a negative weight"
                raise ValueError(f"the loss {self.name} is no sum of squares: its term {term.name} is {kind}")
        return terms


def _weighted(term: Term, value: Tensor) -> Tensor:
    return value if term.weight == 1.0 else term.weight * value


def _sum(summands: Sequence[Tensor]) -> Tensor:
    first, *rest = summands
    for summand in rest:
        first = first + summand
    return first
