"""The spectrum of one Hessian: exact up to the dense limit, by Lanczos processes beyond it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from pinnscape.config.sections import DensitySettings, SpectrumSettings
from pinnscape.curvature import dense
from pinnscape.curvature.eigenpairs import eigenpairs
from pinnscape.linalg import density, eigen, trace
from pinnscape.linalg.bounds import Compression
from pinnscape.linalg.lanczos import Operator
from pinnscape.linalg.pairs import Eigenpairs
from pinnscape.losses.objective import Objective

log = logging.getLogger(__name__)
_TRACE_PRODUCTS = 60
_ROUNDING = 1e-12  # an eigenvalue no larger than this, relative to the largest in magnitude, is not resolved


_UNKNOWN = "not all eigenvalues are known above hessian.eigensolver.dense_limit"
_UNSETTLED = "the Lanczos process within hessian.eigensolver.lanczos_steps leaves more than one value possible"


@dataclass(frozen=True)
class Ends:
    """Eigenvalues of one Hessian, and eigenvectors of both ends of its spectrum; see results/README.md for the entries.

    Attributes:
        method: ``dense`` or ``lanczos``.
        eigenvalue, eigen: eigenvalues in descending order, NaN where not verified, and their indices among all P.
        eigenvalue_low, eigenvalue_high: bounds on the eigenvalues.
        eigenvector, vector: unit eigenvectors (rows) of both ends of the spectrum and their indices among all P.
        ritz_value, residual_norm: vᵀHv of the eigenvectors, and ‖Hv - λv‖ from separate products.
        numbers: condition number, counts of eigenvalues and other numbers by name; NaN where withheld.
        reasons: reasons why numbers are withheld, by name.
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
    numbers: dict[str, float]
    reasons: dict[str, str]


@dataclass(frozen=True)
class Spectrum(Ends):
    """Spectrum of one Hessian.

    Attributes:
        node, weight: nodes and weights of the stochastic Lanczos quadrature.
        density_at, density: points λ/λmax and the smoothed density at these points.
    """

    node: np.ndarray
    weight: np.ndarray
    density_at: np.ndarray
    density: np.ndarray


def ends(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> Ends:
    """Compute the eigenvalues of the Hessian of a loss at theta (P,); the arguments are those of ``spectrum``."""
    return _ends(objective, theta, settings, seed)[0]


def spectrum(objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int) -> Spectrum:
    """Compute the spectrum of the Hessian of a loss at theta (P,).

    Args:
        objective: the loss.
        theta: (P,).
        settings: settings of the eigensolver, the density and the null space.
        seed: seed of all random vectors.

    Raises:
        DivergenceError: the Hessian is not finite at this point.
    """
    found, matrix, values, rows = _ends(objective, theta, settings, seed)
    operator = _operator(objective, theta, matrix)
    estimate, error = trace.hutch_plus_plus(operator, theta, _TRACE_PRODUCTS, seed)
    node, weight = _density(operator, theta, values, rows, settings.density, seed)
    numbers = found.numbers | {"trace_estimate": estimate, "trace_estimate_error": error}
    numbers |= density.estimates(node, weight, objective.size, settings.null_tolerance, eigen.LEVEL)
    at, smooth = _smooth(node, weight, float(values[0]), settings.density)
    own: dict[str, Any] = {each.name: getattr(found, each.name) for each in fields(found)}
    own["numbers"] = numbers
    return Spectrum(**own, node=node, weight=weight, density_at=at, density=smooth)


def _ends(
    objective: Objective, theta: Tensor, settings: SpectrumSettings, seed: int
) -> tuple[Ends, Tensor | None, Tensor, Tensor]:
    """The eigenvalues; the dense Hessian if it was formed; and the Ritz values and eigenvectors of both ends."""
    count, size = min(settings.extremes, objective.size // 2), objective.size
    found = eigenpairs(objective, theta, count, settings.eigensolver, seed=seed)
    exact = found.matrix is not None
    chosen = np.arange(len(found.values)) if not exact else np.concatenate([np.arange(count), np.arange(size - count, size)])
    values, rows = found.values[chosen], found.vectors[chosen]
    residual = (objective.hessian_product(theta, rows) - values.unsqueeze(-1) * rows).norm(dim=-1)
    numbers, reasons = _numbers(found, settings.null_tolerance)
    numbers |= {"trace": float(found.matrix.trace()) if found.matrix is not None else np.nan}
    index = found.index.numpy()
    made = Ends(
        "dense" if exact else "lanczos",
        found.known.cpu().numpy(),
        index,
        found.low.cpu().numpy(),
        found.high.cpu().numpy(),
        rows.cpu().numpy(),
        index[chosen],
        values.cpu().numpy(),
        residual.cpu().numpy(),
        numbers,
        reasons,
    )
    return made, found.matrix, values, rows


def _operator(objective: Objective, theta: Tensor, matrix: Tensor | None) -> Operator:
    """The map v -> H v for rows (k, P), by the dense Hessian where it was formed."""
    return partial(dense.product, objective, theta) if matrix is None else lambda vectors: vectors @ matrix


def _numbers(found: Eigenpairs, null_tolerance: float) -> tuple[dict[str, float], dict[str, str]]:
    """The known numbers of ``eigen.Summary`` and ``negative_at_least``, and the reasons why the other numbers are withheld."""
    if found.process is None:
        return _of_all(found.values.cpu().numpy(), null_tolerance)
    if not found.converged:
        log.warning(
            "Lanczos: %d of %d eigenvalues are not verified after %d steps (largest residual %.1e); raise hessian.eigensolver.lanczos_steps",
            int((~found.verified).sum()),
            len(found.verified),
            found.process.steps,
            float(found.process.residual_bounds.max()),
        )
    numbers, reasons = counts(found.process.seen, null_tolerance)
    for name, reason in reasons.items():
        log.info("Lanczos: %s is withheld: %s", name, reason)
    return numbers, reasons | {"trace": _UNKNOWN}


def _of_all(eigenvalues: np.ndarray, null_tolerance: float) -> tuple[dict[str, float], dict[str, str]]:
    summary = eigen.summary(eigenvalues, null_tolerance)
    return summary.numbers | {"negative_at_least": summary.negative}, {
        "condition_number": summary.reason
    } if summary.reason else {}


def counts(seen: Compression, null_tolerance: float) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers of ``eigen.Summary`` that a Lanczos process determines, and ``negative_at_least``.

    The other numbers are NaN and have a reason.
    """
    if seen.complete:
        return _of_all(seen.ritz, null_tolerance)
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
        "nullity": size - _settled(negative) - _settled(positive),
        "share_above": _settled(above) / size,
        "bulk_share": (size - _settled(above) - _settled(below)) / size if first > 0.0 else float("nan"),
    }
    reasons = {name: _UNSETTLED for name, value in numbers.items() if np.isnan(value)}
    withheld = dict.fromkeys(("condition_number", "effective_rank"), _UNKNOWN)
    numbers |= dict.fromkeys(withheld, float("nan")) | {"negative_at_least": float(negative[0])}
    return numbers, reasons | withheld


def _between(count: Callable[[float], tuple[int, int]], levels: np.ndarray) -> tuple[int, int]:
    """Smallest and largest possible number of eigenvalues beyond the true level, which is bounded by the two ``levels``."""
    found = [count(float(level)) for level in levels]
    return min(low for low, _ in found), max(high for _, high in found)


def _settled(bounds: tuple[int, int]) -> float:
    return float(bounds[0]) if bounds[0] == bounds[1] else float("nan")


def _density(
    operator: Operator, theta: Tensor, values: Tensor, rows: Tensor, settings: DensitySettings, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the spectral density; the outermost eigenpairs of both ends are deflated."""
    k, count = settings.deflate, len(values)
    keep = [i for i in range(count) if i < k or i >= count - k]
    return density.quadrature(operator, theta, settings.probes, settings.steps, seed, (values[keep], rows[keep]))


def _smooth(node: np.ndarray, weight: np.ndarray, largest: float, settings: DensitySettings) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed density against λ/λmax. The grid covers all nodes and six standard deviations beyond. All values are NaN if λmax is not positive."""
    if not largest > _ROUNDING * np.abs(node).max():  # no positive curvature beyond rounding errors
        return np.full(settings.bins, np.nan), np.full(settings.bins, np.nan)
    scaled, width = node / largest, settings.width
    at = np.linspace(scaled.min() - 6 * width, scaled.max() + 6 * width, settings.bins)
    return at, density.smooth(scaled, weight, at, width)
