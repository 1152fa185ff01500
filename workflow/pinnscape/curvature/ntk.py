"""What the Hessian is made of: the Gauss-Newton part G, whose spectrum is that of the neural tangent kernel, and the remainder R = H - G.

For a sum of squares L = |r|² with Jacobian J = ∂r/∂theta, the Hessian is H = 2JᵀJ + R, and the kernel K = JJᵀ of the residual (Jacot et al. 2018;
for PINNs Wang, Yu & Perdikaris 2022) has the nonzero eigenvalues of JᵀJ. For Deep Ritz, G is the energy Gram matrix (see ``features``).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr

from pinnscape.curvature import split as parts
from pinnscape.curvature.split import ESTIMATES, NUMBERS, PARTS, Split, split
from pinnscape.files.storage import variable
from pinnscape.linalg import eigen
from pinnscape.losses.formulations import PHYSICS
from pinnscape.training.runs import Run, Runs

_REASON = "NaN where {} needs matrices of more than techniques.ntk.eigensolver.dense_limit rows, or Lanczos has not converged"


class Settings(parts.Settings, Protocol):
    """Of the points and their eigenvalues; see ``techniques.ntk``."""

    checkpoints: tuple[str, ...]
    subspace: int


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """ntk.nc: both physics losses at some checkpoints of each run; see results/README.md.

    Args:
        runs: of a problem.
        settings: of the points and of ``split``.
    """
    size = runs.discretization.network.size
    subspace = min(settings.subspace, size)
    memo: dict[tuple[str, bytes], Split] = {}  # all formulations start from the same parameters

    def at(formulation: str, run: Run, checkpoint: str) -> Split:
        theta = run.theta(checkpoint)
        key = formulation, theta.tobytes()
        if key not in memo:
            memo[key] = split(runs.objective(formulation), runs.tensor(theta), subspace, settings, run.seed)
        return memo[key]

    def measure(run: Run) -> xr.Dataset:
        names = list(settings.checkpoints)
        return _dataset(names, [[at(loss, run, name) for loss in PHYSICS] for name in names], size)

    return runs.collect(measure)


def _dataset(checkpoints: list[str], splits: Sequence[Sequence[Split]], size: int) -> xr.Dataset:
    """Of splits by checkpoint and loss, of a network with P = ``size`` parameters."""
    outer, first = ("checkpoint", "loss"), splits[0][0]

    def stacked(inner: tuple[str, ...], values: str, long_name: str, withheld: str = "") -> tuple:
        reason = {"reason": _REASON.format(withheld)} if withheld and first.estimates else {}
        return variable((*outer, *inner), [[_value(s, values) for s in row] for row in splits], long_name, **reason)

    variables = {
        "eigenvalue": stacked(("part", "eigen"), "eigenvalue", "eigenvalue of the Hessian and of its parts", "it"),
        "kernel_eigenvalue": stacked(
            ("eigen",), "kernel", "eigenvalue of the neural tangent kernel (Deep Ritz: energy Gram matrix)", "it"
        ),
        "norm": stacked(("part",), "norm", "Frobenius norm", "it"),
        "remainder_share": stacked((), "remainder_share", "Frobenius norm of the remainder over that of the Hessian", "it"),
        "angle": stacked(
            ("vector",),
            "angle",
            "principal angle in degrees between the top eigenspaces of Hessian and Gauss-Newton part",
            "one of the eigenspaces",
        ),
    }
    for name, text in NUMBERS.items():
        variables[name] = stacked(("part",), name, text, "the whole spectrum")
        if name == "condition_number" and not first.estimates:
            variables[name][2]["reason"] = eigen.WITHHELD
    if first.estimates:
        variables |= {name: stacked(dims, name, text) for name, (dims, text) in ESTIMATES.items()}
    coordinates = {
        "checkpoint": checkpoints,
        "loss": list(PHYSICS),
        "part": list(PARTS),
        "eigen": variable("eigen", np.arange(len(first.kernel)), "index of the eigenvalue, 0 the largest"),
        "vector": variable("vector", np.arange(len(first.angle)), "index of the principal angle, 0 the smallest"),
    }
    return xr.Dataset(variables, coordinates, {"parameters": size})


def _value(split: Split, name: str) -> Any:
    """What a variable of the file holds."""
    for group in (split.numbers, split.estimates):
        if name in group:
            return group[name]
    return getattr(split, name)
