"""Maps of convexity: extreme eigenvalues of the full Hessian over a plane through a trained point (Li et al. 2018)."""

from dataclasses import astuple, dataclass
from typing import Literal, Protocol

import numpy as np
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import DirectionSettings, EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.landscape import files
from pinnscape.landscape.axes import centred_axis, plane_coordinates
from pinnscape.landscape.described import SURFACE
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

_TEXT = {
    "lambda_max": "largest eigenvalue of the Hessian; NaN where it is not verified",
    "lambda_max_at_least": "lower bound of the largest eigenvalue",
    "lambda_max_at_most": "upper bound of the largest eigenvalue",
    "lambda_min": "smallest eigenvalue of the Hessian; NaN where it is not verified",
    "lambda_min_at_least": "lower bound of the smallest eigenvalue",
    "lambda_min_at_most": "upper bound of the smallest eigenvalue",
    "residual": "relative resolution of the eigenvalues: larger residual norm of the two eigenpairs over the larger magnitude "
    "of the eigenvalues",
    "sign": "sign of the smallest eigenvalue: 1 not negative up to rounding errors, -1 negative, 0 undecided, NaN where the "
    "Hessian does not exist",
    "converged": "1 where both eigenvalues are verified",
}
FILE = File(
    "curvature_map.nc",
    {name: Variable((*RUN, "loss", "alpha", "beta"), text) for name, text in _TEXT.items()},
    {**OF_RUNS, **LOSS, **{name: SURFACE.coordinates[name] for name in ("alpha", "beta")}},
    "The plane is spanned by the directions of directions-random.nc. Only the training loss of the point is analysed, unless "
    "`techniques.curvature_map.losses` is `all`.",
)


class Settings(Protocol):
    """Settings of the plane and the eigenvalues; see ``techniques.curvature_map``."""

    radius: float
    points: int
    losses: Literal["own", "all"]
    eigensolver: EigensolverSettings


@dataclass(frozen=True)
class Ends:
    """Both ends of a spectrum, in the order of the variables in ``_TEXT``; NaN if the Hessian is not finite."""

    lambda_max: float
    lambda_max_at_least: float
    lambda_max_at_most: float
    lambda_min: float
    lambda_min_at_least: float
    lambda_min_at_most: float
    residual: float
    sign: float
    converged: bool


def ends(objective: Objective, theta: Tensor, solver: EigensolverSettings) -> Ends:
    """Largest and smallest eigenvalue of the Hessian at theta (P,), with bounds.

    One bound of each eigenvalue is a Ritz value and certain; the other bound fails with the probability ``lanczos.FAILURE``. A
    negative Ritz value proves that the Hessian has a negative eigenvalue; a positive one proves nothing.

    Args:
        objective: the loss.
        theta: parameters (P,).
        solver: dense limit, steps and tolerance of Lanczos.
    """
    try:
        found = eigenpairs(objective, theta, 1, solver, vectors=False)
    except DivergenceError:
        nan = float("nan")
        return Ends(nan, nan, nan, nan, nan, nan, nan, nan, False)
    high, low = ((float(found.known[end]), float(found.low[end]), float(found.high[end])) for end in (0, -1))
    size = float(found.values.abs().max())
    residual = found.rounding
    if found.process is not None:
        residual = float(found.process.residual_bounds.max()) / size if size > 0 else 0.0
    return Ends(*high, *low, residual, _sign(*low[1:], found.rounding * size), found.converged)


def _sign(low: float, high: float, error: float) -> float:
    """Sign of an eigenvalue between two bounds: 1 if it is not negative up to rounding errors, -1 if negative, else 0."""
    return -1.0 if high < 0.0 else 1.0 if low >= -2.0 * error else 0.0


def dataset(runs: Runs, settings: Settings, directions: DirectionSettings) -> xr.Dataset:
    """Dataset of curvature_map.nc: extreme eigenvalues of the losses over the plane of surface-random.nc.

    Args:
        runs: all runs of a problem.
        settings: settings of the plane and the eigenvalues; losses that are left out are NaN.
        directions: normalisation of the directions.

    Returns:
        Variables (trained_on, seed, loss, alpha, beta).
    """
    axis = centred_axis(settings.radius, settings.points)
    coordinates, unit = plane_coordinates(axis, axis), files.axis_unit(directions.normalization)

    def measure(run: Run) -> xr.Dataset:
        rows = files.random_directions("random", run.checkpoints.assign_attrs(seed=run.seed), directions)["direction"].values
        thetas = runs.tensor(run.theta() + coordinates @ rows).reshape(-1, len(run.theta()))
        table = np.full((len(runs.losses), len(thetas), len(_TEXT)), np.nan)
        for i, loss in enumerate(runs.losses):
            if settings.losses == "all" or loss == run.trained_on:
                table[i] = [astuple(ends(runs.objective(loss), theta, settings.eigensolver)) for theta in thetas]
        table = table.reshape(len(runs.losses), *coordinates.shape[:2], len(_TEXT))
        values = {name: table[..., j] for j, name in enumerate(_TEXT)}
        return FILE.dataset(values | {"loss": list(runs.losses), "alpha": axis, "beta": axis}, outside=RUN)

    attributes = {"normalization": directions.normalization, "bias": directions.bias}
    return FILE.described(runs.collect(measure).assign_attrs(attributes, axis_unit=unit))
