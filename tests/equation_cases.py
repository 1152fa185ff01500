"""Equations as terms that belong to no problem, and their losses by nested automatic differentiation."""

import math
from collections.abc import Callable

import numpy as np
import torch
from naive import forward
from torch import Tensor

from pinnscape.losses.assembly import Assembly
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.terms import Ansatz, Term
from pinnscape.networks.architectures import Architecture, Mlp
from pinnscape.problems.field import Unknowns
from pinnscape.problems.functions import sin
from pinnscape.problems.points import PointSet

XT = Unknowns(("x", "t"), time="t")


def mean(points: np.ndarray, **data: np.ndarray) -> PointSet:
    """Points with equal weights that sum to 1."""
    points = points if points.ndim == 3 else points[None]
    return PointSet(points, np.full(points.shape[1], 1.0 / points.shape[1]), data)


def gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points (n, 1) and weights (n,) on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0)[:, None], 0.5 * weights


def convection_terms(interior: int = 1000, boundary: int = 100, seed: int = 0) -> list[Term]:
    """u_t + β u_x = 0 on (0, 2π) × (0, 1), periodic, from sin x; all conditions soft."""
    rng = np.random.default_rng(seed)
    inside = rng.random((interior, 2)) * [2.0 * math.pi, 1.0]
    initial = rng.random((boundary, 2)) * [2.0 * math.pi, 0.0]
    left = rng.random((boundary, 2)) * [0.0, 1.0]
    sites = np.stack([left, left + np.array([2.0 * math.pi, 0.0])])
    return [
        Term("interior", "squared", lambda p, u, f: u.t + f["beta"] * u.x, mean(inside)),
        Term("initial", "squared", lambda p, u, f: u - sin(p.x), mean(initial)),
        Term("periodic", "squared", lambda p, u, f: u[0] - u[1], mean(sites)),
    ]


def convection(
    network: Architecture | None = None, compiler: Compiler | None = None, beta: float = 30.0, **sizes: int
) -> Assembly:
    network = network or Mlp(2, 1, 50, 4)
    return Assembly(network, XT, convection_terms(**sizes), parameters={"beta": beta}, compiler=compiler)


def kdv(network: Architecture | None = None, compiler: Compiler | None = None, points: int = 1000) -> Assembly:
    """u_t + 6 u u_x + u_xxx = 0: the interior term alone."""
    inside = np.random.default_rng(1).random((points, 2))
    terms = [Term("interior", "squared", lambda p, u, f: u.t + 6.0 * u * u.x + u.xxx, mean(inside))]
    return Assembly(network or Mlp(2, 1, 50, 4), XT, terms, compiler=compiler)


def beam(network: Architecture | None = None, compiler: Compiler | None = None, points: int = 200) -> Assembly:
    """The clamped beam u_xxxx = 1 by factor x² (1 - x)², as an energy and in strong form."""
    nodes, weights = gauss(points)
    at = PointSet(nodes[None], weights, {"load": np.ones(points)})
    terms = [
        Term("energy", "energy", lambda p, u, f: 0.5 * u.xx * u.xx - f["load"] * u, at),
        Term("strong", "squared", lambda p, u, f: u.xxxx - f["load"], at),
    ]
    ansatz = Ansatz(None, lambda x: (x * (1.0 - x)) ** 2)
    return Assembly(network or Mlp(1, 1, 32, 3), Unknowns(("x",)), terms, ansatz, compiler=compiler)


def nested_slope(value: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(value.sum(), x, create_graph=True)[0]


def value(made: Assembly, theta: Tensor, x: Tensor) -> Tensor:
    """The network (n,) at points (n, d)."""
    return forward(made.solution.network, theta, x)[:, 0]


def nested_convection(made: Assembly, theta: Tensor) -> Tensor:
    interior, initial, periodic = (torch.tensor(made.terms[n].points.points) for n in ("interior", "initial", "periodic"))
    x = interior[0].requires_grad_()
    slope = nested_slope(value(made, theta, x), x)
    r = slope[:, 1] + made.solution.parameters["beta"] * slope[:, 0]
    start = value(made, theta, initial[0]) - torch.sin(initial[0, :, 0])
    pair = value(made, theta, periodic[0]) - value(made, theta, periodic[1])
    return r.square().mean() + start.square().mean() + pair.square().mean()


def nested_kdv(made: Assembly, theta: Tensor) -> Tensor:
    x = torch.tensor(made.terms["interior"].points.points[0]).requires_grad_()
    u = value(made, theta, x)
    slope = nested_slope(u, x)
    third = nested_slope(nested_slope(slope[:, 0], x)[:, 0], x)[:, 0]
    return (slope[:, 1] + 6.0 * u * slope[:, 0] + third).square().mean()


def nested_beam(made: Assembly, theta: Tensor) -> Tensor:
    term = made.terms["strong"]
    x = torch.tensor(term.points.points[0]).requires_grad_()
    u = (x[:, 0] * (1.0 - x[:, 0])) ** 2 * value(made, theta, x)
    for _ in range(4):
        u = nested_slope(u, x)[:, 0]
    return (torch.tensor(term.points.weights) * (u - 1.0).square()).sum()


NESTED: dict[str, tuple[Callable[..., Assembly], tuple[str, ...], Callable[[Assembly, Tensor], Tensor]]] = {
    "convection": (convection, ("interior", "initial", "periodic"), nested_convection),
    "kdv": (kdv, ("interior",), nested_kdv),
    "beam": (beam, ("strong",), nested_beam),
}
