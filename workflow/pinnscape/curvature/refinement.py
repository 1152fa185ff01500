"""Natural-gradient refinement of points of a training run, and the Hessian at the refined points.

First-order and quasi-Newton methods leave a residual, and with it a remainder R of the Hessian H = G + R that hides the small
eigenvalues of G (see ``curvature.ntk``). The signs of the small eigenvalues of H then say nothing about the minimiser; close
enough to the minimiser, they do.
"""

import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import CHECKPOINT, OF_RUNS, PARAMETER, RUN
from pinnscape.linalg import by_products, eigen
from pinnscape.losses import gauss_newton
from pinnscape.losses.gauss_newton import Differentiated, differentiated
from pinnscape.training import divergence
from pinnscape.training.natural_gradient import NaturalGradient
from pinnscape.training.optimizers import start
from pinnscape.training.runs import Run, Runs

log = logging.getLogger(__name__)
_CURVES = {
    "gap": "excess of the training loss over that of the exact solution",
    "energy_gap": "excess of the energy over that of the exact solution under the same quadrature rule",
    "quadrature_error": "quadrature error of the gap of the training loss; 0 if the minimum of the loss is 0 under every rule",
    "l2_error": "relative L2 error",
    "h1_error": "relative H1 error",
    "gradient_norm": "Euclidean norm of the gradient of the training loss",
    "rate": "step length that led to the point",
    "direction_residual": "norm of the part of G times the last direction outside the Krylov space, relative to the gradient "
    "norm; 0 if there is no Krylov space",
}
# Numbers of the Hessian at the last point; beyond the dense limit, those that need all eigenvalues are withheld.
_NUMBERS = {
    "lambda_max": "largest eigenvalue of the Hessian of the training loss",
    "lambda_min": "smallest eigenvalue of the Hessian of the training loss",
    "negative": "number of negative eigenvalues of the Hessian of the training loss",
    "nullity": "number of numerically zero eigenvalues",
    "condition_number": "condition number outside the null space",
    "remainder_share": "Frobenius norm of the remainder relative to that of the Hessian",
}
# Bounds and estimates that replace these numbers beyond the dense limit.
_BOUNDS = {
    "lambda_min_bound": "upper bound on the smallest eigenvalue by a Lanczos process",
    "negative_at_least": "lower bound on the number of negative eigenvalues by the same process",
    "remainder_share_estimate": "estimate of the Frobenius norm of the remainder relative to that of the Hessian",
    "remainder_share_error": "upper bound on the standard error of this estimate",
}
_REASON = (
    "NaN where the quantity needs matrices of more than techniques.refinement.eigensolver.dense_limit rows, "
    "or Lanczos has not converged"
)
_METHODS = ("dense", "kernel", "krylov")


_START = (*RUN, "checkpoint")
FILE = File(
    "refinement.nc",
    {
        **{name: Variable((*_START, "step"), text) for name, text in _CURVES.items()},
        **{name: Variable(_START, text) for name, text in _NUMBERS.items()},
        **{name: Variable(_START, text, only="above eigensolver.dense_limit") for name, text in _BOUNDS.items()},
        "theta": Variable((*_START, "parameter"), "parameters of the network at the last point"),
        "eigenvalue": Variable((*_START, "eigen"), "eigenvalue of the Hessian of the training loss at the last point"),
        "method": Variable(_START, "method that computes the directions", flags=_METHODS),
        "steps_taken": Variable(_START, "number of steps taken"),
        "distance": Variable(_START, "distance between the first and the last point"),
    },
    {
        **OF_RUNS,
        **CHECKPOINT,
        **PARAMETER,
        "step": Variable("step", "natural gradient step, 0 for the starting point"),
        "eigen": Variable("eigen", "index of the eigenvalue, 0 for the largest"),
    },
    """\
The attribute `parameters` is P. The directions are computed from dense matrices, from the kernel of the local quantities, or in
a Krylov space. With more than `techniques.refinement.eigensolver.dense_limit` parameters, `eigen` holds only the largest
eigenvalues, computed by Lanczos. Quantities that need all eigenvalues are then NaN; their attribute `reason` states why.""",
)


class Settings(Protocol):
    """Settings of the starting points, the steps and the eigenvalues; see ``techniques.refinement``."""

    checkpoints: tuple[str, ...]
    steps: int
    cutoff: float
    lengths: int
    null_tolerance: float
    eigensolver: EigensolverSettings
    eigenvalues: int
    trace_products: int


@dataclass(frozen=True)
class Descent:
    """A descent of n - 1 steps.

    Attributes:
        thetas: points (n, P), the first of which is the starting point.
        rate: step lengths (n,) that led to the points.
        gradient_norm: norms (n,) of the gradient at the points.
        residual: residuals (n,) of the directions that led to the points; see ``NaturalGradient``.
        method: ``dense``, ``kernel`` or ``krylov``; see ``NaturalGradient``.
    """

    thetas: Tensor
    rate: np.ndarray
    gradient_norm: np.ndarray
    residual: np.ndarray
    method: str


def descend(objective: Differentiated, theta: Tensor, settings: Settings) -> Descent:
    """Natural gradient descent from theta (P,); it ends early if no step lowers the loss or if the loss diverges.

    Args:
        objective: the loss.
        theta: (P,).
        settings: settings of the steps; beyond the dense limit, the number of Lanczos steps is that of products per direction.
    """
    limit, products = settings.eigensolver.dense_limit, settings.eigensolver.lanczos_steps
    optimizer = NaturalGradient(objective, settings.cutoff, settings.lengths, limit, products)
    states, residuals = [start(objective.loss_and_gradient, theta)], [np.nan]
    lowest = divergence.lowest(objective.minimum, states[0].loss)
    for _ in range(settings.steps):
        successor = optimizer.step(states[-1])
        if successor is None:
            break
        if fault := divergence.fault(successor, lowest):
            log.warning("natural gradient descent diverges after %d steps: %s", len(states) - 1, fault)
            break
        states.append(successor)
        residuals.append(optimizer.residual)
    norms = np.array([float(state.gradient.norm()) for state in states])
    thetas = torch.stack([state.theta.detach() for state in states])
    return Descent(thetas, np.array([state.rate for state in states]), norms, np.array(residuals), optimizer.method)


def curvature(
    objective: Differentiated, theta: Tensor, settings: Settings, seed: int = 0
) -> tuple[np.ndarray, dict[str, float]]:
    """Eigenvalues of the Hessian at theta (P,), descending, and numbers that describe them; NaN if the Hessian does not exist.

    Up to the dense limit, all P eigenvalues are computed; beyond it only the largest ones and bounds, and numbers that require
    all eigenvalues are NaN.

    Args:
        objective: the loss.
        theta: (P,).
        settings: settings of the eigenvalues.
        seed: seed of the random vectors beyond the dense limit.
    """
    if objective.size <= settings.eigensolver.dense_limit:
        return _dense(objective, theta, settings)
    return _by_products(objective, theta, settings, seed)


def _dense(objective: Differentiated, theta: Tensor, settings: Settings) -> tuple[np.ndarray, dict[str, float]]:
    try:
        pairs = eigenpairs(objective, theta, objective.size, settings.eigensolver)
    except DivergenceError:
        return np.full(objective.size, np.nan), dict.fromkeys(_NUMBERS, float("nan"))
    assert pairs.matrix is not None
    values = pairs.values.cpu().numpy()
    found = eigen.summary(values, settings.null_tolerance).numbers
    share = float((pairs.matrix - gauss_newton.gauss_newton(objective, theta)).norm() / pairs.matrix.norm())
    found |= {"lambda_max": values[0], "lambda_min": values[-1], "remainder_share": share}
    return values, {name: float(found[name]) for name in _NUMBERS}


def _by_products(
    objective: Differentiated, theta: Tensor, settings: Settings, seed: int
) -> tuple[np.ndarray, dict[str, float]]:
    count, numbers = min(settings.eigenvalues, objective.size), dict.fromkeys([*_NUMBERS, *_BOUNDS], float("nan"))
    if not bool(objective.gradient(theta).isfinite().all()):
        return np.full(count, np.nan), numbers

    def hessian(rows: Tensor) -> Tensor:
        return objective.hessian_product(theta, rows)

    def remainder(rows: Tensor) -> Tensor:
        return hessian(rows) - objective.gauss_newton_product(theta, rows)

    what = f"largest eigenvalues at the end of natural gradient descent on the {objective.name} loss"
    values = by_products.largest(hessian, theta, count, settings.eigensolver, seed, what)[0].cpu().numpy()
    smallest, negative = by_products.below(hessian, theta, settings.eigensolver.lanczos_steps, seed, settings.null_tolerance)
    whole = by_products.frobenius(hessian, theta, settings.trace_products, seed)
    part = by_products.frobenius(remainder, theta, settings.trace_products, seed, whole[0])
    bounds = smallest, float(negative), *by_products.ratio(part, whole)
    return values, numbers | {"lambda_max": float(values[0])} | dict(zip(_BOUNDS, bounds, strict=True))


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """The dataset of refinement.nc: natural gradient descents on the training loss from the chosen checkpoints of each run.

    Args:
        runs: all runs of a problem.
        settings: settings of the starting points, the steps and the eigenvalues.
    """
    names = list(settings.checkpoints)

    def measure(run: Run) -> xr.Dataset:
        descents = [_measure(runs, run, name, settings) for name in names]
        return xr.concat(descents, xr.DataArray(names, dims="checkpoint", name="checkpoint"), join="exact", coords="minimal")

    return FILE.described(runs.collect(measure))


def _measure(runs: Runs, run: Run, checkpoint: str, settings: Settings) -> xr.Dataset:
    """The dataset of the descent from one checkpoint of a run."""
    objective = differentiated(runs.objective(run.trained_on))
    found = descend(objective, runs.tensor(run.theta(checkpoint)), settings)
    # The points are evaluated one by one, because the memory is bounded for a single evaluation.
    points = [runs.family.measure(theta) for theta in found.thetas]
    measured = {name: np.array([float(point[name]) for point in points]) for name in points[0]}
    measured |= {"gap": measured[run.trained_on] - objective.minimum}
    measured |= {"quadrature_error": runs.gap_errors(run.trained_on, found.thetas)}
    measured |= {"rate": found.rate, "gradient_norm": found.gradient_norm, "direction_residual": found.residual}
    eigenvalue, numbers = curvature(objective, found.thetas[-1], settings, run.seed)
    large = objective.size > settings.eigensolver.dense_limit
    reasons = (
        {name: {"reason": _REASON} for name in (*_NUMBERS, "eigenvalue")}
        if large
        else {"condition_number": {"reason": eigen.WITHHELD}}
    )
    values = {name: _filled(measured[name], settings.steps + 1) for name in _CURVES} | numbers
    values |= {
        "theta": found.thetas[-1].cpu().numpy(),
        "eigenvalue": eigenvalue,
        "method": _METHODS.index(found.method),
        "steps_taken": len(found.thetas) - 1,
        "distance": float((found.thetas[-1] - found.thetas[0]).norm()),
    }
    return FILE.dataset(values, outside=_START, notes=reasons, attributes={"parameters": objective.size})


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    """The values, padded with NaN to ``length`` after the last step."""
    return np.concatenate([values.astype(float), np.full(length - len(values), np.nan)])
