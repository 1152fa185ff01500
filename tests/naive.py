"""Slow, obvious versions of what the library computes cleverly: one point of view, nested reverse mode, no batches, no streams."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnscape.losses.discretization import Discretization
from pinnscape.networks.architectures import Architecture, Mlp, Residual
from pinnscape.networks.embeddings import Box, Fourier, Periodic
from pinnscape.problems import statement
from pinnscape.problems.field import Field, Order, Point
from pinnscape.problems.problem import Problem

ACTIVATIONS = {
    "tanh": torch.tanh,
    "sin": torch.sin,
    "swish": lambda z: z * torch.sigmoid(z),
    "softplus": lambda z: torch.log1p(torch.exp(z)),
    "gelu": lambda z: 0.5 * z * (1.0 + torch.erf(z / math.sqrt(2.0))),
    "relu": torch.relu,
    "relu3": lambda z: torch.relu(z) ** 3,
}
Function = Callable[[Tensor], Tensor]  # of points (n, d) with values (n, c)


def forward(network: Architecture, theta: Tensor, x: Tensor) -> Tensor:
    """The network (n, c) at points (n, d), reading theta (P,) from front to back: matrix by rows, then biases, layer after layer."""
    position, width, s = 0, network.width, ACTIVATIONS[network.activation]

    def affine(a: Tensor, fan_out: int) -> Tensor:
        nonlocal position
        count = a.shape[1] * fan_out
        weight, bias = theta[position : position + count].reshape(fan_out, -1), theta[position + count :][:fan_out]
        position += count + fan_out
        return a @ weight.T + bias

    for embedding in network.embeddings:
        x = embedded(embedding, x)
    if isinstance(network, Mlp):
        for _ in range(network.depth):
            x = s(affine(x, width))
    elif isinstance(network, Residual):
        x = affine(x, width)
        for _ in range(network.depth):
            x = x + s(affine(s(affine(x, width)), width))
    else:
        u, v, x = s(affine(x, width)), s(affine(x, width)), s(affine(x, width))
        for _ in range(network.depth - 1):
            z = s(affine(x, width))
            x = (1.0 - z) * u + z * v
    value = affine(x, network.outputs)
    assert position == theta.numel()
    return value


def embedded(embedding: Any, x: Tensor) -> Tensor:
    """What a network sees in place of points (n, d)."""
    if isinstance(embedding, Box):
        lower, upper = x.new_tensor(embedding.lower), x.new_tensor(embedding.upper)
        return 2.0 * (x - lower) / (upper - lower) - 1.0
    if isinstance(embedding, Periodic):
        k = torch.arange(1, embedding.multiples + 1, dtype=x.dtype)
        angle = 2.0 * math.pi / embedding.period * k * x[:, embedding.variable, None]
        others = [i for i in range(x.shape[1]) if i != embedding.variable]
        return torch.cat([x[:, others], torch.cos(angle), torch.sin(angle)], 1)
    assert isinstance(embedding, Fourier)
    normal = np.random.default_rng(embedding.seed).standard_normal((embedding.frequencies, x.shape[1]))
    angle = 2.0 * math.pi * x @ torch.tensor(embedding.deviation * normal).T
    return torch.cat([torch.cos(angle), torch.sin(angle)], 1)


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


def derivatives(function: Function, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value (n, c), gradient (n, c, d) and Hessian (n, c, d, d) of a function of points."""
    x = points.clone().requires_grad_()
    value = function(x)
    slope = gradient(value, x)
    return value, slope, gradient(slope, x)


def derived(values: Tensor, x: Tensor, order: Order) -> Tensor:
    """One derivative (n,) of values (n,), one variable after the other."""
    for variable, times in enumerate(order):
        for _ in range(times):
            values = gradient(values, x)[:, variable]
    return values


def on(problem: Problem, function: Function, points: Tensor) -> tuple[Tensor, Point, Field]:
    """Points (n, d) as a leaf and as what problems see, and a function there as a field."""
    x = points.clone().requires_grad_()
    u = function(x) + 0.0 * x.sum(1, keepdim=True)
    field = problem.unknowns.field(lambda component, order: derived(u[:, component], x, order))
    return x, problem.unknowns.point(x.unbind(1)), field


def euler_lagrange(problem: Problem, function: Function, points: Tensor) -> Tensor:
    """Σ (-1)^|α| D^α ∂e/∂(D^α u) (n, c), the total derivatives taken through x -> (x, all D^α u(x)) -> ∂e/∂(D^α u)."""
    x, p, u = on(problem, function, points)
    named: dict[tuple[int, Order], Tensor] = {}

    def derivative(component: int, order: Order) -> Tensor:
        if (component, order) not in named:
            named[component, order] = u.derivative(component, order) + 0.0 * x.sum(1)
        return named[component, order]

    energy = problem.density(p, problem.unknowns.field(derivative))
    slopes = torch.autograd.grad(energy.sum(), list(named.values()), create_graph=True, materialize_grads=True)
    total = [torch.zeros_like(energy) for _ in problem.components]
    for (component, order), slope in zip(named, slopes, strict=True):
        total[component] = total[component] + (-1) ** sum(order) * derived(slope, x, order)
    return torch.stack(total, 1)


def stacked(values: Any, like: Tensor) -> Tensor:
    """What a method of a problem gives, as (n, c)."""
    values = list(values.values()) if isinstance(values, dict) else values
    values = values if isinstance(values, (tuple, list)) else [values]
    return torch.stack([getattr(v, "value", v) + torch.zeros_like(like) for v in values], 1)


def exact(problem: Problem) -> Function:
    return lambda x: stacked(problem.exact(problem.unknowns.point(x.unbind(1))), x[:, 0])


def field(d: Discretization, theta: Tensor) -> Function:
    """The network with hard conditions."""
    made = statement.ansatz(d.problem, d.conditions)

    def function(x: Tensor) -> Tensor:
        p = d.problem.unknowns.point(x.unbind(1))
        lift, factor = (stacked(part, x[:, 0]) for part in (made.lift(p), made.factor(p)))
        return lift + factor * forward(d.network, theta, x)

    return function


def interior(problem: Problem, loss: str, u: Function, points: Tensor) -> Tensor:
    """The local values of a loss inside the domain: the energy density (n, 1), or residuals (n, k)."""
    _, p, known = on(problem, u, points)
    if loss == "supervised":
        return u(points) - exact(problem)(points)
    if loss == "strong-form" and problem.has("residual"):
        return stacked(problem.residual(p, known), points[:, 0])
    load = stacked(problem.load(p), points[:, 0]) if problem.has("load") else None
    if load is None and problem.has("exact"):
        load = euler_lagrange(problem, exact(problem), points).detach()
    load = torch.zeros(len(points), len(problem.components), dtype=points.dtype) if load is None else load
    if loss == "strong-form":
        return euler_lagrange(problem, u, points) - load
    return (problem.density(p, known) - (load * u(points)).sum(1)).unsqueeze(1)


def term(d: Discretization, name: str, theta: Tensor) -> Tensor:
    """A term of a loss at theta (P,), such as ``strong-form/initial``, without its weight."""
    made, u = d.assembly.terms[name], field(d, theta)
    loss, _, short = name.partition("/")
    sites, weights = torch.tensor(made.points.points), torch.tensor(made.points.weights)
    if short == "interior":
        values = interior(d.problem, loss, u, sites[0])
    else:
        data = {name: torch.tensor(column) for name, column in made.points.data.items()} | d.problem.parameters
        p, fields = zip(*(on(d.problem, u, x)[1:] for x in sites), strict=True)
        one = len(sites) == 1
        values = stacked(made.local(*((p[0], fields[0]) if one else (p, fields)), data), sites[0, :, 0])
    if made.kind == "energy":
        return (weights * values.sum(1)).sum()
    return (weights * values.square().sum(1)).sum() / weights.sum()


def loss(d: Discretization, name: str, theta: Tensor) -> Tensor:
    """One loss at theta (P,), with nested reverse-mode derivatives throughout; terms have the weights of the settings, or of their conditions."""
    weights = {condition.name: condition.weight for condition in statement.conditions(d.problem, d.conditions)}
    weights |= {short: keys["weight"] for short, keys in (d.conditions or {}).items() if "weight" in keys}
    total = torch.zeros((), dtype=torch.float64)
    for key in (key for key in d.assembly.terms if key.startswith(f"{name}/")):
        short = key.partition("/")[2]
        natural = d.assembly.terms[key].kind == "energy" and short != "interior"
        total = total + (1.0 if natural else weights.get(short, 1.0)) * term(d, key, theta)
    return total


def random_theta(network: Architecture, seed: int = 0, scale: float = 0.7) -> Tensor:
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
