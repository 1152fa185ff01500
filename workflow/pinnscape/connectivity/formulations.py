"""How alike the two physics losses are beyond a plane: at each other's minimisers, between these, and in curvature along training.

The runs of one seed start from the same parameters whatever their loss, so the straight line between their ends needs no permutation of neurons;
the distance of the ends says how far apart they went.
"""

from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.common.formulations import FORMULATIONS, PHYSICS
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.linalg.similarity import principal_angles, spectral_distance
from pinnscape.losses.objective import Discretization, Objective
from pinnscape.training.runs import Run, Runs

_REASON = "NaN where Lanczos has not converged; there are more parameters than techniques.formulations.eigensolver.dense_limit"
_ERRORS = {"l2_error": "relative L2 error", "h1_error": "relative H1 error"}
_SNAPSHOT = (*RUN, "snapshot")
FILE = File(
    "formulations.nc",
    {
        "gap": Variable((*RUN, "loss"), "loss above that of the exact solution, at the final point"),
        **{name: Variable(RUN, f"{text} at the final point") for name, text in _ERRORS.items()},
        "snapshot_step": Variable(_SNAPSHOT, "optimisation step of the snapshot"),
        "eigenvalue": Variable((*_SNAPSHOT, "physics", "eigen"), "largest eigenvalues of the Hessians of both physics losses"),
        "angle": Variable((*_SNAPSHOT, "eigen"), "principal angle between the top eigenspaces of the physics losses", "degree"),
        "spectral_distance": Variable(_SNAPSHOT, "mean distance of the scaled largest eigenvalues in decades"),
        "line_gap": Variable(("pair", "position", "loss"), "loss above that of the exact solution, on the line"),
        "initial_gap": Variable(("pair", "loss"), "loss above that of the exact solution, at the start"),
        "distance": Variable("pair", "distance of the strong-form from the Deep Ritz minimiser"),
        "travelled": Variable(("pair", "physics"), "distance of the minimiser from its initial point"),
    },
    {
        **OF_RUNS,
        **LOSS,
        "physics": Variable("physics", "physics loss: its Hessian, or the loss that was trained"),
        "snapshot": Variable("snapshot", "number of the snapshot, first and last those of the training"),
        "eigen": Variable("eigen", "index, 0 the largest eigenvalue and the smallest angle"),
        "position": Variable("position", "position on the line from the Deep Ritz (0) to the strong-form (1) minimiser"),
        "pair": Variable("pair", "one pair of minimisers for each seed, in the order of the seeds"),
    },
    """\
With more than `techniques.formulations.dense_limit` parameters, eigenvalues and angles are NaN where Lanczos does not converge, with the attribute
`reason`. There are no pairs where one of the physics losses was not trained.""",
)


def gaps(discretization: Discretization, thetas: Tensor) -> np.ndarray:
    """Every loss above that of the exact solution (..., loss) at thetas (..., P), in the order of ``FORMULATIONS``."""
    measured = discretization.measure(thetas)
    minima = [Objective(discretization, name).minimum for name in FORMULATIONS]
    return torch.stack([measured[f] - m for f, m in zip(FORMULATIONS, minima, strict=True)], -1).cpu().numpy()


def top(
    objective: Objective, theta: Tensor, count: int, solver: EigensolverSettings, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` largest eigenvalues, descending, and their eigenvectors as rows (count, P); NaN where there is no Hessian.

    By Lanczos, which needs far fewer products than there are parameters. Where it does not converge within the steps, densely up to the dense limit;
    NaN beyond.

    Args:
        objective: the loss.
        theta: (P,).
        count: at most P.
        solver: steps and tolerance of Lanczos, and the dense limit.
        seed: of the start vector.
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
    """Indices of at most ``count`` snapshots of a run: first, last, and between them evenly in the logarithm of the step."""
    steps = run.steps
    wanted = np.expm1(np.linspace(0.0, np.log1p(steps[-1]), count))
    return np.abs(steps[:, None] - wanted).argmin(0)


def dataset(runs: Runs, points: int, snapshots: int, subspace: int, solver: EigensolverSettings) -> xr.Dataset:
    """formulations.nc.

    Args:
        runs: of a problem.
        points: of the line.
        snapshots: number of them.
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
    chosen, count = spread(run, snapshots), min(subspace, runs.discretization.network.size)
    angles, distances, values = [], [], []
    for index in chosen:
        theta, key = runs.tensor(run.snapshots[index]), run.snapshots[index].tobytes()
        if key not in memo:
            memo[key] = [top(runs.objective(f), theta, count, solver, run.seed) for f in PHYSICS]
        (a, rows), (b, others) = memo[key]
        known = bool(np.isfinite(a).all() and np.isfinite(b).all())
        angles.append(principal_angles(rows, others) if known else np.full(count, np.nan))
        distances.append(spectral_distance(a, b, count) if known else np.nan)
        values.append([a, b])
    end = runs.tensor(run.theta())
    measured = {name: float(runs.discretization.measure(end)[name]) for name in _ERRORS}
    large = runs.discretization.network.size > solver.dense_limit
    withheld = {"reason": _REASON} if large else {}
    found = {
        "gap": gaps(runs.discretization, end),
        **measured,
        "snapshot_step": run.steps[chosen],
        "eigenvalue": values,
        "angle": angles,
        "spectral_distance": distances,
        "loss": list(FORMULATIONS),
        "physics": list(PHYSICS),
    }
    return FILE.dataset(found, outside=RUN, notes=dict.fromkeys(("eigenvalue", "angle", "spectral_distance"), withheld))


def _between(runs: Runs, points: int) -> dict[str, Any]:
    """Losses from the Deep Ritz to the strong-form minimiser of each seed; no pairs where one of the two was not trained."""
    both = set(PHYSICS) <= set(runs.formulations)
    alpha = torch.linspace(0.0, 1.0, points, dtype=torch.float64, device=runs.discretization.device).unsqueeze(-1)
    lines, lengths, travelled, initial = [], [], [], []
    for seed in runs.seeds if both else ():
        first, last = (runs.tensor(runs.run(f, seed).theta()) for f in PHYSICS)
        lines.append(gaps(runs.discretization, (1 - alpha) * first + alpha * last))
        lengths.append(float((last - first).norm()))
        starts = [runs.tensor(runs.run(f, seed).theta("init")) for f in PHYSICS]
        initial.append(gaps(runs.discretization, starts[0]))
        travelled.append([float((end - start).norm()) for end, start in zip((first, last), starts, strict=True)])
    shape = len(lines), points, len(FORMULATIONS)
    return {
        "line_gap": np.reshape(lines, shape),
        "initial_gap": np.reshape(initial, (shape[0], shape[2])),
        "distance": np.reshape(lengths, shape[0]),
        "travelled": np.reshape(travelled, (shape[0], 2)),
        "position": np.linspace(0.0, 1.0, points),
    }
