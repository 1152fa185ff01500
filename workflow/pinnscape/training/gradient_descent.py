"""Plain gradient descent, the dynamics that the edge of stability is about."""

from pinnscape.training.optimizers import LossAndGradient, State


class GradientDescent:
    """θ ← θ - η ∇L(θ) with a constant step size η.

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


def threshold(learning_rate: float) -> float:
    """2/η: on a quadratic with a larger eigenvalue, gradient descent diverges (Cohen et al. 2021)."""
    return 2.0 / learning_rate
