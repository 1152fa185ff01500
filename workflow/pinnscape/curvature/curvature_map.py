"""Maps of convexity: the extreme eigenvalues of the full Hessian over a plane through a trained point (Li et al. 2018)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.curvature import dense
from pinnscape.curvature.lanczos import extremes
from pinnscape.errors import DivergenceError
from pinnscape.formulations import FORMULATIONS
from pinnscape.landscape import files
from pinnscape.landscape.axes import centred_axis, plane_coordinates
from pinnscape.objective import Objective
from pinnscape.runs import Run, Runs
from pinnscape.storage import variable

_TEXT = {
    "lambda_max": "largest eigenvalue of the Hessian",
    "lambda_min": "smallest eigenvalue of the Hessian",
    "residual": "resolution of eigenvalues: larger residual norm of the two eigenpairs over the larger magnitude of the eigenvalues",
    "converged": "1 where both eigenvalues converged",
}


def ends(objective: Objective, theta: Tensor, settings: Mapping[str, Any]) -> tuple[float, float, float, bool]:
    """Largest and smallest eigenvalue of the Hessian at theta (P,), their relative residual, and whether they converged.

    Args:
        objective: the loss.
        theta: (P,).
        settings: ``dense_limit`` (up to this many parameters all eigenvalues are computed), ``lanczos_steps``, ``lanczos_tolerance``.

    Returns:
        NaN and False where the Hessian is not finite. Without convergence the Ritz values, which lie between the eigenvalues.
    """

    def product(vectors: Tensor) -> Tensor:
        rows = objective.hessian_product(theta, vectors)
        if not bool(rows.isfinite().all()):
            raise DivergenceError("the Hessian is not finite")
        return rows

    try:
        if objective.size <= settings["dense_limit"]:
            values = torch.linalg.eigvalsh(dense.hessian(objective, theta))
            rounding = objective.size * torch.finfo(values.dtype).eps  # relative error of a symmetric eigenvalue solver
            return float(values[-1]), float(values[0]), rounding, True
        found = extremes(product, theta, 1, settings["lanczos_steps"], settings["lanczos_tolerance"], 0)
    except DivergenceError:
        return float("nan"), float("nan"), float("nan"), False
    size = float(found.values.abs().max())
    residual = float(found.residual_bounds.max()) / size if size > 0 else 0.0
    return float(found.values[0]), float(found.values[-1]), residual, found.converged


def dataset(runs: Runs, settings: Mapping[str, Any]) -> xr.Dataset:
    """Extreme eigenvalues of every loss over the random plane through each final point: the plane of surface-random.nc.

    Args:
        runs: all of a problem.
        settings: ``normalization`` and ``bias`` of the directions; ``radius`` and (odd) number of ``points`` along each axis; ``losses``: ``own`` (the one
            that trained the point; others are NaN) or ``all``; ``dense_limit``, ``lanczos_steps``, ``lanczos_tolerance``.

    Returns:
        Variables (formulation, seed, loss, alpha, beta).
    """
    axis = centred_axis(settings["radius"], settings["points"])
    coordinates, unit = plane_coordinates(axis, axis), files.axis_unit(settings["normalization"])

    def measure(run: Run) -> xr.Dataset:
        rows = files.random_directions("random", run.checkpoints.assign_attrs(seed=run.seed), settings)["direction"].values
        thetas = runs.tensor(run.theta() + coordinates @ rows).reshape(-1, len(run.theta()))
        table = np.full((len(FORMULATIONS), len(thetas), len(_TEXT)), np.nan)
        for i, loss in enumerate(FORMULATIONS):
            if settings["losses"] == "all" or loss == run.formulation:
                table[i] = [ends(runs.objective(loss), theta, settings) for theta in thetas]
        table = table.reshape(len(FORMULATIONS), *coordinates.shape[:2], len(_TEXT))
        dims = ("loss", "alpha", "beta")
        variables = {name: variable(dims, table[..., j], text) for j, (name, text) in enumerate(_TEXT.items())}
        axes = {name: files.axis(name, axis, unit) for name in ("alpha", "beta")}
        return xr.Dataset(variables, {"loss": list(FORMULATIONS), **axes})

    attributes = {name: settings[name] for name in ("normalization", "bias")}
    return runs.collect(measure).assign_attrs(attributes, axis_unit=unit)
