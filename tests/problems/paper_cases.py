"""Problems with an energy as they are on paper: their equations in SymPy, and fields on paper at the points of a discretisation."""

import math
from dataclasses import dataclass
from functools import cache

import naive
import numpy as np
import pytest
import sympy
import torch
from torch import Tensor

from pinnscape.losses.discretization import Discretization
from pinnscape.networks.architectures import Mlp
from pinnscape.networks.forward import function_streams
from pinnscape.networks.streams import Streams, variables
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.problems.problem import Problem

PI = sympy.pi
x, y = sympy.symbols("x y", real=True)


def divergence(flux: sympy.Matrix, variables: tuple) -> sympy.Matrix:
    """Row by row."""
    return sympy.Matrix([sum(flux[k, i].diff(v) for i, v in enumerate(variables)) for k in range(flux.rows)])


def laplace(u: sympy.Matrix, variables: tuple) -> sympy.Matrix:
    return divergence(u.jacobian(variables), variables)


def stress(u: sympy.Matrix, mu: float, lam: float) -> sympy.Matrix:
    """P = μ(F - F⁻ᵀ) + λ ln J F⁻ᵀ."""
    deformation = sympy.eye(2) + u.jacobian((x, y))
    j = deformation[0, 0] * deformation[1, 1] - deformation[0, 1] * deformation[1, 0]
    cofactor = sympy.Matrix([[deformation[1, 1], -deformation[1, 0]], [-deformation[0, 1], deformation[0, 0]]])
    return mu * (deformation - cofactor / j) + lam * sympy.log(j) / j * cofactor


@dataclass(frozen=True, eq=False)
class OnPaper:
    """A problem, its exact solution, and a field that solves nothing."""

    name: str
    parameters: tuple[tuple[str, float], ...]
    variables: tuple
    exact: sympy.Matrix
    trial: sympy.Matrix
    mu: float = 1.0
    lam: float = 1.0

    @property
    def problem(self) -> Problem:
        return load(self.name, dict(self.parameters))


@cache
def left(paper: OnPaper, u: sympy.ImmutableMatrix) -> sympy.Matrix:
    """Left side of the equation, whose right side is the load."""
    if paper.name.startswith("poisson"):
        return -laplace(u, paper.variables)
    if paper.name == "semilinear2d":
        return -laplace(u, paper.variables) + u.applyfunc(lambda v: v**3)
    return -divergence(stress(u, paper.mu, paper.lam), paper.variables)


BENT = sympy.ImmutableMatrix([sympy.sin(3 * x + 1) * sympy.exp(y) / 2 + x**3])
TWISTED = sympy.ImmutableMatrix([0.2 * sympy.sin(x + 2 * y), 0.1 * x**2 * y - 0.1 * sympy.cos(2 * x)])
DISPLACEMENT = sympy.ImmutableMatrix(
    [
        x / 20 + sympy.Rational(8, 100) * sympy.sin(PI * x) * sympy.sin(PI * y),
        sympy.Rational(5, 100) * sympy.sin(PI * x) * sympy.sin(2 * PI * y),
    ]
)
POISSON1D = OnPaper(
    "poisson1d", (), (x,), sympy.ImmutableMatrix([sympy.sin(PI * x) + sympy.sin(4 * PI * x) / 2]), BENT.subs(y, 0)
)
POISSON2D = OnPaper("poisson2d", (), (x, y), sympy.ImmutableMatrix([sympy.sin(PI * x) * sympy.sin(PI * y)]), BENT)
SEMILINEAR = OnPaper("semilinear2d", (), (x, y), sympy.ImmutableMatrix([sympy.sin(PI * x) * sympy.sin(2 * PI * y)]), BENT)
NEO_HOOKEAN = OnPaper("neo_hookean2d", (), (x, y), DISPLACEMENT, TWISTED)
STIFF = OnPaper("neo_hookean2d", (("mu", 0.7), ("lambda", 5.0)), (x, y), DISPLACEMENT, TWISTED, 0.7, 5.0)
PAPERS = [POISSON1D, POISSON2D, SEMILINEAR, NEO_HOOKEAN, STIFF]
papers = pytest.mark.parametrize("paper", PAPERS, ids=["poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d", "stiff"])
CONVEX = [POISSON1D, POISSON2D, SEMILINEAR]


def evaluate(expression: sympy.Matrix, among: tuple, points: Tensor) -> Tensor:
    """Values (n, k) of a matrix of expressions."""
    function = sympy.lambdify(among, list(expression), modules="numpy", cse=True)
    columns = np.broadcast_arrays(*function(*points.numpy().T), np.empty(len(points)))[:-1]
    return torch.tensor(np.stack(columns, 1))


def on_paper(u: sympy.Matrix, among: tuple, points: Tensor, streams: Streams) -> Tensor:
    """Streams (S, 1, n, c) of a field from SymPy's derivatives."""
    derivatives = [u.diff(*(among[i] for i in variables(m))) if any(m) else u for m in streams.monomials]
    if streams.laplacian:
        derivatives.append(sum((u.diff(among[i], 2) for i in streams.laplacian), sympy.zeros(*u.shape)))
    return torch.stack([evaluate(each, among, points) for each in derivatives]).unsqueeze(1)


@cache
def discretized(paper: OnPaper) -> Discretization:
    problem, points = paper.problem, 40 if paper.name == "neo_hookean2d" else 24  # enough for 1e-12
    return Discretization(problem, Mlp(len(paper.variables), len(problem.components), 5, 2), Rule("gauss-legendre", points))


def points_of(d: Discretization) -> Tensor:
    return torch.tensor(d.assembly.terms["deep-ritz/interior"].points.points[0])


def weights_of(d: Discretization) -> Tensor:
    return torch.tensor(d.assembly.terms["deep-ritz/interior"].points.weights)


def load_of(d: Discretization) -> Tensor:
    """The load (n, c) as losses have it."""
    data = d.assembly.terms["deep-ritz/interior"].points.data
    return torch.tensor(np.stack([data[f"load_{name}"] for name in d.problem.components], 1))


def of_term(d: Discretization, name: str, u: sympy.Matrix, paper: OnPaper) -> Tensor:
    """What a local expression gives (n, k) for a field on paper."""
    group = d.assembly.group(name)
    streams = group.needed[name]
    outputs, _ = group(name, on_paper(u, paper.variables, points_of(d), streams), streams, slice(None))
    return torch.stack(outputs, 1)


def integral(d: Discretization, name: str, u: Tensor) -> Tensor:
    """A term for streams of a field at all points."""
    group = d.assembly.group(name)
    return group.integral(name, u, group.needed[name], slice(None))[0]


def streams_of(d: Discretization, name: str, function) -> Tensor:
    """Streams (S, 1, n, c) of a function of points (n, d), as a term needs them."""
    return function_streams(function, points_of(d), d.assembly.group(name).needed[name]).unsqueeze(1)


def exact_of(d: Discretization, name: str) -> Tensor:
    return streams_of(d, name, naive.exact(d.problem))


def load_on_paper(paper: OnPaper, points: Tensor) -> Tensor:
    return evaluate(left(paper, paper.exact), paper.variables, points)


def waves(coefficients: np.ndarray):
    """Σ coefficient sin kπx (sin mπy) for every component: an admissible perturbation, coefficients (c, K[, K])."""
    kinds = range(1, coefficients.shape[1] + 1)

    def function(z):
        basis = [torch.sin(k * math.pi * z[..., 0]) for k in kinds]
        if z.shape[-1] == 2:
            basis = [b * torch.sin(m * math.pi * z[..., 1]) for b in basis for m in kinds]
        return torch.stack(basis, -1) @ torch.tensor(coefficients.reshape(len(coefficients), -1)).T

    return function
