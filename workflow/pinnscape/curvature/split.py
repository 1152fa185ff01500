"""Split of a Hessian H into its Gauss-Newton part G and the remainder R = H - G, by dense matrices or by products alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.linalg import by_products, eigen
from pinnscape.linalg.lanczos import Operator
from pinnscape.linalg.similarity import principal_angles
from pinnscape.losses import gauss_newton
from pinnscape.losses.gauss_newton import Differentiated
from pinnscape.losses.small_side import SmallSide, method, small_side

PARTS = ("hessian", "gauss-newton", "remainder")
NUMBERS = {
    "effective_rank": "effective rank",
    "condition_number": "condition number outside the null space",
    "negative": "number of negative eigenvalues",
    "nullity": "number of numerically zero eigenvalues",
}
# Bounds and estimates from products alone, with their dimensions in a split.
ESTIMATES = {
    "norm_estimate": (("part",), "estimate of the Frobenius norm by Hutch++"),
    "norm_error": (("part",), "standard error of this estimate"),
    "remainder_share_estimate": ((), "estimate of the Frobenius norm of the remainder relative to that of the Hessian"),
    "remainder_share_error": ((), "upper bound on the standard error of this estimate"),
    "angle_error": ((), "bound on the errors of the principal angles"),
}


class Settings(Protocol):
    """Settings of the eigenvalues; see ``techniques.ntk``."""

    null_tolerance: float
    eigensolver: EigensolverSettings
    trace_products: int


@dataclass(frozen=True)
class Split:
    """The Hessian at a point and its two parts; unknown values are NaN, and all values are NaN where the loss does not exist.

    Attributes:
        eigenvalue: the E largest eigenvalues of H, G and R (3, E), descending; E = P where dense matrices are formed.
        kernel: the E largest eigenvalues (E,) of the neural tangent kernel, padded with zeros (for Deep Ritz those of G).
        norm: Frobenius norms (3,) of H, G and R.
        angle: principal angles (k,) in degrees between the top eigenspaces of H and G, ascending.
        numbers: effective ranks, condition numbers and numbers of negative and null eigenvalues of H, G and R, each (3,), by
            name.
        estimates: values of ``ESTIMATES`` by name, if no dense matrices are formed.
    """

    eigenvalue: np.ndarray
    kernel: np.ndarray
    norm: np.ndarray
    angle: np.ndarray
    numbers: Mapping[str, np.ndarray]
    estimates: Mapping[str, Any] = field(default_factory=dict)

    @property
    def remainder_share(self) -> float:
        """|R|_F / |H|_F."""
        return float(self.norm[2] / self.norm[0])


def split(objective: Differentiated, theta: Tensor, count: int, subspace: int, settings: Settings, seed: int = 0) -> Split:
    """Analyse H, G and R at theta (P,).

    Args:
        objective: the loss.
        theta: (P,).
        count: number E of largest eigenvalues above the dense limit, see ``known``.
        subspace: dimension k of the top eigenspaces that are compared, at most P.
        settings: settings of the eigenvalues.
        seed: seed of the random vectors above the dense limit.
    """
    if objective.size <= settings.eigensolver.dense_limit:
        return _dense(objective, theta, subspace, settings)
    return _by_products(objective, theta, count, subspace, settings, seed)


def known(size: int, kernels: Sequence[int], subspace: int, limit: int) -> int:
    """Number E of largest eigenvalues in the file.

    It is P up to the dense limit; above it, the number that a kernel within the limit gives, and at least ``subspace``.

    Args:
        size: number of parameters P.
        kernels: numbers of rows of the kernels of the losses in the file.
        subspace: dimension of the top eigenspaces that are compared.
        limit: largest number of rows of a dense matrix.
    """
    if size <= limit:
        return size
    return min(size, max([subspace, *(q for q in kernels if q <= limit)]))


def kernel_eigenvalues(jacobian: Tensor) -> Tensor:
    """The P largest eigenvalues (P,) of JJᵀ, descending, padded with zeros.

    They come from the singular values of J (m, P), because forming JJᵀ would halve the number of accurate digits.
    """
    m, size = jacobian.shape
    return torch.nn.functional.pad(torch.linalg.svdvals(jacobian) ** 2, (0, max(0, size - m)))


# ---- dense ----


def _dense(objective: Differentiated, theta: Tensor, subspace: int, settings: Settings) -> Split:
    try:
        whole = eigenpairs(objective, theta, subspace, settings.eigensolver)
    except DivergenceError:
        return _absent(objective.size, subspace)
    assert whole.matrix is not None
    if not objective.is_squared:
        first = gauss_newton.gauss_newton(objective, theta)
        kernel = values = eigen.decompose(first)[0]
    else:
        jacobian, _ = gauss_newton.least_squares(objective, theta)
        first, kernel = 2.0 * jacobian.T @ jacobian, kernel_eigenvalues(jacobian)
        values = 2.0 * kernel
    parts = whole.matrix, first, whole.matrix - first
    (_, other), (rest, _) = (eigen.decompose(part) for part in parts[1:])
    eigenvalue = torch.stack([whole.values, values, rest]).cpu().numpy()
    rows = [_summary(values, settings.null_tolerance) for values in eigenvalue]
    return Split(
        eigenvalue,
        kernel.cpu().numpy(),
        np.array([float(part.norm()) for part in parts]),
        principal_angles(whole.vectors[:subspace].cpu().numpy(), other[:subspace].cpu().numpy()),
        {name: np.array([row[name] for row in rows]) for name in NUMBERS},
    )


def _summary(eigenvalues: np.ndarray, null_tolerance: float) -> dict[str, float]:
    """The values of ``NUMBERS`` by name, from all eigenvalues (P,)."""
    found = eigen.summary(eigenvalues, null_tolerance).numbers
    return {name: found[name] for name in NUMBERS}


def _absent(count: int, subspace: int, estimates: bool = False) -> Split:
    nan = np.full(len(PARTS), np.nan)
    absent = {name: nan if dims else np.nan for name, (dims, _) in ESTIMATES.items()} if estimates else {}
    unknown = np.full(count, np.nan)
    return Split(np.stack([unknown] * 3), unknown, nan, np.full(subspace, np.nan), dict.fromkeys(NUMBERS, nan), absent)


# ---- by products ----


def _by_products(objective: Differentiated, theta: Tensor, count: int, subspace: int, settings: Settings, seed: int) -> Split:
    """The largest eigenvalues by Lanczos, and estimates of norms; all eigenvalues of G if its kernel is within the limit."""
    solver, size = settings.eigensolver, objective.size
    found = _absent(count, subspace, estimates=True)
    if not bool(objective.gradient(theta).isfinite().all()):
        return found

    def hessian(rows: Tensor) -> Tensor:
        return objective.hessian_product(theta, rows)

    def gauss_newton(rows: Tensor) -> Tensor:
        return objective.gauss_newton_product(theta, rows)

    def remainder(rows: Tensor) -> Tensor:
        return hessian(rows) - gauss_newton(rows)

    small = small_side(objective, theta) if method(objective, solver.dense_limit) == "kernel" else None
    eigenvalue, norm, numbers = found.eigenvalue, found.norm.copy(), {name: np.full(len(PARTS), np.nan) for name in NUMBERS}
    spaces = []
    for row, (name, operator) in enumerate(zip(PARTS, (hessian, gauss_newton, remainder), strict=True)):
        if name == "gauss-newton" and small is not None:
            spaces.append(_of_small_side(small, operator, subspace))
            continue
        what = f"largest eigenvalues of the {name} of the {objective.name} loss"
        # One eigenvalue more, for the gap after the eigenspace.
        values, rows = by_products.largest(operator, theta, min(subspace + 1, size), solver, seed, what)
        eigenvalue[row, :subspace] = values[:subspace].cpu().numpy()
        spaces.append(_space(operator, values, rows[:subspace]))
    products = settings.trace_products
    estimated = [by_products.frobenius(operator, theta, products, seed) for operator in (hessian, gauss_newton)]
    estimated.append(by_products.frobenius(remainder, theta, products, seed, estimated[0][0]))
    if small is not None:
        every = _with_zeros(small.values, size)
        eigenvalue[1] = every[:count]
        norm[1] = np.linalg.norm(every)
        estimated[1] = float(norm[1]), float(size * np.finfo(float).eps * norm[1])  # exact to rounding
        for name, value in _summary(every, settings.null_tolerance).items():
            numbers[name][1] = value
    kernel = eigenvalue[1] * (0.5 if objective.is_squared else 1.0)
    angle, bound = _angles(*spaces[:2])
    share = by_products.ratio(estimated[2], estimated[0])
    estimates = dict(zip(ESTIMATES, (*np.array(estimated).T, *share, bound), strict=True))
    return Split(eigenvalue, kernel, norm, angle, numbers, estimates)


# Orthonormal rows (k, P), and a bound on the sine of the angle between their span and the eigenspace that it approximates.
_Space = tuple[np.ndarray, float]


def _space(operator: Operator, values: Tensor, rows: Tensor) -> _Space:
    """The eigenspace spanned by rows, with an error bound from the sin Θ theorem of Davis & Kahan (1970).

    The bound is the residual, including rounding errors, divided by the spectral gap.

    Args:
        operator: v -> A v for rows.
        values: the k + 1 largest eigenvalues, or all P if k = P.
        rows: unit eigenvectors (k, P).
    """
    k, size = rows.shape
    if k == size:
        return rows.cpu().numpy(), 0.0
    residual = float((operator(rows) - values[:k, None] * rows).norm()) + size * torch.finfo(rows.dtype).eps * float(values[0])
    gap = float(values[k - 1] - values[k]) - residual
    return rows.cpu().numpy(), residual / gap if gap > 0 else float("nan")


def _of_small_side(small: SmallSide, operator: Operator, count: int) -> _Space:
    """The eigenspace of the ``count`` largest eigenvalues of G; NaN if fewer than ``count`` eigenvalues are positive."""
    positive = int((small.values > 0).sum())
    if positive < count:
        return np.full((count, small.theta.numel()), np.nan), float("nan")
    rows = small.combined(torch.eye(count, len(small.values), dtype=small.values.dtype, device=small.values.device))
    following = small.values[count] if positive > count else torch.zeros_like(small.values[0])
    return _space(operator, torch.cat([small.values[:count], following[None]]), rows)


def _angles(one: _Space, other: _Space) -> tuple[np.ndarray, float]:
    """Principal angles (k,) in degrees and a bound on their errors; NaN if either space is unknown."""
    sines = one[1] + other[1]
    if not (sines < 1.0 and np.isfinite(one[0]).all() and np.isfinite(other[0]).all()):
        return np.full(len(one[0]), np.nan), float("nan")
    return principal_angles(one[0], other[0]), float(np.degrees(np.arcsin(one[1]) + np.arcsin(other[1])))


def _with_zeros(values: Tensor, size: int) -> np.ndarray:
    """All eigenvalues (P,), descending, from the nonzero eigenvalues (r,)."""
    return np.sort(np.concatenate([values.cpu().numpy(), np.zeros(size - len(values))]))[::-1]
