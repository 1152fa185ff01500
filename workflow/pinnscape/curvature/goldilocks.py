"""Convexity of losses in random subspaces as a function of the norm of theta: the Goldilocks zone (Fort & Scherlis 2019)."""

from typing import Protocol

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import CHECKPOINT, LOSS, OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

_STREAM = 13  # second entry of the seeds of the subspaces
_MARKED = ("init", "final")
_DRAW = (*RUN, "loss", "scale", "draw")
FILE = File(
    "goldilocks.nc",
    {
        "trace_ratio": Variable(_DRAW, "ratio of the trace to the Frobenius norm of the Hessian in a random subspace"),
        "positive_share": Variable(_DRAW, "share of positive eigenvalues of the Hessian in the subspace"),
        "radius": Variable((*RUN, "scale"), "norm of theta"),
        "norm": Variable((*RUN, "checkpoint"), "norm of theta at the checkpoint"),
    },
    {
        **OF_RUNS,
        **LOSS,
        "scale": Variable("scale", "norm of theta relative to that of the initial point"),
        "draw": Variable("draw", "index of the random subspace"),
        **CHECKPOINT,
    },
    "The attribute `dimension` is the dimension of the subspaces.",
)


def basis(size: int, dimension: int, seed: int | list[int]) -> np.ndarray:
    """Orthonormal rows (d, P) that span a uniformly random subspace."""
    raw = np.random.default_rng(seed).standard_normal((size, dimension))
    return np.linalg.qr(raw)[0].T


def projected(objective: Objective, theta: Tensor, rows: Tensor) -> Tensor:
    """The Hessian H at theta (P,) in the subspace spanned by orthonormal rows B (d, P): B H Bᵀ (d, d), symmetrised."""
    matrix = objective.hessian_product(theta, rows) @ rows.T
    return 0.5 * (matrix + matrix.T)


def convexity(matrix: Tensor) -> tuple[float, float]:
    """Measures of convexity of a symmetric matrix M (d, d) (Fort & Scherlis 2019).

    Returns:
        tr(M)/|M|_F, which lies between -√d and √d, and the share of positive eigenvalues. Both are NaN if an entry of M is not
        finite; the ratio is also NaN if M is zero.
    """
    if not bool(matrix.isfinite().all()):
        return float("nan"), float("nan")
    norm = float(matrix.norm())
    ratio = float(matrix.trace()) / norm if norm > 0 else float("nan")
    return ratio, float((torch.linalg.eigvalsh(matrix) > 0).double().mean())


class Settings(Protocol):
    """Settings of the subspaces and norms; see ``techniques.goldilocks``."""

    dimension: int
    draws: int
    smallest: float
    largest: float
    radii: int


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """Convexity of each loss in random subspaces at the initial points, scaled to a range of norms.

    Args:
        runs: all runs of a problem; runs that start from the same point share their measurements.
        settings: settings of the subspaces and norms.

    Returns:
        Variables over (trained_on, seed, loss, scale, draw), and the norms of the initial and final points over checkpoint.
    """
    scales = np.geomspace(settings.smallest, settings.largest, settings.radii)
    draws = range(settings.draws)
    memo: dict[tuple[int, bytes], np.ndarray] = {}

    def convexities(run: Run, origin: np.ndarray) -> np.ndarray:
        dimension = min(settings.dimension, len(origin))
        spaces = [runs.tensor(basis(len(origin), dimension, [run.seed, _STREAM, draw])) for draw in draws]
        return np.array([
            [
                [convexity(projected(runs.objective(loss), runs.tensor(scale * origin), rows)) for rows in spaces]
                for scale in scales
            ]
            for loss in runs.losses
        ])  # fmt: skip

    def measure(run: Run) -> xr.Dataset:
        origin = run.theta("init")
        key = run.seed, origin.tobytes()
        if key not in memo:
            memo[key] = convexities(run, origin)
        values = {
            "trace_ratio": memo[key][..., 0],
            "positive_share": memo[key][..., 1],
            "radius": scales * np.linalg.norm(origin),
            "norm": [np.linalg.norm(run.theta(c)) for c in _MARKED],
        }
        coordinates = {"loss": list(runs.losses), "scale": scales, "draw": list(draws), "checkpoint": list(_MARKED)}
        return FILE.dataset(values | coordinates, outside=RUN)

    return FILE.described(runs.collect(measure).assign_attrs(dimension=min(settings.dimension, runs.family.size)))
