"""Small discretisations, objectives and trained points that the tests of training, curvature, landscape and tables share."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from settings_cases import model
from torch import Tensor

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import discretization
from pinnscape.losses.objective import tensor
from pinnscape.training.optimizers import LBFGS, start

# Problems with every loss: one and two dimensions, one and two components, linear and not, Laplacian and full Hessian.
PROBLEMS = ("poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d")
LOSSES = [(problem, formulation) for problem in PROBLEMS for formulation in FORMULATIONS]


@cache
def small(
    problem: str = "poisson2d",
    width: int = 4,
    depth: int = 2,
    points: int = 8,
    activation: str = "tanh",
    device: torch.device | str = "cpu",
) -> Discretization:
    """A discretisation that evaluates in a millisecond."""
    return discretization(model(problem, width, depth, points, activation), str(device))


def initial(discretized: Discretization, seed: int = 0) -> Tensor:
    """Parameters (P,) as training starts with, and biases that are not zero."""
    theta = discretized.network.initial("glorot", seed)
    rng = np.random.default_rng(1000 + seed)
    return tensor(theta + 0.1 * rng.standard_normal(theta.shape))


@cache
def trained(formulation: str, width: int = 6, steps: int = 100) -> tuple[FieldObjective, Tensor]:
    """A loss of poisson2d and a point to which some steps of L-BFGS led."""
    discretized = small(width=width)
    objective = discretized.objective(formulation)
    state, optimizer = start(objective.loss_and_gradient, initial(discretized)), LBFGS(objective.loss_and_gradient)
    for _ in range(steps):
        successor = optimizer.step(state)
        assert successor is not None
        state = successor
    return objective, state.theta


def differentiable(objective: FieldObjective) -> Callable[[Tensor], Tensor]:
    """The loss (...) at parameters (..., P) as torch evaluates it at all points at once, for automatic differentiation."""
    terms = [objective.assembly.terms[name] for name in objective.names]

    def loss(theta: Tensor) -> Tensor:
        return sum(term.weight * objective.assembly.group(term.name).on(term.name, theta, slice(None)) for term in terms)

    return loss


@cache
def exact_hessian(formulation: str, width: int = 6, steps: int = 100) -> Tensor:
    """The Hessian (P, P) of ``trained``, by nested automatic differentiation of the loss."""
    objective, theta = trained(formulation, width, steps)
    return torch.func.hessian(differentiable(objective))(theta)


class Quadratic:
    """½ thetaᵀ A theta, with what the analyses of curvature ask of an ``Objective``."""

    name = "quadratic"

    def __init__(self, matrix: Tensor) -> None:
        self.matrix, self.size = matrix, len(matrix)

    def hessian_product(self, theta: Tensor, vectors: Tensor) -> Tensor:
        return vectors @ self.matrix


def with_spectrum(values: np.ndarray | list[float], seed: int = 0) -> Tensor:
    """A symmetric matrix with these eigenvalues and random eigenvectors."""
    values = np.asarray(values, dtype=float)
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))[0]
    return tensor(0.5 * ((basis * values) @ basis.T + ((basis * values) @ basis.T).T))


def rows_of(matrix: Tensor):
    """The operator v -> A v on rows."""
    return lambda vectors: vectors @ matrix
