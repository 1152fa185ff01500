"""Decomposition of the Hessian H into its Gauss-Newton part G and the remainder R = H - G, and the neural tangent kernel.

For a sum of squares L = |r|² with Jacobian J = ∂r/∂theta, the Hessian is H = 2JᵀJ + R, and the neural tangent kernel K = JJᵀ of
the residual (Jacot et al. 2018; for PINNs Wang, Yu & Perdikaris 2022) has the nonzero eigenvalues of JᵀJ. For Deep Ritz, G is
the energy Gram matrix (see ``losses.gauss_newton``).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.curvature import split as parts
from pinnscape.curvature.split import ESTIMATES, NUMBERS, PARTS, Split, known, split
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import CHECKPOINT, LOSS, OF_RUNS, RUN
from pinnscape.linalg import eigen
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.gauss_newton import differentiated, gauss_newton, kernel, kernel_size, kernel_traces
from pinnscape.training.runs import Run, Runs

_POINT = (*RUN, "checkpoint", "loss")
_TERM = (*RUN, "checkpoint", "term")
_TERMS = "sums of squares of several terms"
_PART = (*_POINT, "part")
FILE = File(
    "ntk.nc",
    {
        "eigenvalue": Variable((*_PART, "eigen"), "eigenvalue of the Hessian or of its part"),
        "kernel_eigenvalue": Variable(
            (*_POINT, "eigen"), "eigenvalue of the neural tangent kernel (Deep Ritz: energy Gram matrix)"
        ),
        "norm": Variable(_PART, "Frobenius norm"),
        "remainder_share": Variable(_POINT, "Frobenius norm of the remainder relative to that of the Hessian"),
        "angle": Variable(
            (*_POINT, "vector"),
            "principal angle between the top eigenspaces of the Hessian and of its Gauss-Newton part",
            "degree",
        ),
        "term_kernel_trace": Variable(_TERM, "trace of the diagonal block of the kernel for a single term", only=_TERMS),
        "term_kernel_eigenvalue": Variable(
            (*_TERM, "term_eigen"), "largest eigenvalues of this block, NaN above the dense limit", only=_TERMS
        ),
        **{name: Variable(_PART, text) for name, text in NUMBERS.items()},
        **{
            name: Variable(
                (*_POINT, *dims), text, "degree" if name == "angle_error" else "1", only="above eigensolver.dense_limit"
            )
            for name, (dims, text) in ESTIMATES.items()
        },
    },
    {
        **OF_RUNS,
        **CHECKPOINT,
        **LOSS,
        "part": Variable("part", "the Hessian H, its Gauss-Newton part G, or the remainder R = H - G"),
        "eigen": Variable("eigen", "index of the eigenvalue, 0 for the largest"),
        "vector": Variable("vector", "index of the principal angle, 0 for the smallest"),
        "term": Variable("term", "term of a loss, named loss/term such as strong-form/interior", only=_TERMS),
        "term_eigen": Variable("term_eigen", "index of the eigenvalue of a block, 0 for the largest", only=_TERMS),
    },
    """\
The attribute `parameters` is P. With more than `techniques.ntk.eigensolver.dense_limit` parameters, no matrices with P rows are
formed, and `eigen` holds the largest eigenvalues only. Those of H and R are computed by Lanczos. The kernel of G has one row
for each local quantity. If it is within the limit, it gives all nonzero eigenvalues of G, and the norm and all other numbers of
G are exact as well; otherwise the eigenvalues of G are computed by Lanczos too. Quantities that cannot be computed are NaN, and
their attribute `reason` states why.""",
)
_MOST = 10  # number of stored eigenvalues of a block
_REASON = "NaN where {} needs matrices of more than techniques.ntk.eigensolver.dense_limit rows, or Lanczos has not converged"


class Settings(parts.Settings, Protocol):
    """Settings of the points and their eigenvalues; see ``techniques.ntk``."""

    checkpoints: tuple[str, ...]
    subspace: int


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """The dataset of ntk.nc: the losses that contain the differential equation, at the chosen checkpoints of each run.

    Args:
        runs: all runs of a problem.
        settings: settings of the points and of ``split``.
    """
    size = runs.family.size
    subspace = min(settings.subspace, size)
    kernels = [kernel_size(differentiated(runs.objective(loss))) for loss in runs.physics]
    count = known(size, kernels, subspace, settings.eigensolver.dense_limit)
    memo: dict[tuple[str, bytes], Split] = {}  # all formulations start from the same parameters

    def at(loss: str, run: Run, checkpoint: str) -> Split:
        theta = run.theta(checkpoint)
        key = loss, theta.tobytes()
        if key not in memo:
            memo[key] = split(differentiated(runs.objective(loss)), runs.tensor(theta), count, subspace, settings, run.seed)
        return memo[key]

    def measure(run: Run) -> xr.Dataset:
        names = list(settings.checkpoints)
        whole = _dataset(names, runs.physics, [[at(loss, run, name) for loss in runs.physics] for name in names], size)
        points = [runs.tensor(run.theta(name)) for name in names]
        return whole.assign(_of_terms([runs.objective(loss) for loss in runs.physics], points, settings))

    return FILE.described(runs.collect(measure))


def _dataset(checkpoints: list[str], losses: Sequence[str], splits: Sequence[Sequence[Split]], size: int) -> xr.Dataset:
    """The dataset of splits by checkpoint and loss, for a network with P = ``size`` parameters."""
    first = splits[0][0]
    names = ["eigenvalue", "kernel_eigenvalue", "norm", "remainder_share", "angle", *NUMBERS, *first.estimates]
    values = {name: [[_value(s, name) for s in row] for row in splits] for name in names}
    what = dict.fromkeys(("eigenvalue", "kernel_eigenvalue", "norm", "remainder_share"), "the quantity")
    what |= {"angle": "one of the eigenspaces", **dict.fromkeys(NUMBERS, "the whole spectrum")}
    notes = {name: {"reason": _REASON.format(text)} for name, text in what.items()}
    if not first.estimates:
        notes = {"condition_number": {"reason": eigen.WITHHELD}}
    coordinates = {"checkpoint": checkpoints, "loss": list(losses), "part": list(PARTS)}
    return FILE.dataset(values | coordinates, outside=RUN, notes=notes, attributes={"parameters": size})


def _of_terms(objectives: Sequence[Any], thetas: Sequence[Tensor], settings: Settings) -> dict[str, Any]:
    """Variables of the kernel blocks of single terms; empty if no loss is a sum of squares of several terms.

    Args:
        objectives: the losses.
        thetas: parameters (P,) at each checkpoint.
        settings: settings with the dense limit.
    """
    fields = [objective for objective in objectives if isinstance(objective, FieldObjective)]
    several = [objective for objective in fields if len(objective.names) > 1 and objective.is_squared]
    if not several:
        return {}
    terms = [
        (full, objective.only(short))
        for objective in several
        for full, short in zip(objective.names, objective.short_names, strict=True)
    ]
    values = {
        "term_kernel_trace": [[kernel_traces(term, theta)[name] for name, term in terms] for theta in thetas],
        "term_kernel_eigenvalue": [[_block_eigenvalues(term, theta, settings) for _, term in terms] for theta in thetas],
        "term": [name for name, _ in terms],
    }
    return {name: FILE.variable(name, found, outside=RUN) for name, found in values.items()}


def _block_eigenvalues(term: Any, theta: Tensor, settings: Settings) -> np.ndarray:
    """The largest eigenvalues (``_MOST``,) of the kernel block of a term at theta (P,), descending, padded with zeros.

    They are NaN if both the number of local quantities and P are above the dense limit.
    """
    found, limit = np.zeros(_MOST), settings.eigensolver.dense_limit
    if min(kernel_size(term), theta.numel()) > limit:
        return np.full(_MOST, np.nan)
    matrix = kernel(term, theta) if kernel_size(term) <= limit else 0.5 * gauss_newton(term, theta)
    values = torch.linalg.eigvalsh(matrix).flip(0)[:_MOST].cpu().numpy()
    found[: len(values)] = values
    return found


def _value(split: Split, name: str) -> Any:
    """The values of the variable ``name`` of the file."""
    for group in (split.numbers, split.estimates):
        if name in group:
            return group[name]
    return split.kernel if name == "kernel_eigenvalue" else getattr(split, name)
