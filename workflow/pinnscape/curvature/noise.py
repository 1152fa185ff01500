"""Spread of a loss, its gradient and its largest eigenvalue over mini-batches or over draws of random points."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError, ModelError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import CHECKPOINT, OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

_AT = (*RUN, "checkpoint")
_DRAW = (*_AT, "draw")
FILE = File(
    "noise.nc",
    {
        "loss": Variable(_DRAW, "training loss of the draw"),
        "gradient_norm": Variable(_DRAW, "Euclidean norm of its gradient"),
        "cosine": Variable(_DRAW, "cosine of its gradient and that of the analysed loss"),
        "lambda_max": Variable(_DRAW, "largest eigenvalue of its Hessian; NaN if Lanczos has not converged"),
        "whole_loss": Variable(_AT, "training loss that the study analyses"),
        "whole_gradient_norm": Variable(_AT, "Euclidean norm of its gradient"),
        "whole_lambda_max": Variable(_AT, "largest eigenvalue of its Hessian; NaN if Lanczos has not converged"),
        "variance": Variable(_AT, "total variance of the gradients of the draws: trace of their covariance"),
        "noise_scale": Variable(_AT, "variance over the squared norm of the gradient of the analysed loss"),
    },
    {**OF_RUNS, **CHECKPOINT, "draw": Variable("draw", "number of the mini-batch, or of the draw of random points")},
    "The attribute `draws` is the number of mini-batches, or `random points`.",
)


def variance(gradients: Tensor) -> float:
    """The trace of the covariance of gradients (n, P), with the factor 1/(n-1)."""
    return float((gradients - gradients.mean(0)).square().sum()) / (len(gradients) - 1)


def at_point(
    objective: Objective, theta: Tensor, draws: int, solver: EigensolverSettings, seed: int
) -> dict[str, np.ndarray | float]:
    """The spread at a point.

    Args:
        objective: the loss that is analysed.
        theta: (P,).
        draws: number of draws.
        solver: how eigenvalues are computed.
        seed: seed of the start vectors.

    Returns:
        The variables of ``FILE`` without its outer dimensions.
    """
    # The first draw of random points is that of the analysed loss.
    drawn = [objective.drawn(number + (objective.draws == np.inf)) for number in range(draws)]
    losses, gradients = (torch.stack(parts) for parts in zip(*(each.loss_and_gradient(theta) for each in drawn), strict=True))
    loss, gradient = objective.loss_and_gradient(theta)
    norm, norms, spread = float(gradient.norm()), gradients.norm(dim=1), variance(gradients)
    return {
        "loss": losses.cpu().numpy(),
        "gradient_norm": norms.cpu().numpy(),
        "cosine": (gradients @ gradient / (norms * norm)).cpu().numpy(),
        "lambda_max": np.array([_largest(each, theta, solver, seed) for each in drawn]),
        "whole_loss": float(loss),
        "whole_gradient_norm": norm,
        "whole_lambda_max": _largest(objective, theta, solver, seed),
        "variance": spread,
        "noise_scale": spread / norm**2 if norm > 0 else np.nan,
    }


def dataset(runs: Runs, checkpoints: Sequence[str], draws: int, solver: EigensolverSettings) -> xr.Dataset:
    """The dataset of noise.nc.

    Args:
        runs: all runs of a case whose losses have mini-batches or random points.
        checkpoints: names of checkpoints.
        draws: number of draws, which is reduced to the number of mini-batches.
        solver: how eigenvalues are computed.

    Raises:
        ModelError: the losses have neither.
    """
    available = runs.objective(runs.formulations[0]).draws
    if not available:
        raise ModelError("the technique noise needs random points or mini-batches, which the losses do not have")
    count = int(min(draws, available))

    def measure(run: Run) -> xr.Dataset:
        objective = runs.objective(run.trained_on)
        found = [at_point(objective, runs.tensor(run.theta(name)), count, solver, run.seed) for name in checkpoints]
        values = {name: np.array([point[name] for point in found]) for name in found[0]}
        return FILE.dataset(values | {"checkpoint": list(checkpoints), "draw": np.arange(count)}, outside=RUN)

    said = "random points" if available == np.inf else str(int(available))
    return FILE.described(runs.collect(measure).assign_attrs(draws=said))


def _largest(objective: Objective, theta: Tensor, solver: EigensolverSettings, seed: int) -> float:
    try:
        found = eigenpairs(objective, theta, 1, solver, smallest=False, seed=seed, vectors=False, lanczos_first=True)
        return float(found.stated(1, f"largest eigenvalue of the {objective.name} loss")[0][0])
    except DivergenceError:
        return float("nan")
