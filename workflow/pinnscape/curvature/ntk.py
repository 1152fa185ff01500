"""What the Hessian is made of: the Gauss-Newton part G, whose spectrum is that of the neural tangent kernel, and the remainder R = H - G.

For a sum of squares L = |r|² with Jacobian J = ∂r/∂theta, the Hessian is H = 2JᵀJ + R, and the kernel K = JJᵀ of the residual (Jacot et al. 2018;
for PINNs Wang, Yu & Perdikaris 2022) has the nonzero eigenvalues of JᵀJ. For Deep Ritz, G is the energy Gram matrix (see ``features``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape import features
from pinnscape.curvature import dense
from pinnscape.errors import DivergenceError
from pinnscape.formulations import PHYSICS
from pinnscape.landscape.similarity import principal_angles
from pinnscape.objective import Objective
from pinnscape.runs import Run, Runs
from pinnscape.storage import variable

PARTS = ("hessian", "gauss-newton", "remainder")
_NUMBERS = {
    "effective_rank": "effective rank",
    "condition_number": "condition number outside the null space",
    "negative": "number of negative eigenvalues",
    "null": "number of numerically zero eigenvalues",
}


@dataclass(frozen=True)
class Split:
    """The Hessian at a point and its two parts.

    Attributes:
        eigenvalue: of H, G and R (3, P), descending; NaN where the loss does not exist.
        kernel: the P largest eigenvalues (P,) of the kernel, filled up with zeros (for Deep Ritz those of G).
        norm: Frobenius norms (3,) of H, G and R.
        angle: principal angles (k,) in degrees between the top eigenspaces of H and G, ascending.
        numbers: effective rank, condition number, negative and null eigenvalues (3,) of each.
    """

    eigenvalue: np.ndarray
    kernel: np.ndarray
    norm: np.ndarray
    angle: np.ndarray
    numbers: Mapping[str, np.ndarray]

    @property
    def remainder_share(self) -> float:
        """|R|_F / |H|_F."""
        return float(self.norm[2] / self.norm[0])


def kernel_eigenvalues(jacobian: Tensor) -> Tensor:
    """The P largest eigenvalues (P,) of JJᵀ, descending, from the singular values of J (m, P): squaring J first would halve their digits."""
    m, size = jacobian.shape
    return torch.nn.functional.pad(torch.linalg.svdvals(jacobian) ** 2, (0, max(0, size - m)))


def split(objective: Objective, theta: Tensor, subspace: int, null_tolerance: float) -> Split:
    """Measure H, G and R at theta (P,).

    Args:
        objective: the loss.
        theta: (P,).
        subspace: dimension k of the top eigenspaces that are compared, at most P.
        null_tolerance: as in ``dense.summary``.
    """
    try:
        hessian = dense.hessian(objective, theta)
    except DivergenceError:
        return _absent(objective.size, subspace)
    if objective.formulation == "deep-ritz":
        gauss_newton = features.energy_gram(objective.discretization, theta)
        kernel = values = dense.eigenpairs(gauss_newton)[0]
    else:
        jacobian = features.jacobian(objective, theta)
        gauss_newton, kernel = 2.0 * jacobian.T @ jacobian, kernel_eigenvalues(jacobian)
        values = 2.0 * kernel
    parts = hessian, gauss_newton, hessian - gauss_newton
    (own, top), (_, other), (rest, _) = (dense.eigenpairs(part) for part in parts)
    eigenvalue = torch.stack([own, values, rest]).cpu().numpy()
    return Split(
        eigenvalue,
        kernel.cpu().numpy(),
        np.array([float(part.norm()) for part in parts]),
        principal_angles(top[:subspace].cpu().numpy(), other[:subspace].cpu().numpy()),
        _numbers(eigenvalue, null_tolerance),
    )


def _numbers(eigenvalue: np.ndarray, null_tolerance: float) -> dict[str, np.ndarray]:
    rows = [dense.summary(values, null_tolerance).numbers for values in eigenvalue]
    return {name: np.array([row[name] for row in rows]) for name in _NUMBERS}


def _absent(size: int, subspace: int) -> Split:
    nan = np.full(len(PARTS), np.nan)
    return Split(
        np.full((3, size), np.nan), np.full(size, np.nan), nan, np.full(subspace, np.nan), dict.fromkeys(_NUMBERS, nan)
    )


def dataset(runs: Runs, settings: Mapping[str, Any]) -> xr.Dataset:
    """ntk.nc: both physics losses at some checkpoints of each run; see results/README.md.

    Args:
        runs: of a problem.
        settings: ``checkpoints`` (names), ``subspace`` and ``null_tolerance`` as in ``split``.
    """
    subspace = min(settings["subspace"], runs.discretization.network.size)
    memo: dict[tuple[str, bytes], Split] = {}  # all formulations start from the same parameters

    def at(formulation: str, theta: np.ndarray) -> Split:
        key = formulation, theta.tobytes()
        if key not in memo:
            memo[key] = split(runs.objective(formulation), runs.tensor(theta), subspace, settings["null_tolerance"])
        return memo[key]

    def measure(run: Run) -> xr.Dataset:
        names = list(settings["checkpoints"])
        return _dataset(names, [[at(loss, run.theta(name)) for loss in PHYSICS] for name in names])

    return runs.collect(measure)


def _dataset(checkpoints: list[str], splits: Sequence[Sequence[Split]]) -> xr.Dataset:
    """Of splits by checkpoint and loss."""
    outer = ("checkpoint", "loss")

    def stacked(inner: tuple[str, ...], values: str, long_name: str) -> tuple:
        return variable((*outer, *inner), [[getattr(s, values) for s in row] for row in splits], long_name)

    variables = {
        "eigenvalue": stacked(("part", "eigen"), "eigenvalue", "eigenvalue of the Hessian and of its parts"),
        "kernel_eigenvalue": stacked(
            ("eigen",), "kernel", "eigenvalue of the neural tangent kernel (Deep Ritz: energy Gram matrix)"
        ),
        "norm": stacked(("part",), "norm", "Frobenius norm"),
        "remainder_share": stacked((), "remainder_share", "Frobenius norm of the remainder over that of the Hessian"),
        "angle": stacked(
            ("vector",), "angle", "principal angle in degrees between the top eigenspaces of Hessian and Gauss-Newton part"
        ),
    }
    for name, text in _NUMBERS.items():
        reason = {"reason": dense.WITHHELD} if name == "condition_number" else {}
        variables[name] = variable((*outer, "part"), [[s.numbers[name] for s in row] for row in splits], text, **reason)
    first = splits[0][0]
    coordinates = {
        "checkpoint": checkpoints,
        "loss": list(PHYSICS),
        "part": list(PARTS),
        "eigen": variable("eigen", np.arange(len(first.kernel)), "index of the eigenvalue, 0 the largest"),
        "vector": variable("vector", np.arange(len(first.angle)), "index of the principal angle, 0 the smallest"),
    }
    return xr.Dataset(variables, coordinates)
