"""Training losses that change during training, by drawing points or mini-batches and by balancing the weights of terms.

Both happen at steps given by the settings. The new points depend only on the step, and the new weights only on the step, the
parameters and the previous weights, so that a resumed training is the same as an uninterrupted one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from torch import Tensor

from pinnscape.losses.field import FieldObjective
from pinnscape.losses.gauss_newton import kernel_traces
from pinnscape.losses.objective import Objective
from pinnscape.training.optimizers import State, start

Method = Literal["fixed", "ntk", "gradients"]
# Factor of the previous weights in the moving average of ``gradients``: 1 - α with α = 0.1 (Wang et al. 2021, eq. 24).
_MEMORY = 0.9


class Varying:
    """The training loss as a function of the step.

    Args:
        objective: the loss at the first step, with the weights of the settings.
        resample: number of steps between two draws of random points or mini-batches; 0 if nothing is drawn.
        method: how weights are balanced: ``fixed`` (not at all), ``ntk`` or ``gradients``, see ``balanced``.
        every: number of steps between two updates of the weights.
        weights: current weights by term if training resumes from a restart file.

    Attributes:
        objective: the current loss.
        weights: the current weights by term, relative to those of the settings; empty if they are fixed.
    """

    def __init__(
        self,
        objective: Objective,
        resample: int = 0,
        method: Method = "fixed",
        every: int = 100,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._first, self._resample, self._every = objective, resample, every
        self._method: Method = method
        self.objective = objective
        self.weights = dict(weights or {})
        if self.weights and isinstance(objective, FieldObjective):
            self.objective = objective.weighted(self.weights)

    def __call__(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The current loss and its gradient (P,) at theta (P,)."""
        return self.objective.loss_and_gradient(theta)

    def changes_at(self, step: int) -> bool:
        """Whether points are drawn or weights are updated after this number of steps; at the beginning, ``change`` is called anyway."""
        draws = bool(self._resample) and step % self._resample == 0
        return step > 0 and (draws or (self._method != "fixed" and step % self._every == 0))

    def change(self, step: int, theta: Tensor) -> None:
        """Update the loss before a step: balance the weights at theta (P,) and draw points, if either is due."""
        first = self._first
        if self._method != "fixed" and step % self._every == 0 and isinstance(first, FieldObjective):
            self.weights = balanced(first, theta, self._method, self.weights)
        self.at(step)

    def at(self, step: int) -> None:
        """Set the loss to that of a step, with the points or mini-batch drawn for this step and the current weights."""
        found = self._first
        if self._resample and step >= self._resample:
            found = found.drawn(step // self._resample)
        self.objective = found.weighted(self.weights) if self.weights and isinstance(found, FieldObjective) else found

    @property
    def recorded(self) -> Objective:
        """The loss whose values are recorded: the current one, or that of all data if the training uses mini-batches."""
        return self.objective if isinstance(self.objective, FieldObjective) else self._first

    def noted(self, state: State) -> State:
        """A state of the training with the loss and gradient that are recorded."""
        if self.recorded is self.objective:
            return state
        return replace(start(self.recorded.loss_and_gradient, state.theta), rate=state.rate)


def balanced(
    objective: FieldObjective, theta: Tensor, method: Method, previous: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Balanced weights of the terms of a loss, relative to the weights of the settings, by term.

    The method ``ntk`` (Wang, Yu & Perdikaris 2022, J. Comput. Phys. 449, eqs. 6.5 and 6.6) gives Σ_j tr K_j / tr K_i, with the
    diagonal blocks K_i of the neural tangent kernel, each divided by its number of points. The method ``gradients`` (Wang, Teng
    & Perdikaris 2021, SIAM J. Sci. Comput. 43, eqs. 23 and 24) gives a moving average of max|∇L_1| / mean|∇L_i| for each term i
    except the first, whose weight stays 1.

    Args:
        objective: a sum of squares with the weights of the settings.
        theta: parameters (P,).
        method: ``ntk`` or ``gradients``.
        previous: previous weights by term for the moving average; 1 if missing.

    Raises:
        ValueError: the loss is not a sum of squares, or the method is unknown.
    """
    objective.check_squares()
    names = objective.short_names
    if method == "ntk":
        traces = list(kernel_traces(objective, theta).values())  # already divided by the numbers of points
        return {name: sum(traces) / trace if trace > 0.0 else 1.0 for name, trace in zip(names, traces, strict=True)}
    if method != "gradients":
        raise ValueError(f"`method` must be ntk or gradients, not {method!r}")
    gradients = [objective.only(name).gradient(theta).abs() for name in names]
    largest, found = float(gradients[0].max()), {names[0]: 1.0}
    for name, gradient in zip(names[1:], gradients[1:], strict=True):
        mean, old = float(gradient.mean()), (previous or {}).get(name, 1.0)
        found[name] = _MEMORY * old + (1.0 - _MEMORY) * (largest / mean if mean > 0.0 else old)
    return found
