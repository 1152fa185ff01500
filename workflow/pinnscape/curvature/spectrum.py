"""Everything that is measured of one Hessian: exact where it is small enough, by Lanczos processes where it is not."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import DensitySettings, SpectrumSettings
from pinnscape.curvature import dense
from pinnscape.linalg import density, eigen, trace
from pinnscape.linalg.bounds import Compression
from pinnscape.linalg.lanczos import Operator, extremes
from pinnscape.losses.objective import Objective

log = logging.getLogger(__name__)
_TRACE_PRODUCTS = 60
_ROUNDING = 1e-12  # an eigenvalue no larger than this, relative to the largest in magnitude, is not resolved


_UNKNOWN = "not all eigenvalues are known above hessian.eigensolver.dense_limit"
_UNSETTLED = "the Lanczos process within hessian.eigensolver.lanczos_steps leaves more than one number possible"


@dataclass(frozen=True)
class Spectrum:
    """Spectrum of one Hessian; see results/README.md for the meaning of the entries.

    Attributes:
        method: ``dense`` or ``lanczos``.
        eigenvalue, eigen: values in descending order and their index among all P; NaN where not verified.
        eigenvalue_low, eigenvalue_high: bounds of these.
        eigenvector, vector: unit rows of both ends and their index.
        ritz_value, residual_norm: vᵀHv of these and ‖Hv - λv‖ by separate products.
        node, weight: of the stochastic Lanczos quadrature.
        density_at, density: the smoothed density against λ/λmax.
        numbers: trace, condition number and so on; NaN where withheld.
        reasons: why, by name.
    """

    method: str
    eigenvalue: np.ndarray
    eigen: np.ndarray
    eigenvalue_low: np.ndarray
    eigenvalue_high: np.ndarray
    eigenvector: np.ndarray
    vector: np.ndarray
    ritz_value: np.ndarray
    residual_norm: np.ndarray
    node: np.ndarray
    weight: np.ndarray
    density_at: np.ndarray
    density: np.ndarray
    numbers: dict[str, float]
    reasons: dict[str, str]


@dataclass(frozen=True)
class _Found:
    """What one of the two routes gives: all eigenvalues or those of both ends, with bounds; the eigenpairs of both ends; numbers; the operator."""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    eigen: np.ndarray
    pairs: tuple[Tensor, Tensor]
    vector: np.ndarray
    numbers: dict[str, float]
    reasons: dict[str, str]
    operator: Operator
    trace: float | None


def spectrum(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> Spectrum:
    """Measure the Hessian of a loss at theta (P,).

    Args:
        objective: the loss.
        theta: (P,).
        settings: how.
        seed: of all random vectors.

    Raises:
        DivergenceError: the Hessian is not finite at this point.
    """
    found = (_dense if objective.size <= settings.eigensolver.dense_limit else _lanczos)(objective, theta, settings, seed)
    values, rows = found.pairs
    estimate, error = trace.hutch_plus_plus(found.operator, theta, _TRACE_PRODUCTS, seed)
    node, weight = _density(found.operator, theta, values, rows, settings.density, seed)
    residual = (objective.hessian_product(theta, rows) - values.unsqueeze(-1) * rows).norm(dim=-1)
    exact = found.trace is not None
    numbers = found.numbers | {"trace": np.nan if found.trace is None else found.trace}
    numbers |= {"trace_estimate": estimate, "trace_estimate_error": error}
    numbers |= density.estimates(node, weight, objective.size, settings.null_tolerance, eigen.LEVEL)
    at, smooth = _smooth(node, weight, float(values[0]), settings.density)
    return Spectrum(
        "dense" if exact else "lanczos",
        found.values,
        found.eigen,
        found.low,
        found.high,
        rows.cpu().numpy(),
        found.vector,
        values.cpu().numpy(),
        residual.cpu().numpy(),
        node,
        weight,
        at,
        smooth,
        numbers,
        found.reasons if exact else found.reasons | {"trace": _UNKNOWN},
    )


def _dense(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> _Found:
    size, count = objective.size, min(settings.extremes, objective.size // 2)
    matrix = dense.hessian(objective, theta)
    values, rows = eigen.eigenpairs(matrix)
    index = np.arange(size)
    vector = np.concatenate([index[:count], index[size - count :]])
    known = values.cpu().numpy()
    error = size * torch.finfo(values.dtype).eps * np.abs(known).max()  # of a symmetric eigenvalue solver
    told = eigen.summary(known, settings.null_tolerance)
    numbers = told.numbers | {"negative_at_least": told.negative}
    reasons = {"condition_number": told.reason} if told.reason else {}
    return _Found(
        known,
        known - error,
        known + error,
        index,
        (values[vector], rows[vector]),
        vector,
        numbers,
        reasons,
        lambda vectors: vectors @ matrix,
        float(matrix.trace()),
    )


def _lanczos(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> _Found:
    def product(vectors: Tensor) -> Tensor:
        rows = objective.hessian_product(theta, vectors)
        if not bool(rows.isfinite().all()):
            raise DivergenceError(
                f"the Hessian of the {objective.formulation} loss is not finite at this point; does the loss exist there?"
            )
        return rows

    count, solver = min(settings.extremes, objective.size // 2), settings.eigensolver
    found = extremes(product, theta, count, solver.lanczos_steps, solver.lanczos_tolerance, seed)
    if not found.converged:
        log.warning(
            "Lanczos: %d of %d eigenvalues are not verified after %d steps (largest residual %.1e); raise hessian.eigensolver.lanczos_steps",
            int((~found.verified).sum()),
            len(found.verified),
            found.steps,
            float(found.residual_bounds.max()),
        )
    numbers, reasons = counts(found.seen, settings.null_tolerance)
    for name, reason in reasons.items():
        log.info("Lanczos: %s is withheld: %s", name, reason)
    values, eigen = torch.where(found.verified.to(theta.device), found.values, torch.nan), found.index.numpy()
    low, high = found.low.cpu().numpy(), found.high.cpu().numpy()
    return _Found(values.cpu().numpy(), low, high, eigen, (found.values, found.vectors), eigen, numbers, reasons, product, None)


def counts(seen: Compression, null_tolerance: float) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers of ``eigen.Summary`` as far as a Lanczos process settles them, and ``negative_at_least``; NaN with a reason for the others."""
    if seen.complete:
        told = eigen.summary(seen.ritz, null_tolerance)
        return told.numbers | {"negative_at_least": told.negative}, {"condition_number": told.reason} if told.reason else {}
    upper, lower = (float(side.highest(1)[0]) for side in (seen, seen.mirrored()))
    first, size = float(seen.ritz[-1]), seen.size
    # The largest eigenvalue in magnitude is between these two, the largest one between ``first`` and ``upper``.
    scales = np.array([seen.scale, max(upper, lower)])
    negative = _between(seen.below, -null_tolerance * scales)
    positive = _between(seen.above, null_tolerance * scales)
    above = _between(seen.above, eigen.LEVEL * np.array([first, upper]))
    below = _between(seen.below, -eigen.LEVEL * np.array([first, upper]))
    numbers = {
        "negative": _settled(negative),
        "null": size - _settled(negative) - _settled(positive),
        "share_above": _settled(above) / size,
        "bulk_share": (size - _settled(above) - _settled(below)) / size if first > 0.0 else float("nan"),
    }
    reasons = {name: _UNSETTLED for name, value in numbers.items() if np.isnan(value)}
    withheld = dict.fromkeys(("condition_number", "effective_rank"), _UNKNOWN)
    numbers |= dict.fromkeys(withheld, float("nan")) | {"negative_at_least": float(negative[0])}
    return numbers, reasons | withheld


def _between(count: Callable[[float], tuple[int, int]], levels: np.ndarray) -> tuple[int, int]:
    """Least and largest number of eigenvalues beyond a level that is one of these."""
    found = [count(float(level)) for level in levels]
    return min(low for low, _ in found), max(high for _, high in found)


def _settled(bounds: tuple[int, int]) -> float:
    return float(bounds[0]) if bounds[0] == bounds[1] else float("nan")


def _density(
    operator: Operator, theta: Tensor, values: Tensor, rows: Tensor, settings: DensitySettings, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Spectral density with the outermost eigenpairs of both ends taken out."""
    k, count = settings.deflate, len(values)
    keep = [i for i in range(count) if i < k or i >= count - k]
    return density.quadrature(operator, theta, settings.probes, settings.steps, seed, (values[keep], rows[keep]))


def _smooth(node: np.ndarray, weight: np.ndarray, largest: float, settings: DensitySettings) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed density against λ/λmax. The grid covers all nodes and six standard deviations beyond. All values are NaN if λmax is not positive."""
    if not largest > _ROUNDING * np.abs(node).max():  # nothing curves upwards, or rounding errors alone
        return np.full(settings.bins, np.nan), np.full(settings.bins, np.nan)
    scaled, width = node / largest, settings.width
    at = np.linspace(scaled.min() - 6 * width, scaled.max() + 6 * width, settings.bins)
    return at, density.smooth(scaled, weight, at, width)
