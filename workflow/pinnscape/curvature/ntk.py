"""What the Hessian is made of: the Gauss-Newton part G, whose spectrum is that of the neural tangent kernel, and the remainder R = H - G.

For a sum of squares L = |r|² with Jacobian J = ∂r/∂theta, the Hessian is H = 2JᵀJ + R, and the kernel K = JJᵀ of the residual (Jacot et al. 2018;
for PINNs Wang, Yu & Perdikaris 2022) has the nonzero eigenvalues of JᵀJ. For Deep Ritz, G is the energy Gram matrix (see ``features``).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import xarray as xr

from pinnscape.common.formulations import PHYSICS
from pinnscape.curvature import split as parts
from pinnscape.curvature.split import ESTIMATES, NUMBERS, PARTS, Split, split
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import CHECKPOINT, LOSS, OF_RUNS, RUN
from pinnscape.linalg import eigen
from pinnscape.training.runs import Run, Runs

_POINT = (*RUN, "checkpoint", "loss")
_PART = (*_POINT, "part")
FILE = File(
    "ntk.nc",
    {
        "eigenvalue": Variable((*_PART, "eigen"), "eigenvalue of the Hessian and of its parts"),
        "kernel_eigenvalue": Variable(
            (*_POINT, "eigen"), "eigenvalue of the neural tangent kernel (Deep Ritz: energy Gram matrix)"
        ),
        "norm": Variable(_PART, "Frobenius norm"),
        "remainder_share": Variable(_POINT, "Frobenius norm of the remainder over that of the Hessian"),
        "angle": Variable(
            (*_POINT, "vector"), "principal angle between the top eigenspaces of Hessian and Gauss-Newton part", "degree"
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
        "eigen": Variable("eigen", "index of the eigenvalue, 0 the largest"),
        "vector": Variable("vector", "index of the principal angle, 0 the smallest"),
    },
    """\
Attribute `parameters`: P. With more than `techniques.ntk.eigensolver.dense_limit` parameters there are no matrices of P rows: `eigen` has the largest eigenvalues
alone, those of H and R by Lanczos, those of G all that are not zero if its kernel, of a row for each local quantity, is within the limit (then norm
and numbers of G are exact as well), else by Lanczos. What cannot be had is NaN, with the attribute `reason`.""",
)
_REASON = "NaN where {} needs matrices of more than techniques.ntk.eigensolver.dense_limit rows, or Lanczos has not converged"


class Settings(parts.Settings, Protocol):
    """Of the points and their eigenvalues; see ``techniques.ntk``."""

    checkpoints: tuple[str, ...]
    subspace: int


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """ntk.nc: both physics losses at some checkpoints of each run.

    Args:
        runs: of a problem.
        settings: of the points and of ``split``.
    """
    size = runs.discretization.network.size
    subspace = min(settings.subspace, size)
    memo: dict[tuple[str, bytes], Split] = {}  # all formulations start from the same parameters

    def at(loss: str, run: Run, checkpoint: str) -> Split:
        theta = run.theta(checkpoint)
        key = loss, theta.tobytes()
        if key not in memo:
            memo[key] = split(runs.objective(loss), runs.tensor(theta), subspace, settings, run.seed)
        return memo[key]

    def measure(run: Run) -> xr.Dataset:
        names = list(settings.checkpoints)
        return _dataset(names, [[at(loss, run, name) for loss in PHYSICS] for name in names], size)

    return FILE.described(runs.collect(measure))


def _dataset(checkpoints: list[str], splits: Sequence[Sequence[Split]], size: int) -> xr.Dataset:
    """Of splits by checkpoint and loss, of a network with P = ``size`` parameters."""
    first = splits[0][0]
    names = ["eigenvalue", "kernel_eigenvalue", "norm", "remainder_share", "angle", *NUMBERS, *first.estimates]
    values = {name: [[_value(s, name) for s in row] for row in splits] for name in names}
    what = dict.fromkeys(("eigenvalue", "kernel_eigenvalue", "norm", "remainder_share"), "it")
    what |= {"angle": "one of the eigenspaces", **dict.fromkeys(NUMBERS, "the whole spectrum")}
    notes = {name: {"reason": _REASON.format(text)} for name, text in what.items()}
    if not first.estimates:
        notes = {"condition_number": {"reason": eigen.WITHHELD}}
    coordinates = {"checkpoint": checkpoints, "loss": list(PHYSICS), "part": list(PARTS)}
    return FILE.dataset(values | coordinates, outside=RUN, notes=notes, attributes={"parameters": size})


def _value(split: Split, name: str) -> Any:
    """What a variable of the file holds."""
    for group in (split.numbers, split.estimates):
        if name in group:
            return group[name]
    return split.kernel if name == "kernel_eigenvalue" else getattr(split, name)
