"""Losses that change during a training: points that are drawn again, and weights of terms that are balanced.

Both happen at steps that the settings state, and depend on the step and the parameters alone, so that a training that resumes does the same.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from pinnscape.losses.field import FieldObjective
from pinnscape.losses.gauss_newton import kernel_traces
from pinnscape.losses.objective import Objective

Method = Literal["fixed", "ntk", "gradients"]
_MEMORY = 0.9  # of the moving average of weights by gradients: 1 - α with α = 0.1 (Wang et al. 2021, eq. 24)


class Varying:
    """The loss of a training as a function of the step.

    Args:
        objective: the loss at the first step.
        resample: number of steps after which random points are drawn again; 0 for never.
        method: how the weights of soft terms are found: ``fixed``, ``ntk`` or ``gradients``.
        every: number of steps after which weights are found again.
        weights: weights that an earlier attempt reached, by term.

    Attributes:
        objective: the current loss.
        weights: the current weights by term.
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
        """The current loss and its gradient."""
        return self.objective.loss_and_gradient(theta)

    def changes_at(self, step: int) -> bool:
        """Whether the loss changes before a step."""
        draws = self._resample and step and step % self._resample == 0
        return bool(draws) or (self._method != "fixed" and step % self._every == 0)

    def change(self, step: int, theta: Tensor) -> None:
        """Draw points, and balance weights, as the step asks for."""
        first = self._first
        if not isinstance(first, FieldObjective):
            return
        if self._method != "fixed" and step % self._every == 0:
            self.weights = balanced(first, theta, self._method, self.weights)
        self.at(step)

    def at(self, step: int) -> None:
        """Take the points of a step, with the current weights."""
        found = self._first
        if not isinstance(found, FieldObjective):
            return
        if self._resample and step >= self._resample:
            found = found.drawn(step // self._resample)
        self.objective = found.weighted(self.weights) if self.weights else found


def balanced(
    objective: FieldObjective, theta: Tensor, method: Method, previous: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Weights of the terms of a loss, relative to those of its settings, by term.

    ``ntk`` (Wang, Yu & Perdikaris 2022, J. Comput. Phys. 449, eqs. 6.5 and 6.6): Σ_j tr K_j / tr K_i with the diagonal blocks K_i of the neural tangent
    kernel, divided by their numbers of points. ``gradients`` (Wang, Teng & Perdikaris 2021, SIAM J. Sci. Comput. 43, eqs. 23 and 24): a moving average of
    max|∇L_r| / mean|∇L_i| for all terms but the first, whose weight stays 1.

    Args:
        objective: a sum of squares with the weights of the settings.
        theta: parameters (P,).
        method: ``ntk`` or ``gradients``.
        previous: weights before, for the moving average.

    Raises:
        ValueError: the loss is no sum of squares, or the method is unknown.
    """
    objective.check_squares()
    names = objective.short_names
    if method == "ntk":
        traces = list(kernel_traces(objective, theta).values())  # their squares add up to means over points
        return {name: sum(traces) / trace if trace > 0.0 else 1.0 for name, trace in zip(names, traces, strict=True)}
    if method != "gradients":
        raise ValueError(f"`method` must be ntk or gradients, not {method!r}")
    gradients = [objective.only(name).gradient(theta).abs() for name in names]
    largest, found = float(gradients[0].max()), {names[0]: 1.0}
    for name, gradient in zip(names[1:], gradients[1:], strict=True):
        mean, old = float(gradient.mean()), (previous or {}).get(name, 1.0)
        found[name] = _MEMORY * old + (1.0 - _MEMORY) * (largest / mean if mean > 0.0 else old)
    return found
