"""Losses of any torch module, as functions of a flat vector of its trainable parameters.

The functions are evaluated at several parameter vectors at once where ``torch.vmap`` can do that (see ``batching``), otherwise at one
after the other, for example if they call ``torch.autograd.grad`` themselves.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pinnscape.common.errors import ModelError
from pinnscape.common.measured import ERRORS, INFEASIBLE, Measurement
from pinnscape.losses import scalars
from pinnscape.losses.batching import Batching
from pinnscape.losses.functional import Flat, Function
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.losses.symmetries import with_symmetries
from pinnscape.models.entries import together
from pinnscape.networks import modules
from pinnscape.networks.arithmetic import total
from pinnscape.networks.layout import Layout

_BATCH = 16  # parameter vectors between two updates of a progress bar
_SAME = {False: 1e-10, True: 1e-6}  # relative deviation of batched results, in double and in single precision


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
        layout: positions of the parameters in theta, if they are known from another evaluation of the same losses.
        fresh: functions of the module by name of the loss: the losses at points that the training does not use.
        batches: number of mini-batches; the functions ``losses`` then take an argument ``batch``, the index of a mini-batch.
        compared: names of the two losses that claims compare; by default the first two.

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
        fresh: Mapping[str, Function] | None = None,
        batches: int = 0,
        compared: Sequence[str] = (),
    ) -> None:
        self.flat, self.functions, self.error = Flat(module, precise=precise), dict(losses), error
        self.residuals, self._minimum = dict(residuals or {}), dict(minimum or {})
        self._layout, self._fresh, self.batches = layout, dict(fresh or {}), batches
        self.compared = tuple(compared or (list(losses)[:2] if len(losses) > 1 else ()))
        self.without_graph: set[str] = set()
        self._batches: dict[int, ModuleLosses] = {}
        self.batching = Batching(_SAME[self.flat.single])

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
        if self.error is None:
            return ()
        return tuple(scalars.named(self.flat(self.error, self.flat.theta.requires_grad_()), "error", "error"))

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

    @property
    def energy_minimum_error(self) -> float:
        """NaN, because no exact solution is known."""
        return math.nan

    def with_weights(self, weights: Mapping[str, float]) -> "ModuleLosses":
        """The same losses, because the weights of their terms are those of the functions.

        Raises:
            ValueError: there are other weights.
        """
        if weights:
            raise ValueError("the weights of the terms of a module's loss cannot be changed")
        return self

    @cached_property
    def at_fresh_points(self) -> "ModuleLosses | None":
        """The losses at points that the training does not use; None if there are none."""
        if not self._fresh:
            return None
        found = self._with(self._fresh)
        found._layout = self.layout
        return found

    def of_batch(self, index: int) -> "ModuleLosses":
        """The losses of a mini-batch, whose names state it."""
        if index not in self._batches:
            names = {loss: self.name_in_batch(loss, index) for loss in self.losses}
            found = self._with({names[loss]: partial(each, batch=index) for loss, each in self.functions.items()})
            found._layout = self.layout
            found.compared = tuple(names[loss] for loss in self.compared)
            found.without_graph = {names[loss] for loss in self.without_graph}
            found._minimum = {names[loss]: least for loss, least in self._minimum.items()}
            self._batches[index] = found
        return self._batches[index]

    def name_in_batch(self, loss: str, index: int) -> str:
        """The name of a loss in ``of_batch(index)``."""
        return f"{loss} (batch {index + 1} of {self.batches})"

    def _with(self, functions: Mapping[str, Function]) -> "ModuleLosses":
        """The same module with other losses, without residuals and errors."""
        found = copy.copy(self)
        found.functions, found.residuals, found.error, found._fresh = dict(functions), {}, None, {}
        found.batches, found._batches, found.without_graph = 0, {}, set()
        found.batching = Batching(_SAME[self.flat.single])
        for name in ("_found_layout", "_terms", "_measures", "at_fresh_points"):  # what is known of the other losses
            found.__dict__.pop(name, None)
        return found

    def objective(self, loss: str) -> ModuleObjective:
        """A loss by its name, or a single term of a loss, as in ``pinn/initial``.

        Raises:
            ValueError: there is no such loss.
        """
        whole, _, term = loss.partition("/")
        if whole not in self.functions:
            raise ValueError(f"there is no loss {loss!r}; there are {', '.join(self.losses)}")
        found = ModuleObjective(whole, self, self._minimum.get(whole, 0.0 if whole in self.residuals else math.nan))
        return found.only(term) if term else found

    def measure(self, theta: Tensor, what: Measurement = "all") -> dict[str, Tensor]:
        """Values (...) at parameters (..., P), by name.

        These are all losses, the terms of losses that have several, what ``error`` measures, the errors of all files, which are
        NaN if ``error`` does not measure them, and ``infeasible``, bool, whether a loss is not finite.

        Args:
            theta: the parameters.
            what: ``all``, ``fields`` (without ``error``, whose results are NaN) or ``measures`` (only what ``error`` measures).
        """
        rows = theta.detach().reshape(-1, theta.shape[-1])
        one, many = partial(self._measured, what=what), torch.vmap(partial(self._measured, what=what, graph=False))
        found = self.batching(f"measure {what}", one, many, rows)
        return {name: values.reshape(theta.shape[:-1]) for name, values in found.items()}

    def _measured(self, theta: Tensor, what: Measurement, graph: bool = True) -> dict[str, Tensor]:
        """All values at theta (P,), from one call, in which the parameters are exchanged only once.

        With ``graph``, parameters require gradients if a function may need that.
        """
        losses = self.functions if what != "measures" else {}
        error = self.error if what != "fields" else None
        leaf = theta
        if graph and (error is not None or not set(losses) <= self.without_graph):
            leaf = leaf.clone().requires_grad_()
        values, errors = self.flat(lambda m: (together(losses, m), error(m) if error else {}), leaf)
        unknown = torch.tensor(math.nan, dtype=torch.float64, device=self.device)
        found = self._with_terms(values) if losses else {}
        for name, value in scalars.named(errors, "error", "error").items() if error else ():
            found[name] = value.detach().to(self.device)
        return dict.fromkeys((*ERRORS, *(self.measures if what == "fields" else ())), unknown) | found

    def _with_terms(self, values: Mapping[str, Any]) -> dict[str, Tensor]:
        """Losses, their terms, and whether a loss is not finite, from the results of the functions."""
        found: dict[str, Tensor] = {}
        for loss, value in values.items():
            terms = {name: term.detach() for name, term in scalars.named(value, loss, "loss").items()}
            found[loss] = total(terms.values())
            if len(terms) > 1:
                found |= {f"{loss}/{name}": term for name, term in terms.items()}
        return found | {INFEASIBLE: ~torch.stack([found[loss].isfinite() for loss in values]).all()}

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
