"""Slow, obvious versions of what the library computes cleverly: one point of view, nested reverse mode, no batches, no streams."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pinnscape.networks.mlp import Network
from pinnscape.problems.base import Problem
from pinnscape.problems.quadrature import Rule

ACTIVATIONS = {
    "tanh": torch.tanh,
    "sin": torch.sin,
    "swish": lambda z: z * torch.sigmoid(z),
    "softplus": lambda z: torch.log1p(torch.exp(z)),
}


def forward(network: Network, theta: Tensor, x: Tensor) -> Tensor:
    """The network (n, c) at points (n, d), reading theta (P,) from front to back: matrix by rows, then biases, layer after layer."""
    sizes = [network.inputs, *[network.width] * network.depth, network.outputs]
    position, value = 0, x
    for k in range(len(sizes) - 1):
        weights = theta[position : position + sizes[k] * sizes[k + 1]].reshape(sizes[k + 1], sizes[k])
        position += weights.numel()
        value = value @ weights.T + theta[position : position + sizes[k + 1]]
        position += sizes[k + 1]
        if k < len(sizes) - 2:
            value = ACTIVATIONS[network.activation](value)
    assert position == theta.numel()
    return value


def gradient(values: Tensor, x: Tensor) -> Tensor:
    """Derivatives (n, ..., d) of values (n, ...) with respect to points (n, d), row by row, differentiable again."""
    columns = values.reshape(len(values), -1).unbind(1)
    rows = [
        torch.autograd.grad(column.sum(), x, create_graph=True, materialize_grads=True)[0]
        if column.requires_grad
        else torch.zeros_like(x)
        for column in columns
    ]
    return torch.stack(rows, 1).reshape(*values.shape, x.shape[1])


def derivatives(function: Callable[[Tensor], Tensor], points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value (n, c), gradient (n, c, d) and Hessian (n, c, d, d) of a function of points."""
    x = points.clone().requires_grad_()
    value = function(x)
    slope = gradient(value, x)
    return value, slope, gradient(slope, x)


def euler_lagrange(density: Callable, function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """∂e/∂u - Σᵢ d/dxᵢ ∂e/∂(∂ᵢu) (n, c), the total derivative taken through x → (x, u(x), ∇u(x)) → flux."""
    x = points.clone().requires_grad_()
    u = function(x)
    u = u + 0.0 * x.sum(-1, keepdim=True)
    du = gradient(u, x)
    du = du + 0.0 * x[:, None, :]
    energy = density(x, u, du).sum()
    force, flux = torch.autograd.grad(energy, (u, du), create_graph=True, materialize_grads=True)
    divergence = torch.stack([gradient(flux[:, :, i], x)[..., i] for i in range(x.shape[1])]).sum(0)
    return force - divergence


def field(problem: Problem, network: Network, theta: Tensor) -> Callable[[Tensor], Tensor]:
    """The network with hard boundary conditions."""
    return lambda x: problem.lift(x) + problem.scale * problem.distance(x) * forward(network, theta, x)


def loss(problem: Problem, network: Network, rule: Rule, formulation: str, theta: Tensor) -> Tensor:
    """One loss at theta (P,), with nested reverse-mode derivatives throughout."""
    points, weights = torch.tensor(rule.points), torch.tensor(rule.weights)
    u = field(problem, network, theta)
    if formulation == "supervised":
        return (weights * ((u(points) - problem.exact(points)) ** 2).sum(1)).sum()
    load = euler_lagrange(problem.density, problem.exact, points).detach()
    if formulation == "strong-form":
        return (weights * ((euler_lagrange(problem.density, u, points) - load) ** 2).sum(1)).sum()
    value, slope, _ = derivatives(u, points)
    return (weights * (problem.density(points, value, slope) - (load * value).sum(1))).sum()


def random_theta(network: Network, seed: int = 0, scale: float = 0.7) -> Tensor:
    """Parameters (P,) with biases that are not zero."""
    return torch.tensor(scale * np.random.default_rng(seed).standard_normal(network.size))


def random_points(number: int, dimension: int, seed: int = 0) -> Tensor:
    return torch.tensor(np.random.default_rng(seed).random((number, dimension)))


def assert_close(actual: Tensor, expected: Tensor, relative: float) -> None:
    """Largest difference within ``relative`` of the largest expected magnitude."""
    assert actual.shape == expected.shape
    scale = max(float(expected.detach().abs().max()), 1e-3)
    difference = float((actual - expected).detach().abs().max())
    assert difference <= relative * scale, f"{difference:.3g} of {scale:.3g}: {difference / scale:.3g} > {relative:.3g}"
