"""To the vicinity of a minimiser by natural gradient descent, from points of a training, and the Hessian there.

First-order and quasi-Newton methods leave a residual, and with it a remainder R of the Hessian H = G + R that hides the small eigenvalues of G
(see ``curvature.ntk``): their signs say nothing about the minimiser. Close enough to it, they do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape import features
from pinnscape.curvature import dense
from pinnscape.errors import DivergenceError
from pinnscape.objective import Objective
from pinnscape.runs import Run, Runs
from pinnscape.storage import variable
from pinnscape.training.natural_gradient import NaturalGradient
from pinnscape.training.optimizers import start

_CURVES = {
    "gap": "own loss above that of the exact solution",
    "energy_gap": "energy above that of the exact solution",
    "l2_error": "relative L2 error",
    "h1_error": "relative H1 error",
    "gradient_norm": "Euclidean norm of the gradient of the own loss",
    "rate": "step length that led to the point",
}
_NUMBERS = {
    "lambda_max": "largest eigenvalue of the Hessian of the own loss",
    "lambda_min": "smallest eigenvalue of the Hessian of the own loss",
    "negative": "number of negative eigenvalues of the Hessian of the own loss",
    "null": "number of numerically zero eigenvalues",
    "condition_number": "condition number outside the null space",
    "remainder_share": "Frobenius norm of the remainder over that of the Hessian",
}


@dataclass(frozen=True)
class Descent:
    """The points (n, P) of a descent, the first the start, with the step length (n,) that led to each and the gradient norm (n,) there."""

    thetas: Tensor
    rate: np.ndarray
    gradient_norm: np.ndarray


def descend(objective: Objective, theta: Tensor, steps: int, cutoff: float, lengths: int) -> Descent:
    """At most ``steps`` natural gradient steps from theta (P,); fewer where no step lowers the loss any more.

    Args:
        objective: the loss.
        theta: (P,).
        steps: at most this many.
        cutoff: see ``NaturalGradient``.
        lengths: number of step lengths that are tried.
    """
    optimizer = NaturalGradient(objective, cutoff, lengths)
    states = [start(objective.loss_and_gradient, theta)]
    for _ in range(steps):
        successor = optimizer.step(states[-1])
        if successor is None:
            break
        states.append(successor)
    norms = np.array([float(state.gradient.norm()) for state in states])
    thetas = torch.stack([state.theta.detach() for state in states])
    return Descent(thetas, np.array([state.rate for state in states]), norms)


def curvature(objective: Objective, theta: Tensor, null_tolerance: float) -> tuple[np.ndarray, dict[str, float]]:
    """Eigenvalues (P,) of the Hessian at theta (P,), descending, and numbers about them; NaN where there is no Hessian."""
    size = theta.numel()
    try:
        matrix = dense.hessian(objective, theta)
    except DivergenceError:
        return np.full(size, np.nan), dict.fromkeys(_NUMBERS, float("nan"))
    values = dense.eigenpairs(matrix)[0].cpu().numpy()
    found = dense.summary(values, null_tolerance).numbers
    share = float((matrix - features.gauss_newton(objective, theta)).norm() / matrix.norm())
    found |= {"lambda_max": values[0], "lambda_min": values[-1], "remainder_share": share}
    return values, {name: float(found[name]) for name in _NUMBERS}


def dataset(runs: Runs, settings: Mapping[str, Any]) -> xr.Dataset:
    """vicinity.nc: natural gradient descents in its own loss from some checkpoints of each run; see results/README.md.

    Args:
        runs: of a problem.
        settings: ``checkpoints`` (names of the starting points), ``steps``, ``cutoff`` and ``lengths`` as in ``descend``, ``null_tolerance`` as in ``dense.summary``.
    """
    names = list(settings["checkpoints"])

    def measure(run: Run) -> xr.Dataset:
        descents = [_measure(runs, run, name, settings) for name in names]
        return xr.concat(descents, xr.DataArray(names, dims="checkpoint", name="checkpoint"), join="exact", coords="minimal")

    return runs.collect(measure)


def _measure(runs: Runs, run: Run, checkpoint: str, settings: Mapping[str, Any]) -> xr.Dataset:
    """From one checkpoint of a run."""
    objective = runs.objective(run.formulation)
    found = descend(objective, runs.tensor(run.theta(checkpoint)), settings["steps"], settings["cutoff"], settings["lengths"])
    measured = {name: values.cpu().numpy() for name, values in runs.discretization.measure(found.thetas).items()}
    measured |= {"gap": measured[run.formulation] - objective.minimum}
    measured |= {"rate": found.rate, "gradient_norm": found.gradient_norm}
    eigenvalue, numbers = curvature(objective, found.thetas[-1], settings["null_tolerance"])
    step = np.arange(settings["steps"] + 1)
    variables = {name: variable("step", _filled(measured[name], len(step)), text) for name, text in _CURVES.items()}
    reasons = {"condition_number": {"reason": dense.WITHHELD}}
    variables |= {name: variable((), numbers[name], text, **reasons.get(name, {})) for name, text in _NUMBERS.items()}
    variables |= {
        "theta": variable("parameter", found.thetas[-1].cpu().numpy(), "parameters of the network at the last point"),
        "eigenvalue": variable("eigen", eigenvalue, "eigenvalue of the Hessian of the own loss at the last point"),
        "steps_taken": variable((), len(found.thetas) - 1, "number of steps taken"),
        "distance": variable(
            (), float((found.thetas[-1] - found.thetas[0]).norm()), "distance of the last from the first point"
        ),
    }
    coordinates = {
        "step": variable("step", step, "natural gradient step, 0 the starting point"),
        "eigen": variable("eigen", np.arange(len(eigenvalue)), "index of the eigenvalue, 0 the largest"),
    }
    return xr.Dataset(variables, coordinates)


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    """With NaN after the last step taken."""
    return np.concatenate([values.astype(float), np.full(length - len(values), np.nan)])
