"""A single loss of a torch module, with its derivatives.

Derivatives are computed by automatic differentiation of the caller's own function: gradients by one reverse pass, and products
with the Hessian by a second one (Pearlmutter 1994).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscape.networks.arithmetic import total
from pinnscape.networks.layout import Layout

if TYPE_CHECKING:
    from pinnscape.losses.module import ModuleLosses

_UNITS = 256  # rows of a Jacobian at a time


@dataclass(frozen=True, eq=False)
class ModuleObjective:
    """A loss of a module, or the sum of some of its terms. It implements ``losses.objective.Objective``.

    Attributes:
        whole: name of the loss that the terms belong to.
        family: all losses of the module.
        minimum: the lowest possible value; NaN if unknown.
        names: names of the terms in the sum; all of them if empty.
    """

    whole: str
    family: "ModuleLosses"
    minimum: float = math.nan
    names: tuple[str, ...] = ()
    _graph: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        """Name of the loss, with those of the terms if these are not all."""
        return f"{self.whole} ({', '.join(self.names)})" if self.names else self.whole

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.family.size

    @property
    def layout(self) -> Layout:
        return self.family.layout

    @property
    def device(self) -> torch.device:
        return self.family.device

    @property
    def batch(self) -> int:
        """Number of parameter vectors to evaluate in one batch."""
        return self.family.batch

    @property
    def theta(self) -> Tensor:
        """The current parameters of the module (P,)."""
        return self.family.flat.theta

    @property
    def is_squared(self) -> bool:
        """Whether the loss is a sum of squares of known residuals."""
        return self.whole in self.family.residuals

    @property
    def fresh(self) -> "ModuleObjective | None":
        """The same loss at points that the training does not use; None if there are no other points."""
        found = self.family.at_fresh_points
        return replace(self, family=found) if found is not None and self.whole in found.functions else None

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what ``error`` measures."""
        return self.family.measures

    @property
    def draws(self) -> int:
        """Number of mini-batches; 0 if there are none."""
        return self.family.batches

    def drawn(self, draw: int) -> "ModuleObjective":
        """The loss of one mini-batch, which its name states. Successive draws run through all mini-batches in random order.

        Raises:
            ValueError: there are no mini-batches.
        """
        if not self.draws:
            raise ValueError(f"the loss {self.name} has no mini-batches")
        epoch, place = divmod(draw, self.draws)
        order = torch.randperm(self.draws, generator=torch.Generator().manual_seed(epoch))
        batch = int(order[place])
        whole = self.family.of_batch(batch).objective(self.family.name_in_batch(self.whole, batch))
        return whole.only(*self.names) if self.names else whole

    def with_minimum(self, minimum: float) -> "ModuleObjective":
        """A copy with another value of ``minimum``."""
        return replace(self, minimum=minimum)

    def only(self, *names: str) -> "ModuleObjective":
        """The sum of only some of the terms of this loss.

        Raises:
            ValueError: the loss has no term of this name.
        """
        known = tuple(self.terms(self.theta))
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"the loss {self.name} has no term {', '.join(missing)}; it has {', '.join(known)}")
        same = set(names) == set(known)
        least = self.minimum if same else 0.0 if self.is_squared else math.nan
        return replace(self, names=names, minimum=least)

    # ---- values ----

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """The terms (...) at parameters (..., P), by name; their sum is the loss."""
        flat = theta.detach().reshape(-1, theta.shape[-1])
        rows = [{name: value.detach() for name, value in self._of(row).items()} for row in flat]
        return {name: torch.stack([row[name] for row in rows]).reshape(theta.shape[:-1]) for name in rows[0]}

    def loss(self, theta: Tensor) -> Tensor:
        """Loss (...) at parameters (..., P), without an autograd graph."""
        return total(self.terms(theta).values())

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """All losses, terms and errors (...) of the module at parameters (..., P), by name."""
        return self.family.measure(theta)

    # ---- derivatives ----

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (...) and gradient (..., P) at parameters (..., P)."""
        rows = theta.detach().reshape(-1, theta.shape[-1])
        found = self.family.batching(f"gradient {self.name}", self._differentiated, torch.vmap(self._transformed), rows)
        return found["loss"].reshape(theta.shape[:-1]), found["gradient"].reshape(theta.shape)

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P) of the loss at parameters (..., P)."""
        return self.loss_and_gradient(theta)[1]

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Hessian at theta (P,) with vectors (P,) or (k, P), of the same shape.

        The graph of the gradient is kept until a product at another theta is computed.
        """
        leaf, gradient = self._kept("gradient", theta, self._gradient_graph)
        return self._products("hessian", vectors, gradient, leaf)

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Gauss-Newton part 2JᵀJ of the Hessian with vectors (P,) or (k, P), of the same shape.

        Raises:
            ModelError: the loss has no residuals.
        """
        leaf, residuals, dual, pulled = self._kept("residuals", theta, self._residual_graph)

        # Jᵀu is linear in u; its derivative along v is Jv.
        forward = self._products("forward", vectors, pulled, dual)
        return self._products("residuals", 2.0 * forward, residuals, leaf)

    def residuals(self, theta: Tensor) -> dict[str, Tensor]:
        """The residuals (m,) of each term at theta (P,), by name; the sum of all squares is the loss.

        Raises:
            ModelError: the loss has no residuals.
        """
        return {name: value.detach() for name, value in self._vectors(theta).items()}

    def jacobian(self, theta: Tensor) -> Tensor:
        """The Jacobian (m, P) of all residuals at theta (P,), in the order of ``residuals``.

        Raises:
            ModelError: the loss has no residuals.
        """
        leaf = theta.detach().clone().requires_grad_()
        values = torch.cat(list(self._vectors(leaf).values()))
        units = (torch.nn.functional.one_hot(part, len(values)) for part in torch.arange(len(values)).split(_UNITS))
        return torch.cat([self._products("residuals", unit.to(values), values, leaf) for unit in units])

    def pull_back(self, theta: Tensor, weights: Tensor) -> Tensor:
        """The products Jᵀw (j, P) for vectors w (j, m), given as ``weights``, at theta (P,); J is not formed.

        Raises:
            ModelError: the loss has no residuals.
        """
        leaf = theta.detach().clone().requires_grad_()
        values = torch.cat(list(self._vectors(leaf).values()))
        return self._products("residuals", weights, values, leaf)

    def _of(self, theta: Tensor) -> dict[str, Tensor]:
        found = self.family.terms_of(self.whole, theta)
        return {name: found[name] for name in self.names} if self.names else found

    def _vectors(self, theta: Tensor) -> dict[str, Tensor]:
        found = self.family.vectors(self.whole, theta)
        return {name: found[name] for name in self.names} if self.names else found

    def _differentiated(self, theta: Tensor) -> dict[str, Tensor]:
        leaf = theta.detach().clone().requires_grad_()
        value = total(self._of(leaf).values())
        return {"loss": value.detach(), "gradient": _slope(value, leaf, keep=False)}

    def _transformed(self, theta: Tensor) -> dict[str, Tensor]:
        """The same by function transforms, which can be batched."""
        gradient, value = torch.func.grad_and_value(lambda t: total(self._of(t).values()))(theta)
        return {"loss": value, "gradient": gradient}

    def _products(self, kind: str, vectors: Tensor, value: Tensor, leaf: Tensor) -> Tensor:
        """Products of the Jacobian of ``value`` with respect to the leaf, transposed, with vectors (m,) or (k, m)."""
        rows = vectors.reshape(-1, vectors.shape[-1])

        def many(several: Tensor) -> dict[str, Tensor]:
            (found,) = torch.autograd.grad(value, leaf, several, retain_graph=True, is_grads_batched=True)
            return {"product": found}

        found = self.family.batching(f"{kind} {self.name}", lambda v: {"product": _slope(value, leaf, v)}, many, rows)
        return found["product"].reshape(*vectors.shape[:-1], -1)

    def _kept(self, name: str, theta: Tensor, build: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """What ``build`` made of theta, from an earlier call if theta is the same."""
        if "at" not in self._graph or not torch.equal(self._graph["at"], theta):
            self._graph.clear()
            self._graph["at"] = theta.detach().clone()
        if name not in self._graph:
            self._graph[name] = build(theta.detach().clone().requires_grad_())
        return self._graph[name]

    def _gradient_graph(self, leaf: Tensor) -> tuple[Tensor, ...]:
        value = total(self._of(leaf).values())
        return leaf, _slope(value, leaf, graph=True)

    def _residual_graph(self, leaf: Tensor) -> tuple[Tensor, ...]:
        values = torch.cat(list(self._vectors(leaf).values()))
        dual = torch.zeros_like(values).requires_grad_()
        return leaf, values, dual, _slope(values, leaf, dual, graph=True)


def _slope(value: Tensor, leaf: Tensor, along: Tensor | None = None, *, graph: bool = False, keep: bool = True) -> Tensor:
    """The derivative (P,) of ``value``, or of its product with ``along``; zero where ``value`` does not depend on the leaf."""
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    (found,) = torch.autograd.grad(
        value, leaf, along, retain_graph=keep or graph, create_graph=graph, allow_unused=True, materialize_grads=True
    )
    return found
