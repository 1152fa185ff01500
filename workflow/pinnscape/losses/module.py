"""Losses of any torch module, as functions of a flat vector of its trainable parameters.

Derivatives are computed by automatic differentiation of the caller's own function: gradients by one reverse pass, and products
with the Hessian by a second one (Pearlmutter 1994). The functions are evaluated at one parameter vector at a time, because code
that calls ``torch.autograd.grad`` itself cannot be batched by ``torch.vmap``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pinnscape.common.errors import ModelError
from pinnscape.common.measured import ERRORS, INFEASIBLE
from pinnscape.losses import scalars
from pinnscape.losses.functional import Flat, Function
from pinnscape.losses.symmetries import with_symmetries
from pinnscape.networks import modules
from pinnscape.networks.arithmetic import total
from pinnscape.networks.layout import Layout

_BATCH = 16  # parameter vectors between two updates of a progress bar


class ModuleLosses:
    """The losses of a module, all of them functions of the same parameters.

    Args:
        module: the module; it is never changed.
        losses: functions of the module by name of the loss. A function returns a scalar tensor, or the terms of the loss, which
            are added, by name.
        error: function of the module that returns a number, or several by name, such as errors or accuracies.
        residuals: functions of the module by name of the loss, for losses that are sums of squares. A function returns the
            residuals, a tensor of any shape, or those of each term by name; the sum of their squares is the loss.
        minimum: the lowest possible values of the losses by name, where they are known.
        precise: whether a module in single precision is evaluated in double precision.

    Attributes:
        without_graph: names of the losses that have the same value if the parameters do not require gradients, which is faster.

    Raises:
        ModelError: the parameters of the module cannot be joined to one vector.
    """

    def __init__(
        self,
        module: nn.Module,
        losses: Mapping[str, Function],
        *,
        error: Function | None = None,
        residuals: Mapping[str, Function] | None = None,
        minimum: Mapping[str, float] | None = None,
        precise: bool = False,
        layout: Layout | None = None,
    ) -> None:
        self.flat, self.functions, self.error = Flat(module, precise=precise), dict(losses), error
        self.residuals, self._minimum = dict(residuals or {}), dict(minimum or {})
        self._layout = layout
        self.without_graph: set[str] = set()

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of the losses."""
        return tuple(self.functions)

    @property
    def layout(self) -> Layout:
        """Positions of the parameters in theta, and symmetries of the hidden units."""
        return self._layout or self._found_layout

    @cached_property
    def _found_layout(self) -> Layout:

        def losses(theta: Tensor) -> Tensor:
            return torch.stack([total(self.terms_of(name, theta).values()).detach() for name in self.losses])

        return with_symmetries(modules.layout(self.flat.module), losses, self.flat.theta, self.flat.single)

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.flat.size

    @property
    def device(self) -> torch.device:
        return self.flat.device

    @property
    def batch(self) -> int:
        """Number of parameter vectors to evaluate in one batch."""
        return _BATCH

    @cached_property
    def _terms(self) -> dict[str, tuple[str, ...]]:
        """Names of the terms of each loss, from an evaluation at the current parameters of the module."""
        return {name: tuple(self.terms_of(name, self.flat.theta)) for name in self.losses}

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of all terms of the losses that have more than one term, as in ``pinn/initial``."""
        return tuple(f"{loss}/{term}" for loss, terms in self._terms.items() if len(terms) > 1 for term in terms)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what ``error`` measures."""
        return self._measures

    @cached_property
    def _measures(self) -> tuple[str, ...]:
        return tuple(self._errors(self.flat.theta))

    @property
    def fields(self) -> tuple[str, ...]:
        """The losses and the terms of losses that have several."""
        return (*self.losses, *self.terms)

    @property
    def physics(self) -> tuple[str, ...]:
        """All losses, because it is not known which ones contain a differential equation."""
        return self.losses

    @property
    def energy_minimum(self) -> float:
        """NaN, because no exact solution is known."""
        return math.nan

    @property
    def norms(self) -> tuple[float, float]:
        """NaN, because no exact solution is known."""
        return math.nan, math.nan

    def gap_errors(self, thetas: Tensor) -> np.ndarray:
        """NaN (n,) at parameters (n, P), because no exact solution is known."""
        return np.full(len(thetas), np.nan)

    def objective(self, loss: str) -> "ModuleObjective":
        """A loss by its name, or a single term of a loss, as in ``pinn/initial``.

        Raises:
            ValueError: there is no such loss.
        """
        whole, _, term = loss.partition("/")
        if whole not in self.functions:
            raise ValueError(f"there is no loss {loss!r}; there are {', '.join(self.losses)}")
        found = ModuleObjective(whole, self, self._minimum.get(whole, 0.0 if whole in self.residuals else math.nan))
        return found.only(term) if term else found

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """Values (...) at parameters (..., P), by name.

        These are all losses, the terms of losses that have several, what ``error`` measures, the errors of all files, which are
        NaN if ``error`` does not measure them, and ``infeasible``, bool, whether a loss is not finite.
        """
        rows = theta.reshape(-1, theta.shape[-1])
        measured = [self._measured(row) for row in rows]
        return {name: torch.stack([row[name] for row in measured]).reshape(theta.shape[:-1]) for name in measured[0]}

    def _measured(self, theta: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for loss in self.losses:
            terms = {name: value.detach() for name, value in self.terms_of(loss, theta).items()}
            found[loss] = total(terms.values())
            if len(terms) > 1:
                found |= {f"{loss}/{name}": value for name, value in terms.items()}
        finite = torch.stack([found[loss].isfinite() for loss in self.losses]).all()
        unknown = torch.tensor(math.nan, dtype=torch.float64, device=self.device)
        return found | dict.fromkeys(ERRORS, unknown) | self._errors(theta) | {INFEASIBLE: ~finite}

    def _errors(self, theta: Tensor) -> dict[str, Tensor]:
        if self.error is None:
            return {}
        leaf = theta.detach().clone().requires_grad_()
        found = scalars.named(self.flat(self.error, leaf), "error", "error")
        return {name: value.detach().to(self.device) for name, value in found.items()}

    def terms_of(self, loss: str, theta: Tensor) -> dict[str, Tensor]:
        """The terms of a loss at theta (P,), by name, as float64 tensors.

        Parameters require gradients, as in a training loop, unless the loss is known not to depend on that (``without_graph``):
        it may differentiate with respect to them, or penalise those that are trainable.
        """
        if not theta.requires_grad and loss not in self.without_graph:
            theta = theta.detach().clone().requires_grad_()
        return scalars.named(self.flat(self.functions[loss], theta), loss, "loss")

    def vectors(self, loss: str, theta: Tensor) -> dict[str, Tensor]:
        """The residuals (m,) of each term of a loss at theta (P,), by name.

        Raises:
            ModelError: the loss has no residuals.
        """
        if loss not in self.residuals:
            raise ModelError(f"the loss {loss} has no residuals; give them by residuals=..., if it is a sum of squares")
        found = self.flat(self.residuals[loss], theta)
        named = found if isinstance(found, Mapping) else {"loss": found}
        return {name: value.flatten().double() for name, value in named.items()}


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
    family: ModuleLosses
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
    def fresh(self) -> None:
        """The points of a user's loss cannot be exchanged."""
        return

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
        found = [self._differentiated(row) for row in theta.reshape(-1, theta.shape[-1])]
        losses, gradients = (torch.stack(parts) for parts in zip(*found, strict=True))
        return losses.reshape(theta.shape[:-1]), gradients.reshape(theta.shape)

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient (..., P) of the loss at parameters (..., P)."""
        return self.loss_and_gradient(theta)[1]

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Hessian at theta (P,) with vectors (P,) or (k, P), of the same shape.

        The graph of the gradient is kept until a product at another theta is computed.
        """
        leaf, gradient = self._kept("gradient", theta, self._gradient_graph)
        return _each(vectors, lambda v: _slope(gradient, leaf, v))

    def gauss_newton_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        """Products of the Gauss-Newton part 2JᵀJ of the Hessian with vectors (P,) or (k, P), of the same shape.

        Raises:
            ModelError: the loss has no residuals.
        """
        leaf, residuals, dual, pulled = self._kept("residuals", theta, self._residual_graph)

        def product(v: Tensor) -> Tensor:
            # Jᵀu is linear in u; its derivative along v is Jv.
            forward = torch.autograd.grad(pulled, dual, v, retain_graph=True)[0]
            return _slope(residuals, leaf, 2.0 * forward)

        return _each(vectors, product)

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
        return torch.stack([_slope(value, leaf) for value in values])

    def pull_back(self, theta: Tensor, weights: Tensor) -> Tensor:
        """The products Jᵀw (j, P) for vectors w (j, m), given as ``weights``, at theta (P,); J is not formed.

        Raises:
            ModelError: the loss has no residuals.
        """
        leaf = theta.detach().clone().requires_grad_()
        values = torch.cat(list(self._vectors(leaf).values()))
        return torch.stack([_slope(values, leaf, row) for row in weights])

    def _of(self, theta: Tensor) -> dict[str, Tensor]:
        found = self.family.terms_of(self.whole, theta)
        return {name: found[name] for name in self.names} if self.names else found

    def _vectors(self, theta: Tensor) -> dict[str, Tensor]:
        found = self.family.vectors(self.whole, theta)
        return {name: found[name] for name in self.names} if self.names else found

    def _differentiated(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        leaf = theta.detach().clone().requires_grad_()
        value = total(self._of(leaf).values())
        return value.detach(), _slope(value, leaf, keep=False)

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


def _each(vectors: Tensor, product: Callable[[Tensor], Tensor]) -> Tensor:
    rows = vectors.reshape(-1, vectors.shape[-1])
    return torch.stack([product(row) for row in rows]).reshape(vectors.shape)


def _slope(value: Tensor, leaf: Tensor, along: Tensor | None = None, *, graph: bool = False, keep: bool = True) -> Tensor:
    """The derivative (P,) of ``value``, or of its product with ``along``; zero where ``value`` does not depend on the leaf."""
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    (found,) = torch.autograd.grad(
        value, leaf, along, retain_graph=keep or graph, create_graph=graph, allow_unused=True, materialize_grads=True
    )
    return found
