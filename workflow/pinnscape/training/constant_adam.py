"""Adam with a constant learning rate and access to its preconditioner."""

import torch
from torch import Tensor

from pinnscape.training.optimizers import LossAndGradient, State

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class ConstantAdam:
    """Adam (Kingma & Ba 2015, algorithm 1) at a constant rate: gradient descent with momentum in the metric of a diagonal D.

    With the moving average m of the gradients without bias correction, a step is θ ← θ - η D⁻¹ m. Here D = (1 - β₁ᵗ)(√v̂ + ε)
    includes the bias correction of m (as in Cohen et al. 2022).

    Args:
        function: loss and gradient at a point.
        learning_rate: η.

    Attributes:
        preconditioner: diagonal (P,) of D at the last step; None before the first step.
    """

    def __init__(self, function: LossAndGradient, learning_rate: float) -> None:
        self._function, self._rate = function, learning_rate
        self._t, self._mean, self._square = 0, torch.zeros(()), torch.zeros(())
        self.preconditioner: Tensor | None = None

    def step(self, state: State) -> State:
        self._t += 1
        g = state.gradient
        self._square = BETA_2 * self._square.to(g) + (1 - BETA_2) * g * g
        root = (self._square / (1 - BETA_2**self._t)).sqrt()
        self.preconditioner = (1 - BETA_1**self._t) * (root + EPSILON)
        theta, self._mean = momentum_step(state.theta, self._mean.to(g), g, self.preconditioner, self._rate)
        loss, gradient = self._function(theta)
        return State(theta, float(loss), gradient, self._rate)


def momentum_step(theta: Tensor, mean: Tensor, gradient: Tensor, preconditioner: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """The next θ and the next mean of the gradients, all (P,): m ← β₁ m + (1 - β₁) g, θ ← θ - η D⁻¹ m.

    With a fixed D, the iteration diverges if D^-½ H D^-½ has an eigenvalue λ above (2 + 2β₁)/((1 - β₁) η) = 38/η (Cohen et al.
    2022). Along the eigenvector of λ, xₜ₊₁ = (1 + β₁ - η(1 - β₁)λ) xₜ - β₁ xₜ₋₁, which is stable while
    |1 + β₁ - η(1 - β₁)λ| < 1 + β₁.
    """
    mean = BETA_1 * mean + (1 - BETA_1) * gradient
    return theta - rate * mean / preconditioner, mean
