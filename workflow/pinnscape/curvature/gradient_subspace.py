"""Share of the gradient in the top eigenspace of the Hessian along training, and drift of this space (Gur-Ari et al. 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, RUN
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs
from pinnscape.training.snapshots import logarithmic

_POINT = (*RUN, "point")
FILE = File(
    "gradient_subspace.nc",
    {
        "step": Variable(_POINT, "optimisation step of the snapshot"),
        "gradient_norm": Variable(_POINT, "norm of the gradient of the training loss"),
        "share": Variable(
            (*_POINT, "k"), "share of the squared norm of the gradient in the eigenspace of the k largest eigenvalues"
        ),
        "overlap_next": Variable(
            (*_POINT, "k"), "overlap tr(P P')/k of the projectors onto the top eigenspaces at this and at the next point"
        ),
        "overlap_final": Variable(
            (*_POINT, "k"), "overlap tr(P P')/k of the projectors onto the top eigenspaces at this and at the final point"
        ),
        "gap": Variable(
            (*_POINT, "k"),
            "distance from the k-th to the next eigenvalue relative to the largest: how well the eigenspace is defined",
        ),
        "eigenvalue": Variable(
            (*_POINT, "eigen"), "largest eigenvalues of the Hessian of the training loss, NaN where not verified"
        ),
        "residual": Variable(
            _POINT,
            "largest residual norm of these eigenpairs, from separate Hessian-vector products, "
            "relative to the largest eigenvalue in magnitude",
        ),
        "random_share": Variable(
            (*RUN, "k"), "expected share of a random direction in the eigenspace, and expected overlap of random spaces"
        ),
    },
    {
        **OF_RUNS,
        "point": Variable("point", "index of the point along training"),
        "k": Variable("k", "dimension of the top eigenspace"),
        "eigen": Variable("eigen", "index of the eigenvalue, 0 for the largest"),
    },
)


@dataclass(frozen=True)
class Top:
    """The largest eigenpairs at a point, in descending order.

    All pairs are NaN where the loss does not exist; otherwise the first pair that is not verified and all later ones are NaN.

    Attributes:
        values: eigenvalues (m,).
        rows: unit eigenvectors (m, P).
        residual: largest ‖Hv - λv‖ relative to the largest |λ|.
    """

    values: Tensor
    rows: Tensor
    residual: float


def top(objective: Objective, theta: Tensor, count: int, solver: EigensolverSettings, seed: int) -> Top:
    """The ``count`` largest eigenpairs of the Hessian at theta (P,), or all P of them if ``count`` exceeds P.

    Args:
        objective: the loss.
        theta: (P,).
        count: number of eigenpairs.
        solver: settings of the eigensolver: the dense Hessian is used up to its limit, beyond it the Lanczos process, which
            needs far fewer than P products.
        seed: seed of the Lanczos start vector.
    """
    count = min(count, theta.numel())
    nothing = Top(theta.new_full((count,), torch.nan), theta.new_full((count, theta.numel()), torch.nan), float("nan"))
    if not bool(objective.loss_and_gradient(theta)[0].isfinite()):
        return nothing
    try:
        found = eigenpairs(objective, theta, count, solver, smallest=False, seed=seed)
    except DivergenceError:  # the loss exists, but its second derivatives do not
        return nothing
    # A pair that is not verified need not be one of the largest, and a space that may lack one of them is not the eigenspace.
    known = found.verified[:count].cummin(0).values if count else found.verified
    values = torch.where(known, found.values[:count], torch.nan)
    rows = torch.where(known[:, None], found.vectors[:count], torch.nan)
    verified = int(values.isfinite().sum())
    if not verified:
        return nothing
    kept, vectors = values[:verified], rows[:verified]
    size = kept.abs().max()
    residual = (objective.hessian_product(theta, vectors) - kept[:, None] * vectors).norm(dim=-1).max()
    return Top(values, rows, float(residual / size) if float(size) else float(residual))


def share(gradient: Tensor, rows: Tensor, k: int) -> float:
    """‖P_k g‖²/‖g‖² for a gradient g (P,) and the projector P_k onto the first k of m orthonormal rows (m, P).

    It is NaN if the gradient vanishes or k > m.
    """
    norm = float(gradient.norm())
    if k > len(rows) or norm == 0.0:
        return float("nan")
    return float((rows[:k] @ (gradient / norm)).square().sum())


def overlap(rows: Tensor, others: Tensor, k: int) -> float:
    """tr(P_k P'_k)/k for the projectors onto the first k rows of each argument.

    It is 1 for equal spaces, on average k/P for random ones, and NaN if either argument has fewer than k rows.
    """
    if k > min(len(rows), len(others)):
        return float("nan")
    return float((rows[:k] @ others[:k].T).square().sum() / k)


def along(
    objective: Objective, points: Tensor, dimensions: Sequence[int], solver: EigensolverSettings, seed: int
) -> dict[str, np.ndarray]:
    """Shares and overlaps at points (n, P) along a training run; the last point is the final one.

    Args:
        objective: the loss.
        points: (n, P).
        dimensions: the values of k.
        solver: see ``top``.
        seed: seed of the Lanczos start vectors.

    Returns:
        The variables of the file except ``step`` and ``random_share``.
    """
    # One eigenpair more than required, for the gap after the last one.
    tops = [top(objective, theta, max(dimensions) + 1, solver, seed) for theta in points]
    gradients = [_gradient(objective, theta) for theta in points]
    following = [*tops[1:], None]
    return {
        "gradient_norm": np.array([float(g.norm()) for g in gradients]),
        "share": np.array([[share(g, t.rows, k) for k in dimensions] for g, t in zip(gradients, tops, strict=True)]),
        "overlap_next": np.array(
            [[overlap(t.rows, n.rows, k) if n else np.nan for k in dimensions] for t, n in zip(tops, following, strict=True)]
        ),
        "overlap_final": np.array([[overlap(t.rows, tops[-1].rows, k) for k in dimensions] for t in tops]),
        "gap": np.array([[_gap(t.values, k) for k in dimensions] for t in tops]),
        "eigenvalue": np.stack([_padded(t.values.cpu().numpy(), max(dimensions)) for t in tops]),
        "residual": np.array([t.residual for t in tops]),
    }


def dataset(runs: Runs, points: int, dimensions: Sequence[int], solver: EigensolverSettings) -> xr.Dataset:
    """The dataset of gradient_subspace.nc: gradients and top eigenspaces of the loss that each run minimised, along the run.

    Args:
        runs: all runs of one problem.
        points: number of snapshots that are analysed.
        dimensions: the values of k.
        solver: see ``top``.
    """
    dimensions, count = sorted(dimensions), points

    def measure(run: Run) -> xr.Dataset:
        at = logarithmic(run.steps, count)
        values: dict[str, np.ndarray] = {"step": run.steps[at].astype(float)}
        objective = runs.objective(run.trained_on)
        values |= along(objective, runs.tensor(run.snapshots[at]), dimensions, solver, run.seed)
        padded = {name: _padded(array, count) for name, array in values.items()}
        random = np.array([k / objective.size if k <= objective.size else np.nan for k in dimensions])
        return FILE.dataset(padded | {"random_share": random, "k": dimensions}, outside=RUN)

    return FILE.described(runs.collect(measure))


def _gradient(objective: Objective, theta: Tensor) -> Tensor:
    """Gradient (P,); NaN where the loss does not exist."""
    loss, gradient = objective.loss_and_gradient(theta)
    return gradient if bool(loss.isfinite()) else torch.full_like(gradient, torch.nan)


def _gap(values: Tensor, k: int) -> float:
    size = float(values.nan_to_num(0.0).abs().max())
    return float((values[k - 1] - values[k]) / size) if k < len(values) and size else float("nan")


def _padded(values: np.ndarray, count: int) -> np.ndarray:
    """The first ``count`` rows, padded with rows of NaN if there are fewer."""
    values = values[:count]
    return np.concatenate([values, np.full((count - len(values), *values.shape[1:]), np.nan)])
