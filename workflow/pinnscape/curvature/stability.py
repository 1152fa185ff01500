"""The Hessian spectrum along training, and training runs at the edge of stability."""

from typing import Protocol

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, RUN
from pinnscape.linalg.warm_started import WarmStartedLanczos
from pinnscape.losses.objective import Objective
from pinnscape.training import edge_of_stability
from pinnscape.training.edge_of_stability import Schedule
from pinnscape.training.runs import Run, Runs
from pinnscape.training.snapshots import logarithmic

_POINT, _GD, _ADAM = (*RUN, "point"), (*RUN, "fraction", "record"), (*RUN, "rate", "record")
_VARIABLES = {
    "step": Variable(_POINT, "optimisation step of the snapshot"),
    "eigenvalue": Variable(
        (*_POINT, "eigen"), "largest eigenvalues of the Hessian of the training loss, NaN where not verified"
    ),
    "eigenvalue_at_least": Variable((*_POINT, "eigen"), "lower bound on these eigenvalues"),
    "smallest": Variable(_POINT, "smallest eigenvalue of the Hessian of the training loss, NaN where it is not verified"),
    "smallest_at_least": Variable(_POINT, "lower bound on the smallest eigenvalue"),
    "smallest_at_most": Variable(_POINT, "upper bound on the smallest eigenvalue"),
    "residual": Variable(_POINT, "largest residual norm of these eigenpairs relative to the largest eigenvalue in magnitude"),
    "initial_sharpness": Variable(RUN, "largest eigenvalue at the initial point"),
    "gd_rate": Variable(
        (*RUN, "fraction"),
        "step size of gradient descent: fraction times 2 divided by the largest eigenvalue at the initial point",
    ),
    "gd_gap": Variable(_GD, "gradient descent: excess of the loss over that of the exact solution"),
    "gd_sharpness": Variable(
        _GD, "gradient descent: largest eigenvalue of the Hessian; its stability threshold is 2 divided by the step size"
    ),
    "gd_rising": Variable(_GD, "gradient descent: share of steps since the previous record that increased the loss"),
    "gd_residual": Variable(
        _GD, "gradient descent: residual norm of the eigenpair relative to the largest eigenvalue in magnitude"
    ),
    "gd_excess": Variable(
        _GD,
        "gradient descent: bound on how far the largest eigenvalue exceeds the value, relative to the largest in magnitude",
    ),
    "gd_diverged": Variable((*RUN, "fraction"), "gradient descent: step at which it diverged, NaN if it did not"),
    "adam_gap": Variable(_ADAM, "Adam: excess of the loss over that of the exact solution"),
    "adam_sharpness": Variable(_ADAM, "Adam: largest eigenvalue of the Hessian"),
    "adam_preconditioned": Variable(
        _ADAM,
        "Adam: largest eigenvalue of the preconditioned Hessian; its stability threshold is 38 divided by the learning rate",
    ),
    "adam_rising": Variable(_ADAM, "Adam: share of steps since the previous record that increased the loss"),
    "adam_residual": Variable(
        _ADAM, "Adam: larger residual norm of the two eigenpairs relative to the largest eigenvalue in magnitude"
    ),
    "adam_excess": Variable(
        _ADAM,
        "Adam: bound on how far either eigenvalue exceeds its value, relative to the largest in magnitude",
    ),
    "adam_diverged": Variable((*RUN, "rate"), "Adam: step at which it diverged, NaN if it did not"),
}
FILE = File(
    "stability.nc",
    _VARIABLES,
    {
        **OF_RUNS,
        "point": Variable("point", "index of the point along training"),
        "eigen": Variable("eigen", "index of the eigenvalue, 0 for the largest"),
        "fraction": Variable("fraction", "step size relative to 2/lambda at the initial point"),
        "rate": Variable("rate", "learning rate of Adam"),
        "record": Variable("record", "optimisation step of the record"),
    },
)


class Settings(Schedule, Protocol):
    """Settings of the spectra along training and of the runs at the edge of stability; see ``techniques.stability``."""

    points: int
    eigenvalues: int
    fractions: tuple[float, ...]
    adam_rates: tuple[float, ...]


def ends(objective: Objective, theta: Tensor, count: int, solver: EigensolverSettings, seed: int) -> dict[str, np.ndarray]:
    """The ``count`` largest eigenvalues and the smallest one at theta (P,), with bounds; NaN where the loss does not exist.

    Args:
        objective: the loss.
        theta: (P,).
        count: number of largest eigenvalues; those beyond P are NaN.
        solver: dense limit, steps and tolerance of Lanczos.
        seed: seed of the Lanczos start vector.

    Returns:
        The variables of the file from ``eigenvalue`` to ``residual``.
    """
    names = ("eigenvalue", "eigenvalue_at_least", "smallest", "smallest_at_least", "smallest_at_most", "residual")
    row = {name: np.full(count if name.startswith("eigenvalue") else (), np.nan) for name in names}
    if not bool(objective.loss_and_gradient(theta)[0].isfinite()):
        return row
    try:
        found = eigenpairs(objective, theta, count, solver, seed=seed)
    except DivergenceError:
        return row
    values, rows, low, high = found.values, found.vectors, found.low, found.high
    kept = [*range(min(count, len(values))), len(values) - 1]
    residual = objective.hessian_product(theta, rows[kept]) - values[kept, None] * rows[kept]
    size = float(values.abs().max())
    row["residual"][...] = float(residual.norm(dim=-1).max()) / size if size > 0 else 0.0
    known = found.known[kept].cpu().numpy()
    row["eigenvalue"][: len(kept) - 1], row["smallest"][...] = known[:-1], known[-1]
    row["eigenvalue_at_least"][: len(kept) - 1] = low[kept[:-1]].cpu().numpy()
    row["smallest_at_least"][...], row["smallest_at_most"][...] = float(low[-1]), float(high[-1])
    return row


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """The dataset of stability.nc: spectra along each run, and gradient descent and Adam on its loss from its initial point.

    Args:
        runs: all runs of one problem.
        settings: settings of the spectra and of gradient descent and Adam.
    """
    every = settings.record_every
    recorded = np.arange(0, settings.steps // every + 1) * every
    axes = {
        "fraction": np.array(settings.fractions, float),
        "rate": np.array(settings.adam_rates, float),
        "record": recorded,
    }

    def measure(run: Run) -> xr.Dataset:
        return FILE.dataset(_along(runs, run, settings) | _at_the_edge(runs, run, settings, len(recorded)) | axes, outside=RUN)

    return FILE.described(runs.collect(measure))


def _along(runs: Runs, run: Run, settings: Settings) -> dict[str, np.ndarray]:
    """Spectra at snapshots, padded with NaN if there are fewer snapshots than ``settings.points``."""
    objective, points, count = runs.objective(run.trained_on), settings.points, settings.eigenvalues
    at = logarithmic(run.steps, points)
    rows = [ends(objective, runs.tensor(run.snapshots[i]), count, settings.eigensolver, run.seed) for i in at]
    found = {name: np.stack([row[name] for row in rows]) for name in rows[0]} | {"step": run.steps[at].astype(float)}
    missing = points - len(at)
    return {
        name: np.pad(values, [(0, missing), *[(0, 0)] * (values.ndim - 1)], constant_values=np.nan)
        for name, values in found.items()
    }


def _at_the_edge(runs: Runs, run: Run, settings: Settings, records: int) -> dict[str, np.ndarray]:
    """Gradient descent for each fraction and Adam for each rate, from the initial point of the run."""
    objective, theta = runs.objective(run.trained_on), runs.tensor(run.snapshots[0])
    solver = settings.eigensolver
    largest = WarmStartedLanczos(solver.lanczos_steps, solver.lanczos_tolerance, run.seed)
    sharpness = largest(lambda v: objective.hessian_product(theta, v), theta)[0]
    # Without a positive eigenvalue, the step sizes are undefined.
    rates = np.array(settings.fractions, float) * (2.0 / sharpness if sharpness > 0 else np.nan)
    descents = [edge_of_stability.gradient_descent(objective, theta, rate, settings, run.seed) for rate in rates]
    adams = [edge_of_stability.adam(objective, theta, rate, settings, run.seed) for rate in settings.adam_rates]
    result = {"initial_sharpness": np.array(sharpness), "gd_rate": rates}
    for prefix, trainings in (("gd", descents), ("adam", adams)):
        names = [name.removeprefix(f"{prefix}_") for name in _VARIABLES if name.startswith(f"{prefix}_") and name != "gd_rate"]
        for name in names:
            shape = (len(trainings),) if name == "diverged" else (len(trainings), records)
            result[f"{prefix}_{name}"] = np.array([training[name] for training in trainings]).reshape(shape)
    return result
