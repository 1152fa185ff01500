"""Gradient descent with a constant step size, as studied at the edge of stability."""

from pinnscape.training.optimizers import LossAndGradient, State


class GradientDescent:
    """θ ← θ - η ∇L(θ) with a constant step size η. It diverges on a quadratic form with an eigenvalue above 2/η
    (Cohen et al. 2021).

    Args:
        function: loss and gradient at a point.
        learning_rate: η.
    """

    def __init__(self, function: LossAndGradient, learning_rate: float) -> None:
        self._function, self._rate = function, learning_rate

    def step(self, state: State) -> State:
        theta = state.theta - self._rate * state.gradient
        loss, gradient = self._function(theta)
        return State(theta, float(loss), gradient, self._rate)
