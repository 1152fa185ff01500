"""Intrinsic dimension: training in random subspaces through the initial point (Li et al. 2018, arXiv:1804.08838).

Training optimises d coordinates z of theta = theta_0 + P z instead of theta. The columns of P are Gaussian vectors of unit
length. The intrinsic dimension of the loss is the least d with which the problem is still solved. It is at most the number of
conditions that a solution has to satisfy.
"""

import logging
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.training import divergence
from pinnscape.training.optimizers import LBFGS, State, start
from pinnscape.training.runs import Run, Runs

log = logging.getLogger(__name__)
_STREAM = 11  # second entry of the seeds, so that no other technique draws the same random numbers
_QUANTITIES = {
    "loss": "loss after training in the subspace",
    "gap": "loss minus that of the exact solution, after training in the subspace",
    "quadrature_error": "quadrature error of the gap, after training in the subspace",
    "l2_error": "relative L2 error after training in the subspace",
    "h1_error": "relative H1 error after training in the subspace",
    "steps": "number of L-BFGS steps taken when training in the subspace",
}
_WHOLE = {
    name: text.replace("training in the subspace", "training all parameters for as many steps")
    for name, text in _QUANTITIES.items()
}
FILE = File(
    "intrinsic_dimension.nc",
    {
        **{name: Variable((*RUN, "dimension", "basis"), text) for name, text in _QUANTITIES.items()},
        **{f"full_{name}": Variable(RUN, text) for name, text in _WHOLE.items()},
        "intrinsic_dimension": Variable((*RUN, "level"), "least dimension whose median error reaches the level"),
        "failed_dimension": Variable((*RUN, "level"), "largest tested dimension below it, 0 if there is none"),
    },
    {
        **OF_RUNS,
        "dimension": Variable("dimension", "dimension of the subspace"),
        "basis": Variable("basis", "index of the random basis of the subspace"),
        "level": Variable("level", "relative L2 error that counts as solved"),
    },
    "Attribute `steps`: largest number of L-BFGS steps; `parameters`: P. "
    "Quadrature errors of gaps are 0 for losses with the minimum 0 under every quadrature rule.",
)


class Settings(Protocol):
    """Settings of the subspaces and of the training, see ``techniques.intrinsic_dimension``."""

    dimensions: tuple[int, ...]
    bases: int
    levels: tuple[float, ...]
    steps: int
    history_size: int
    gradient_tolerance: float


def basis(size: int, dimension: int, seed: int | list[int]) -> np.ndarray:
    """P' (d, P) with Gaussian rows of unit length (Li et al. 2018, sec. 2).

    The rows for a smaller d are the first rows for a larger d, so the subspaces of one seed are nested.
    """
    rows = np.random.default_rng(seed).standard_normal((dimension, size))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def train(objective: Objective, origin: Tensor, rows: Tensor | None, settings: Settings) -> tuple[State, int]:
    """Minimise the loss over origin + z P' by L-BFGS from z = 0, with the gradient P' g.

    Args:
        objective: the loss.
        origin: theta_0 (P,).
        rows: P' (d, P), or None for the whole space; no identity matrix is formed in this case.
        settings: settings of L-BFGS.

    Returns:
        The last state, of z (d,), and the number of steps taken. The number is 0 if the loss is not finite at the origin; the
        state is NaN if training diverges.
    """

    def function(z: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = objective.loss_and_gradient(origin + _spread(z, rows))
        return loss, gradient if rows is None else rows @ gradient

    state, optimizer = (
        start(function, origin.new_zeros(objective.size if rows is None else len(rows))),
        LBFGS(function, settings.history_size, settings.gradient_tolerance),
    )
    lowest = divergence.lowest(objective.minimum, state.loss)
    for step in range(settings.steps if math.isfinite(state.loss) else 0):
        successor = optimizer.step(state)
        if successor is None:
            return state, step
        state = successor
        if fault := divergence.fault(state, lowest):
            log.warning("training in %d dimensions diverges at step %d: %s", state.theta.numel(), step + 1, fault)
            return State(state.theta.new_full(state.theta.shape, math.nan), math.nan, state.gradient), step + 1
    return state, settings.steps if math.isfinite(state.loss) else 0


def least(dimensions: Sequence[int] | np.ndarray, errors: np.ndarray, level: float) -> tuple[float, float]:
    """The least dimension with a median error of at most ``level``, and the largest tested dimension below it (0 if none).

    The intrinsic dimension is larger than the second value and at most the first.

    Args:
        dimensions: (d,), ascending.
        errors: (d, bases); NaN counts as a failure, not as a missing value.
        level: the threshold.

    Returns:
        Both dimensions; NaN and the largest dimension if no dimension reaches the level.
    """
    if not len(dimensions):
        return math.nan, 0.0
    # A failed training run counts as the largest error. If it were left out, the median would be that of the successful runs.
    reached = np.median(np.where(np.isnan(errors), np.inf, errors), axis=1) <= level
    if not reached.any():
        return math.nan, float(dimensions[-1])
    first = int(reached.argmax())
    return float(dimensions[first]), float(dimensions[first - 1]) if first else 0.0


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """The content of intrinsic_dimension.nc. All formulations of one seed start at the same theta_0 and use the same subspaces.

    Args:
        runs: all training runs of one problem.
        settings: settings of the subspaces and of the training. Since u = 0 has the error 1, an error of 0.1 means 90 % of the
            performance of the exact solution, which is the threshold of Li et al. (2018).
    """
    dimensions = sorted({d for d in settings.dimensions if d <= runs.family.size})
    collected = runs.collect(lambda run: _measure(runs, run, dimensions, settings))
    return FILE.described(collected.assign_attrs(steps=settings.steps, parameters=runs.family.size))


def _measure(runs: Runs, run: Run, dimensions: list[int], settings: Settings) -> xr.Dataset:
    objective, origin = runs.objective(run.trained_on), runs.tensor(run.theta("init"))
    measured = np.full((len(_QUANTITIES), len(dimensions), settings.bases), np.nan)
    for k in range(settings.bases):
        rows = runs.tensor(basis(objective.size, max(dimensions, default=0), [run.seed, _STREAM, k]))
        for i, d in enumerate(dimensions):
            measured[:, i, k] = _trained(runs, objective, origin, rows[:d], settings)
    full = _trained(runs, objective, origin, None, settings)
    levels = list(settings.levels)
    pairs = [least(dimensions, measured[list(_QUANTITIES).index("l2_error")], level) for level in levels]
    log.info("%s, seed %d: intrinsic dimensions %s", run.trained_on, run.seed, [pair[0] for pair in pairs])
    values: dict[str, Any] = {name: measured[i] for i, name in enumerate(_QUANTITIES)}
    values |= {f"full_{name}": full[i] for i, name in enumerate(_QUANTITIES)}
    values |= {"intrinsic_dimension": [pair[0] for pair in pairs], "failed_dimension": [pair[1] for pair in pairs]}
    return FILE.dataset(values | {"dimension": np.array(dimensions, int), "level": np.array(levels, float)}, outside=RUN)


def _trained(runs: Runs, objective: Objective, origin: Tensor, rows: Tensor | None, settings: Settings) -> list[float]:
    """The values of ``_QUANTITIES`` after training."""
    state, steps = train(objective, origin, rows, settings)
    theta = origin + _spread(state.theta, rows)
    measured, error = runs.family.measure(theta), float(runs.gap_errors(objective.name, theta[None])[0])
    return [
        state.loss, state.loss - objective.minimum, error, float(measured["l2_error"]), float(measured["h1_error"]), steps
    ]  # fmt: skip


def _spread(z: Tensor, rows: Tensor | None) -> Tensor:
    """Z P' (P,)."""
    return z if rows is None else z @ rows
