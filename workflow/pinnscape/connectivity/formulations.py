"""Similarity of the two losses that claims compare: at each other's minimisers, on the line between these, and in curvature.

They are the physics losses of a boundary value problem, or two losses of a torch module, and called physics losses in the file.

The runs of one seed start from the same parameters for every loss. The straight line between their final points therefore needs
no permutation of neurons, and the distance between the final points measures how far the runs diverge from each other.
"""

from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.linalg.similarity import principal_angles, spectral_distance
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

_REASON = "NaN where Lanczos has not converged with more than techniques.formulations.eigensolver.dense_limit parameters"
_ERRORS = {"l2_error": "relative L2 error", "h1_error": "relative H1 error"}
_SNAPSHOT = (*RUN, "snapshot")
FILE = File(
    "formulations.nc",
    {
        "gap": Variable((*RUN, "loss"), "excess of the loss over that of the exact solution, at the final point"),
        **{name: Variable(RUN, f"{text} at the final point") for name, text in _ERRORS.items()},
        "snapshot_step": Variable(_SNAPSHOT, "optimisation step of the snapshot"),
        "eigenvalue": Variable((*_SNAPSHOT, "physics", "eigen"), "largest eigenvalues of the Hessians of both physics losses"),
        "angle": Variable((*_SNAPSHOT, "eigen"), "principal angle between the top eigenspaces of the physics losses", "degree"),
        "spectral_distance": Variable(
            _SNAPSHOT, "mean distance in decades between the scaled largest eigenvalues of both losses"
        ),
        "line_gap": Variable(("pair", "position", "loss"), "excess of the loss over that of the exact solution, on the line"),
        "initial_gap": Variable(("pair", "loss"), "excess of the loss over that of the exact solution, at the initial point"),
        "distance": Variable("pair", "distance between the minimisers of the two losses"),
        "travelled": Variable(("pair", "physics"), "distance of the minimiser from its initial point"),
    },
    {
        **OF_RUNS,
        **LOSS,
        "physics": Variable("physics", "physics loss to which the Hessian belongs, or that trained the minimiser"),
        "snapshot": Variable("snapshot", "index of the snapshot; the first and the last are those of the training run"),
        "eigen": Variable("eigen", "index, 0 for the largest eigenvalue and the smallest angle"),
        "position": Variable(
            "position", "position on the line from the minimiser of the first loss (0) to that of the second (1)"
        ),
        "pair": Variable("pair", "one pair of minimisers for each seed, in the order of the seeds"),
    },
    """\
With more than `techniques.formulations.eigensolver.dense_limit` parameters, eigenvalues and angles are NaN where Lanczos does
not
converge, and their attribute `reason` states this. There are no pairs if one of the two physics losses is not trained.""",
)


def gaps(runs: Runs, thetas: Tensor) -> np.ndarray:
    """Gaps (..., loss) of each loss at thetas (..., P), in the order of ``runs.losses``."""
    measured = runs.family.measure(thetas, "fields")
    return torch.stack([measured[name] - runs.objective(name).minimum for name in runs.losses], -1).cpu().numpy()


def top(
    objective: Objective, theta: Tensor, count: int, solver: EigensolverSettings, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` largest eigenvalues, descending, and their eigenvectors as rows (count, P).

    They are computed by Lanczos, which needs far fewer than P products. If Lanczos does not converge within the given number of
    steps, the dense Hessian is used up to the dense limit; beyond it the results are NaN. They are also NaN where the Hessian
    does not exist.

    Args:
        objective: the loss.
        theta: (P,).
        count: number of eigenvalues, at most P.
        solver: steps and tolerance of Lanczos, and the dense limit.
        seed: seed of the start vector.
    """
    absent = np.full(count, np.nan), np.full((count, theta.numel()), np.nan)
    if not bool(objective.gradient(theta).isfinite().all()):
        return absent
    try:
        found = eigenpairs(objective, theta, count, solver, smallest=False, seed=seed, lanczos_first=True)
    except DivergenceError:
        return absent
    values, rows = found.stated(count, f"largest eigenvalues of the {objective.name} loss")
    return values.cpu().numpy(), rows.cpu().numpy()


def spread(run: Run, count: int) -> np.ndarray:
    """Indices (count,) of snapshots of a run from the first to the last, evenly spaced in the logarithm of the step.

    If the run has too few snapshots, indices occur repeatedly.
    """
    steps = run.steps
    wanted = np.expm1(np.linspace(0.0, np.log1p(steps[-1]), count))
    return np.abs(steps[:, None] - wanted).argmin(0)


def dataset(runs: Runs, points: int, snapshots: int, subspace: int, solver: EigensolverSettings) -> xr.Dataset:
    """The dataset of formulations.nc.

    Args:
        runs: all runs of a problem.
        points: number of points on the line.
        snapshots: number of snapshots of each run.
        subspace: dimension of the top eigenspaces, and number of eigenvalues, that are compared.
        solver: see ``top``.
    """
    memo: dict[bytes, _Pair] = {}  # all formulations start from the same parameters
    along = runs.collect(lambda run: _along_training(runs, run, snapshots, subspace, solver, memo))
    between = _between(runs, points)
    return FILE.described(along.assign({name: FILE.variable(name, values) for name, values in between.items()}))


_Pair = list[tuple[np.ndarray, np.ndarray]]  # eigenvalues and eigenvectors of both physics losses


def _along_training(
    runs: Runs, run: Run, snapshots: int, subspace: int, solver: EigensolverSettings, memo: dict[bytes, _Pair]
) -> xr.Dataset:
    """Losses at the end of a run, and the two Hessians at some of its snapshots."""
    chosen, count = spread(run, snapshots), min(subspace, runs.family.size)
    angles, distances, values = [], [], []
    for index in chosen:
        theta, key = runs.tensor(run.snapshots[index]), run.snapshots[index].tobytes()
        if key not in memo:
            memo[key] = [top(runs.objective(f), theta, count, solver, run.seed) for f in runs.compared]
        (a, rows), (b, others) = memo[key]
        known = bool(np.isfinite(a).all() and np.isfinite(b).all())
        angles.append(principal_angles(rows, others) if known else np.full(count, np.nan))
        distances.append(spectral_distance(a, b, count) if known else np.nan)
        values.append([a, b])
    end = runs.tensor(run.theta())
    measured = {name: float(runs.family.measure(end)[name]) for name in _ERRORS}
    large = runs.family.size > solver.dense_limit
    withheld = {"reason": _REASON} if large else {}
    found = {
        "gap": gaps(runs, end),
        **measured,
        "snapshot_step": run.steps[chosen],
        "eigenvalue": values,
        "angle": angles,
        "spectral_distance": distances,
        "loss": list(runs.losses),
        "physics": list(runs.compared),
    }
    return FILE.dataset(found, outside=RUN, notes=dict.fromkeys(("eigenvalue", "angle", "spectral_distance"), withheld))


def _between(runs: Runs, points: int) -> dict[str, Any]:
    """Losses from the Deep Ritz to the strong-form minimiser of each seed; no pairs if one of the losses was not trained."""
    both = set(runs.compared) <= set(runs.formulations)
    alpha = torch.linspace(0.0, 1.0, points, dtype=torch.float64, device=runs.family.device).unsqueeze(-1)
    lines, lengths, travelled, initial = [], [], [], []
    for seed in runs.seeds if both else ():
        first, last = (runs.tensor(runs.run(f, seed).theta()) for f in runs.compared)
        lines.append(gaps(runs, (1 - alpha) * first + alpha * last))
        lengths.append(float((last - first).norm()))
        starts = [runs.tensor(runs.run(f, seed).theta("init")) for f in runs.compared]
        initial.append(gaps(runs, starts[0]))
        travelled.append([float((end - start).norm()) for end, start in zip((first, last), starts, strict=True)])
    shape = len(lines), points, len(runs.losses)
    return {
        "line_gap": np.reshape(lines, shape),
        "initial_gap": np.reshape(initial, (shape[0], shape[2])),
        "distance": np.reshape(lengths, shape[0]),
        "travelled": np.reshape(travelled, (shape[0], 2)),
        "position": np.linspace(0.0, 1.0, points),
    }
