"""A loss that is a weighted sum of terms, as a function of a flat parameter vector, with its derivatives.

``FieldObjective`` implements the interface ``losses.objective.Objective``, through which all analyses see a loss; they need no
knowledge of the differential equation. Functions are batched over leading dimensions of theta where their shapes say so.
"""

import math
from collections.abc import Mapping
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
from pinnscape.networks.arithmetic import total
from pinnscape.networks.layout import Layout
from pinnscape.problems.points import SETS

if TYPE_CHECKING:
    from pinnscape.losses.discretization import Discretization


@dataclass(frozen=True)
class FieldObjective:
    """A loss: the weighted sum of some of the terms of an assembly.

    Attributes:
        name: name of the loss.
        assembly: the terms and the solution.
        names: full names of the terms in the sum, in this order, as in ``strong-form/interior``.
        minimum: the loss at the exact solution under the same quadrature rules; NaN if unknown.
        discretization: the discretisation that the loss belongs to, if any; ``measure``, ``drawn`` and ``fresh`` use it.

    Raises:
        ValueError: ``names`` is empty or contains a name that is not a term of the assembly.
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
    def whole(self) -> str:
        """Name of the loss that the terms belong to, as in ``strong-form``."""
        return self.names[0].partition("/")[0]

    @property
    def short_names(self) -> tuple[str, ...]:
        """Names of the terms without the name of the loss, such as ``interior`` or ``initial``."""
        return tuple(name.rpartition("/")[2] for name in self.names)

    @property
    def is_squared(self) -> bool:
        """Whether the loss is a sum of squares with nonnegative weights."""
        terms = [self.assembly.terms[name] for name in self.names]
        return all(term.kind == "squared" and term.weight >= 0.0 for term in terms)

    def check_squares(self) -> None:
        """Check that the loss is a sum of squares.

        Raises:
            ValueError: a term is an energy or has a negative weight.
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
        """Number of parameter vectors to evaluate in one batch."""
        return self.assembly.batch

    def only(self, *names: str) -> "FieldObjective":
        """The sum of only some of the terms of this loss, given by their short names.

        Raises:
            ValueError: the loss has no term of this name.
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
        """A copy in which the weights of terms are multiplied by these factors, by short name."""
        full = dict(zip(self.short_names, self.names, strict=True))
        changes = {full[name]: self.assembly.terms[full[name]].weight * weight for name, weight in weights.items()}
        return replace(self, assembly=self.assembly.with_weights(changes))

    @property
    def measures(self) -> tuple[str, ...]:
        """Empty: nothing is measured besides losses, terms and errors."""
        return ()

    @property
    def draws(self) -> float:
        """Infinity if the points of the loss are random, otherwise 0."""
        return math.inf if self.discretization is not None and self.discretization.rules.interior.name in SETS else 0.0

    def drawn(self, draw: int) -> "FieldObjective":
        """The same loss at random points that are drawn again, with ``draw`` as the number of the draw.

        The weights of the terms are those of the discretisation.

        Raises:
            ValueError: the loss belongs to no discretisation.
        """
        if self.discretization is None:
            raise ValueError(f"the loss {self.name} has no discretisation whose points could be drawn again")
        whole = self.discretization.drawn(draw).objective(self.whole)
        return whole if whole.names == self.names else whole.only(*self.short_names)

    @property
    def _least(self) -> float:
        """The minimum of a part of the terms: 0 for squares, which vanish at the solution; otherwise NaN."""
        return 0.0 if self.is_squared else math.nan

    @property
    def fresh(self) -> "FieldObjective | None":
        """The same loss at points that training on this loss does not use; None if the loss belongs to no discretisation."""
        if self.discretization is None:
            return None
        weights = {name: self.assembly.terms[name].weight for name in self.names}
        return replace(self, assembly=self.discretization.fresh.assembly.with_weights(weights))

    def with_minimum(self, minimum: float) -> "FieldObjective":
        """A copy with another value of ``minimum``."""
        return replace(self, minimum=minimum)

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), without an autograd graph."""
        return total([*self.terms(theta).values()])

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """The weighted terms (...) at parameters (..., P), by short name; their sum is the loss."""
        found = (_weighted(term, route.loss(term.name, theta)) for term, route in self._routes)
        return dict(zip(self.short_names, found, strict=True))

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and its gradient (..., P) at parameters (..., P)."""
        found = [(term, *route.gradients(term.name, theta)) for term, route in self._routes]
        losses, gradients = [_weighted(term, loss) for term, loss, _ in found], [_weighted(term, g) for term, _, g in found]
        return total(losses), total(gradients)

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P) of the loss at parameters (..., P)."""
        return self.loss_and_gradient(theta)[1]

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Hessian H with vectors; H is not formed.

        Args:
            theta: parameters (P,).
            vectors: (P,) or (k, P).

        Returns:
            H v for each vector, of the shape of ``vectors``.
        """
        rows = vectors.reshape(-1, vectors.shape[-1])
        return total([_weighted(term, route.products(term.name, theta, rows)) for term, route in self._routes]).reshape(
            vectors.shape
        )

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Gauss-Newton part G of the Hessian with vectors; G is not formed.

        Squared terms contribute 2JᵀJ, with the Jacobian J of the weighted residuals; energies contribute their Gram matrix.

        Args:
            theta: parameters (P,).
            vectors: (P,) or (k, P).

        Returns:
            G v for each vector, of the shape of ``vectors``; NaN if the loss does not exist.
        """
        rows = vectors.reshape(-1, vectors.shape[-1])
        found = [_weighted(term, route.gauss_newton(term.name, theta, rows)) for term, route in self._routes]
        return total(found).reshape(vectors.shape)

    def residuals(self, theta: Tensor) -> dict[str, Tensor]:
        """The weighted residuals (m,) of each term at theta (P,), by short name; the sum of all squares is the loss.

        Raises:
            ValueError: the loss is not a sum of squares.
        """
        return {name: jacobians.residuals(q, theta) for name, q in zip(self.short_names, self._squared, strict=True)}

    def jacobian(self, theta: Tensor) -> Tensor:
        """The Jacobian (m, P) of all weighted residuals at theta (P,), in the order of ``residuals``.

        Raises:
            ValueError: the loss is not a sum of squares.
        """
        return torch.cat([jacobians.jacobian(q, theta) for q in self._squared])

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All losses and errors (...) at parameters (..., P), by name; all terms of the assembly without a discretisation."""
        return self.assembly.measure(theta) if self.discretization is None else self.discretization.measure(theta)

    def at(self, theta: Tensor, points: Tensor) -> Tensor:
        """The solution (..., n, c) at arbitrary points (n, d), for parameters (..., P)."""
        return self.assembly.at(theta, points)

    @cached_property
    def _routes(self) -> list[tuple[Term, TorchGroup | NativeGroup]]:
        """The terms of the loss, each with its evaluator."""
        return [(self.assembly.terms[name], self.assembly.routes[name]) for name in self.names]

    @property
    def _squared(self) -> list[Quantities]:
        """The local quantities of the terms of a sum of squares.

        Raises:
            ValueError: the loss is not a sum of squares.
        """
        self.check_squares()
        terms = [self.assembly.terms[name] for name in self.names]
        return [Quantities(self.assembly.group(term.name), term.name, term.weight) for term in terms]


def _weighted(term: Term, value: Tensor) -> Tensor:
    return value if term.weight == 1.0 else term.weight * value
