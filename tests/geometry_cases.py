"""Toy objectives with all that analyses of minima ask of an ``Objective``."""

from collections.abc import Callable

import torch
from torch import Tensor

from pinnscape.networks.architectures import Mlp


class Function:
    """Any differentiable function of parameters (..., P)."""

    name = "toy"

    def __init__(self, function: Callable[[Tensor], Tensor], size: int, minimum: float = 0.0) -> None:
        self.function, self.size, self.minimum = function, size, minimum

    def loss(self, theta: Tensor) -> Tensor:
        return self.function(theta).detach()

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        theta = theta.detach().requires_grad_()
        loss = self.function(theta)
        return loss.detach(), torch.autograd.grad(loss.sum(), theta)[0]

    def gradient(self, theta: Tensor) -> Tensor:
        return self.loss_and_gradient(theta)[1]

    def hessian(self, theta: Tensor) -> Tensor:
        return torch.func.hessian(self.function)(theta)

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        return vectors @ self.hessian(theta)


def quadratic(matrix: Tensor, minimum: float = 0.0) -> Function:
    """½ thetaᵀ A theta + minimum."""
    return Function(lambda theta: 0.5 * ((theta @ matrix) * theta).sum(-1) + minimum, len(matrix), minimum)


RELU = Mlp(2, 1, 3, 1)  # its layout; `relu_loss` evaluates it


def relu_loss(theta: Tensor) -> Tensor:
    """Misfit of a ReLU network with the layout of ``RELU`` at ten points: multiplying a layer and dividing the next one changes nothing."""
    x = torch.linspace(-1.0, 1.0, 20, dtype=torch.float64).reshape(10, 2)
    first, second = RELU.layers
    w1 = theta[..., first.weights].reshape(*theta.shape[:-1], 3, 2)
    hidden = torch.relu(torch.einsum("...ij,nj->...ni", w1, x) + theta[..., None, first.biases])
    output = (hidden * theta[..., None, second.weights]).sum(-1) + theta[..., second.biases]
    return (output - x.sin().sum(-1)).square().mean(-1)
