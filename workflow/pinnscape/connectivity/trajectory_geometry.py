"""The geometry of a training trajectory: its straightness, and the direction of the gradient relative to the final point."""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

_LONG_NAMES = {
    "step": "optimisation step of the snapshot",
    "gradient_norm": "norm of the gradient of the training loss",
    "distance": "distance to the final point",
    "rsi": "restricted secant quotient: component of the gradient along the direction from the final point over the distance",
    "eb": "error bound quotient: norm of the gradient over the distance to the final point",
    "cosine": "cosine between the gradient and the direction from the final point",
    "turn": "angle between the displacements to this snapshot and to the next",
    "step_cosine": "cosine between the displacements to this snapshot and to the next",
    "length": "length of the polygon through the snapshots up to this one, a lower bound on the length of the path",
    "displacement": "distance from the initial point",
}
FILE = File(
    "trajectory_geometry.nc",
    {
        **{name: Variable((*RUN, "snapshot"), text, "degree" if name == "turn" else "1") for name, text in _LONG_NAMES.items()},
        "path_ratio": Variable(
            RUN,
            "length of the polygon through all snapshots relative to the distance between its ends, "
            "a lower bound on the same ratio for the path",
        ),
        "random_cosine": Variable(RUN, "standard deviation 1/sqrt(P) of the cosine between a random direction and any other"),
    },
    {**OF_RUNS, "snapshot": Variable("snapshot", "index of the snapshot")},
    "Runs that stopped early have fewer snapshots; their rows are padded with NaN.",
)


@dataclass(frozen=True)
class Regularity:
    """Relations between n gradients and the direction to one point, each (n,); the quotients are NaN at that point itself.

    Attributes:
        gradient_norm: ‖g‖.
        distance: ‖θ - θ*‖.
        rsi: ⟨g, θ - θ*⟩/‖θ - θ*‖².
        eb: ‖g‖/‖θ - θ*‖.
        cosine: RSI/EB, the cosine of g and θ - θ*; NaN where g vanishes.
    """

    gradient_norm: np.ndarray
    distance: np.ndarray
    rsi: np.ndarray
    eb: np.ndarray
    cosine: np.ndarray


def regularity(gradients: np.ndarray, points: np.ndarray, target: np.ndarray) -> Regularity:
    """The quotients of the restricted secant inequality (RSI) and of the error bound (EB) of Guille-Escuret et al. (2024).

    If RSI ≥ μ > 0 and EB ≤ L along a path, gradient descent converges linearly to θ*. For a quadratic with Hessian H and
    minimiser θ*, RSI is the Rayleigh quotient of H at θ - θ*.

    Args:
        gradients: gradients (n, P) at the points.
        points: points (n, P).
        target: θ* (P,).
    """
    offset = points - target
    distance, norm = np.linalg.norm(offset, axis=-1), np.linalg.norm(gradients, axis=-1)
    away, slope = _nonzero(distance), _nonzero(norm)
    along = np.sum(gradients * (offset / away[:, None]), axis=-1)
    cosine = np.sum((gradients / slope[:, None]) * (offset / away[:, None]), axis=-1)
    return Regularity(norm, distance, along / away, norm / away, np.clip(cosine, -1.0, 1.0))


def turns(points: np.ndarray) -> np.ndarray:
    """Cosine (n,) between the displacements to each point and from it to the next point.

    It is NaN at both ends and next to a displacement of zero.

    Args:
        points: (n, P).
    """
    cosine = np.full(len(points), np.nan)
    if len(points) > 2:
        steps = np.diff(points, axis=0)
        unit = steps / _nonzero(np.linalg.norm(steps, axis=-1))[:, None]
        cosine[1:-1] = np.clip(np.sum(unit[:-1] * unit[1:], axis=-1), -1.0, 1.0)
    return cosine


def lengths(points: np.ndarray) -> np.ndarray:
    """Lengths (n,) of the polygon through the points (n, P) up to each point; any path through them is at least as long."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=-1))])


def geometry(objective: Objective, points: Tensor, batch: int) -> dict[str, np.ndarray]:
    """All quantities of a trajectory whose last point is θ*, each (n,); see ``regularity``, ``turns`` and ``lengths``.

    Args:
        objective: the loss.
        points: points (n, P) from the initial point to θ*.
        batch: number of gradients that are computed at a time.
    """
    losses, gradients = zip(*(objective.loss_and_gradient(part) for part in points.split(batch)), strict=True)
    # Where a loss does not exist, the derivative of its formula may still be a number.
    gradient = torch.where(torch.cat(losses).isfinite()[:, None], torch.cat(gradients), torch.nan).cpu().numpy()
    theta = points.cpu().numpy()
    values = dict(vars(regularity(gradient, theta, theta[-1])))
    cosine = turns(theta)
    displacement = np.linalg.norm(theta - theta[0], axis=-1)
    return values | {
        "turn": np.degrees(np.arccos(cosine)),
        "step_cosine": cosine,
        "length": lengths(theta),
        "displacement": displacement,
    }


def dataset(runs: Runs, batch: int) -> xr.Dataset:
    """The dataset of trajectory_geometry.nc: the geometry of each run along its snapshots, for the loss that it minimised.

    Runs that stopped early have fewer snapshots; their rows are padded with NaN.

    Args:
        runs: all runs of one problem.
        batch: number of gradients that are computed at a time.
    """
    count = max(len(run.steps) for run in runs.all)

    def measure(run: Run) -> xr.Dataset:
        values = {"step": run.steps.astype(float)}
        values |= geometry(runs.objective(run.trained_on), runs.tensor(run.snapshots), batch)
        padded = {name: np.pad(values[name], (0, count - len(values[name])), constant_values=np.nan) for name in _LONG_NAMES}
        ratio = values["length"][-1] / _nonzero(values["displacement"])[-1]
        whole = {"path_ratio": ratio, "random_cosine": run.snapshots.shape[-1] ** -0.5}
        return FILE.dataset(padded | whole, outside=RUN)

    return FILE.described(runs.collect(measure))


def _nonzero(values: np.ndarray) -> np.ndarray:
    """``values`` with NaN for zeros, so that quotients with a zero denominator are NaN."""
    return np.where(values == 0.0, np.nan, values)
