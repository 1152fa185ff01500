"""A PINN as users of the peers write one: a module with hard boundary conditions, and losses by nested reverse-mode differentiation.

Needs torch alone, so that it runs on the peers' side and in the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Boundary:
    """u = (stretch · x₁, 0) + scale · Π 4xᵢ(1 - xᵢ) · N, of ``components`` components."""

    components: int = 1
    scale: float = 1.0
    stretch: float = 0.0


BOUNDARIES = {"poisson2d": Boundary(), "neo_hookean2d": Boundary(components=2, scale=0.1, stretch=0.05)}


class Pinn(torch.nn.Module):
    """The solution u (n, c) at points (n, 2): a multilayer perceptron with tanh behind hard boundary conditions.

    Args:
        theta: flat parameters, layer by layer: the weights (fan_out, fan_in) by rows, then the bias. That is torch's own order.
        width: neurons in each hidden layer.
        depth: number of hidden layers.
        boundary: boundary conditions.
    """

    def __init__(self, theta: Tensor, width: int, depth: int, boundary: Boundary) -> None:
        super().__init__()
        layers: list[torch.nn.Module] = []
        for fan_in, fan_out in pairwise([2, *[width] * depth]):
            layers += [torch.nn.Linear(fan_in, fan_out, dtype=theta.dtype), torch.nn.Tanh()]
        self.net = torch.nn.Sequential(*layers, torch.nn.Linear(width, boundary.components, dtype=theta.dtype))
        # torch's own function would leave parameters that share memory with theta.
        torch.nn.utils.vector_to_parameters(theta.clone(), self.net.parameters())
        self.boundary = boundary

    def forward(self, x: Tensor) -> Tensor:
        u = self.boundary.scale * (4.0 * x * (1.0 - x)).prod(1, keepdim=True) * self.net(x)
        if self.boundary.stretch:
            u = u + torch.cat([self.boundary.stretch * x[:, :1], torch.zeros_like(x[:, 1:])], 1)
        return u


def gradient(values: Tensor, x: Tensor) -> Tensor:
    """Derivatives (n, 2) of values (n, 1) with respect to points (n, 2)."""
    return torch.autograd.grad(values, x, torch.ones_like(values), create_graph=True)[0]


def divergence(first: Tensor, second: Tensor, x: Tensor) -> Tensor:
    """∂first/∂x₁ + ∂second/∂x₂, each (n, 1)."""
    return gradient(first, x)[:, :1] + gradient(second, x)[:, 1:]


def poisson_ritz(u: Tensor, x: Tensor, weights: Tensor, load: Tensor) -> Tensor:
    """∫ ½|∇u|² - f u."""
    density = 0.5 * gradient(u, x).square().sum(1, keepdim=True) - load * u
    return (weights[:, None] * density).sum()


def poisson_strong(u: Tensor, x: Tensor, weights: Tensor, load: Tensor) -> Tensor:
    """∫ |-Δu - f|²."""
    slope = gradient(u, x)
    residual = -divergence(slope[:, :1], slope[:, 1:], x) - load
    return (weights[:, None] * residual.square()).sum()


def neo_hookean_strong(u: Tensor, x: Tensor, weights: Tensor, load: Tensor, mu: float = 1.0, lame: float = 1.0) -> Tensor:
    """∫ |-div P - f|² with the stress P = μ (F - F⁻ᵀ) + λ ln J F⁻ᵀ."""
    first, second = gradient(u[:, :1], x), gradient(u[:, 1:], x)
    f11, f12, f21, f22 = 1.0 + first[:, :1], first[:, 1:], second[:, :1], 1.0 + second[:, 1:]
    j = f11 * f22 - f12 * f21
    factor = (lame * torch.log(j) - mu) / j
    p11, p12 = mu * f11 + factor * f22, mu * f12 - factor * f21
    p21, p22 = mu * f21 - factor * f12, mu * f22 + factor * f11
    residual = -torch.cat([divergence(p11, p12, x), divergence(p21, p22, x)], 1) - load
    return (weights[:, None] * residual.square()).sum()


Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # of u, points, weights and load
LOSSES: dict[tuple[str, str], Loss] = {
    ("poisson2d", "deep-ritz"): poisson_ritz,
    ("poisson2d", "strong-form"): poisson_strong,
    ("neo_hookean2d", "strong-form"): neo_hookean_strong,
}
