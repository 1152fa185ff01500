"""The four problems of ``problems.catalog`` as terms, with the data of their discretisations."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

from pinnscape.losses.assembly import Assembly
from pinnscape.losses.euler_lagrange import EulerLagrange
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import discretization
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.objective import Discretization
from pinnscape.losses.sites import Components, Unknowns
from pinnscape.losses.terms import Ansatz, PointSet, Term
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.functions import log

LOSSES = ("deep-ritz", "strong-form", "supervised")
VARIABLES = {1: ("x",), 2: ("x", "y")}


def poisson(p: Any, u: Any, f: Any) -> Any:
    return 0.5 * sum(g * g for g in u.gradient)


def semilinear(p: Any, u: Any, f: Any) -> Any:
    return 0.5 * sum(g * g for g in u.gradient) + 0.25 * (u * u * u * u)


def _determinant(u: Any) -> Any:
    a, b = u
    return (1.0 + a.x) * (1.0 + b.y) - a.y * b.x


def neo_hookean(p: Any, u: Any, f: Any) -> Any:
    a, b = u
    mu, lambda_ = (f["mu"], f["lambda"]) if "mu" in f else (1.0, 1.0)
    log_j = log(_determinant(u))
    strain = 2.0 * (a.x + b.y) + (a.x * a.x + a.y * a.y + b.x * b.x + b.y * b.y)
    return 0.5 * mu * (strain - 2.0 * log_j) + 0.5 * lambda_ * log_j * log_j


DENSITIES: dict[str, Callable] = {
    "poisson1d": poisson,
    "poisson2d": poisson,
    "semilinear2d": semilinear,
    "neo_hookean2d": neo_hookean,
}


@cache
def old(
    name: str, width: int = 4, depth: int = 2, points: int = 8, activation: str = "tanh", compiler: Compiler | None = None
) -> Discretization:
    model = {
        "network": {"width": width, "depth": depth, "activation": activation},
        "quadrature": {"rule": "gauss-legendre", "points": points},
        "parameters": {},
    }
    return discretization(name, model, compiler=compiler)


def fields(u: Any) -> tuple:
    return u if isinstance(u, Components) else (u,)


def terms(name: str, d: Discretization) -> list[Term]:
    """The three losses, and the error of the gradient."""
    variables = VARIABLES[d.problem.dimension]
    count = len(d.problem.components)
    data = {f"load_{c}": d.load[:, c].numpy() for c in range(count)}
    data |= {f"exact_{c}": d.exact.value[:, c].numpy() for c in range(count)}
    data |= {f"exact_{c}_{v}": d.exact.gradient[:, c, i].numpy() for c in range(count) for i, v in enumerate(variables)}
    points = PointSet(d.points.numpy()[None], d.weights.numpy(), {key: np.ascontiguousarray(v) for key, v in data.items()})
    density = DENSITIES[name]
    operator = EulerLagrange(density)
    exists = (lambda p, u, f: _determinant(u) > 0.0) if name == "neo_hookean2d" else None

    def energy(p, u, f):
        return density(p, u, f) - sum(f[f"load_{c}"] * v for c, v in enumerate(fields(u)))

    def residual(p, u, f):
        return [r - f[f"load_{c}"] for c, r in enumerate(operator(p, u, f))]

    def misfit(p, u, f):
        return [v - f[f"exact_{c}"] for c, v in enumerate(fields(u))]

    def slopes(p, u, f):
        return [g - f[f"exact_{c}_{n}"] for c, v in enumerate(fields(u)) for n, g in zip(variables, v.gradient, strict=True)]

    return [
        Term("deep-ritz", "energy", energy, points, exists=exists),
        Term("strong-form", "squared", residual, points, exists=exists),
        Term("supervised", "squared", misfit, points),
        Term("slopes", "squared", slopes, points),
    ]


def assembly(
    name: str, d: Discretization, compiler: Compiler | None = None, parameters: dict | None = None, memory: float = 1e9
) -> Assembly:
    problem, n = d.problem, d.network
    lift = problem.lift if name == "neo_hookean2d" else lambda x: problem.lift(x)
    ansatz = Ansatz(lift, lambda x: problem.scale * problem.distance(x))
    unknowns = Unknowns(VARIABLES[problem.dimension], problem.components)
    network = Mlp(n.inputs, n.outputs, n.width, n.depth, n.activation)
    return Assembly(network, unknowns, terms(name, d), ansatz, parameters, compiler=compiler, memory=memory)


def objectives(made: Assembly) -> dict[str, FieldObjective]:
    return {name: FieldObjective(name, made, (name,)) for name in LOSSES}


def theta_of(d: Discretization, seed: int = 0) -> torch.Tensor:
    theta = d.network.initial("glorot", seed)
    return torch.tensor(theta + 0.1 * np.random.default_rng(1000 + seed).standard_normal(theta.shape))
