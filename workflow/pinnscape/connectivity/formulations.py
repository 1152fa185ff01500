"""How alike the two physics losses are beyond a plane: at each other's minimisers, between these, and in curvature along training.

The runs of one seed start from the same parameters whatever their loss, so the straight line between their ends needs no permutation of neurons;
the distance of the ends says how far apart they went.
"""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.storage import variable
from pinnscape.linalg.similarity import principal_angles, spectral_distance
from pinnscape.losses.formulations import FORMULATIONS, PHYSICS
from pinnscape.losses.objective import Discretization, Objective
from pinnscape.training.runs import Run, Runs

_REASON = "NaN where Lanczos has not converged; there are more parameters than techniques.formulations.eigensolver.dense_limit"
_ERRORS = {"l2_error": "relative L2 error", "h1_error": "relative H1 error"}


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
    values, rows = found.stated(count, f"largest eigenvalues of the {objective.formulation} loss")
    return values.cpu().numpy(), rows.cpu().numpy()


def spread(run: Run, count: int) -> np.ndarray:
    """Indices of at most ``count`` snapshots of a run: first, last, and between them evenly in the logarithm of the step."""
    steps = run.steps
    wanted = np.expm1(np.linspace(0.0, np.log1p(steps[-1]), count))
    return np.abs(steps[:, None] - wanted).argmin(0)


def dataset(runs: Runs, points: int, snapshots: int, subspace: int, solver: EigensolverSettings) -> xr.Dataset:
    """formulations.nc: see results/README.md.

    Args:
        runs: of a problem.
        points: of the line.
        snapshots: number of them.
        subspace: dimension of the top eigenspaces, and number of eigenvalues, that are compared.
        solver: see ``top``.
    """
    memo: dict[bytes, _Pair] = {}  # all formulations start from the same parameters
    along = runs.collect(lambda run: _along_training(runs, run, snapshots, subspace, solver, memo))
    return along.assign_coords(position=("position", np.linspace(0.0, 1.0, points))).assign(_between(runs, points))


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
    variables = {
        "gap": variable("loss", gaps(runs.discretization, end), "loss above that of the exact solution, at the final point"),
        **{name: variable((), measured[name], f"{text} at the final point") for name, text in _ERRORS.items()},
        "snapshot_step": variable("snapshot", run.steps[chosen], "optimisation step of the snapshot"),
        "eigenvalue": variable(
            ("snapshot", "physics", "eigen"), values, "largest eigenvalues of the Hessians of both physics losses", **withheld
        ),
        "angle": variable(
            ("snapshot", "eigen"),
            angles,
            "principal angle in degrees between the top eigenspaces of the physics losses",
            **withheld,
        ),
        "spectral_distance": variable(
            "snapshot", distances, "mean distance of the scaled largest eigenvalues in decades", **withheld
        ),
    }
    coordinates = {
        "loss": list(FORMULATIONS),
        "physics": list(PHYSICS),
        "snapshot": variable(
            "snapshot", np.arange(len(chosen)), "number of the snapshot, first and last those of the training"
        ),
        "eigen": variable("eigen", np.arange(count), "index, 0 the largest eigenvalue and the smallest angle"),
    }
    return xr.Dataset(variables, coordinates)


def _between(runs: Runs, points: int) -> dict[str, tuple]:
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
    pair = {"comment": "one pair for each seed, in the order of the seeds"}
    return {
        "line_gap": variable(
            ("pair", "position", "loss"), np.reshape(lines, shape), "loss above that of the exact solution, on the line", **pair
        ),
        "initial_gap": variable(
            ("pair", "loss"),
            np.reshape(initial, (shape[0], shape[2])),
            "loss above that of the exact solution, at the start",
            **pair,
        ),
        "distance": variable(
            "pair", np.reshape(lengths, shape[0]), "distance of the strong-form from the Deep Ritz minimiser", **pair
        ),
        "travelled": variable(
            ("pair", "physics"),
            np.reshape(travelled, (shape[0], 2)),
            "distance of the minimiser from its initial point",
            **pair,
        ),
    }
