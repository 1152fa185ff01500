"""Everything that is measured of one Hessian: exact where it is small enough, by Lanczos processes where it is not."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from pinnscape.curvature import dense, density, trace
from pinnscape.curvature.lanczos import Operator, extremes
from pinnscape.objective import Objective

log = logging.getLogger(__name__)
_TRACE_PRODUCTS = 60


@dataclass(frozen=True)
class Spectrum:
    """Spectrum of one Hessian; see results/README.md for the meaning of the entries.

    Attributes:
        method: ``dense`` or ``lanczos``.
        eigenvalue, eigen: values in descending order and their index among all P.
        eigenvector, vector: unit rows of both ends and their index.
        residual_norm: ‖Hv - λv‖ of these by separate products.
        node, weight: of the stochastic Lanczos quadrature.
        density_at, density: the smoothed density against λ/λmax.
        numbers: trace, condition number and so on.
    """

    method: str
    eigenvalue: np.ndarray
    eigen: np.ndarray
    eigenvector: np.ndarray
    vector: np.ndarray
    residual_norm: np.ndarray
    node: np.ndarray
    weight: np.ndarray
    density_at: np.ndarray
    density: np.ndarray
    numbers: dict[str, float]


def spectrum(objective: Objective, theta: Tensor, settings: Mapping[str, Any], seed: int) -> Spectrum:
    """Measure the Hessian of a loss at theta (P,).

    Args:
        objective: the loss.
        theta: (P,).
        settings: section ``hessian`` of the configuration.
        seed: of all random vectors.

    Raises:
        DivergenceError: the Hessian is not finite at this point.
    """
    size, count = objective.size, min(settings["extremes"], objective.size // 2)

    def product(vectors: Tensor) -> Tensor:
        return objective.hessian_product(theta, vectors)

    if size <= settings["dense_limit"]:
        matrix = dense.hessian(objective, theta)
        values, rows = dense.eigenpairs(matrix)
        eigen = np.arange(size)
        vector = np.concatenate([eigen[:count], eigen[size - count :]])
        end_values, end_rows = values[vector], rows[vector]

        def operator(vectors: Tensor) -> Tensor:
            return vectors @ matrix

        exact = float(matrix.trace())
    else:
        found = extremes(product, theta, count, settings["lanczos_steps"], settings["lanczos_tolerance"], seed)
        if not found.converged:
            worst = float(found.residual_bounds.max())
            log.warning(
                "Lanczos: not converged after %d steps (residual %.1e); raise hessian.lanczos_steps", found.steps, worst
            )
        values, eigen = found.values, found.index.numpy()
        end_values, end_rows, vector = values, found.vectors, eigen
        operator, exact = product, None
    estimate, error = trace.hutch_plus_plus(operator, theta, _TRACE_PRODUCTS, seed)
    node, weight = _density(operator, theta, end_values, end_rows, settings["density"], seed)
    residual = (product(end_rows) - end_values.unsqueeze(-1) * end_rows).norm(dim=-1)
    complete = len(values) == size
    shares = (values.cpu().numpy(), np.full(size, 1.0 / size)) if complete else (node, weight)
    numbers = dense.summary(*shares, size, settings["null_tolerance"])
    numbers |= {"trace": estimate if exact is None else exact, "trace_error": error if exact is None else 0.0}
    numbers |= {"trace_estimate": estimate, "trace_estimate_error": error}
    at, smooth = _smooth(node, weight, float(values.max()), settings["density"])
    return Spectrum(
        "dense" if complete else "lanczos",
        values.cpu().numpy(),
        eigen,
        end_rows.cpu().numpy(),
        vector,
        residual.cpu().numpy(),
        node,
        weight,
        at,
        smooth,
        numbers,
    )


def _density(
    operator: Operator, theta: Tensor, values: Tensor, rows: Tensor, settings: Mapping[str, Any], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Spectral density with the outermost eigenpairs of both ends taken out."""
    k, count = settings["deflate"], len(values)
    keep = [i for i in range(count) if i < k or i >= count - k]
    return density.quadrature(operator, theta, settings["probes"], settings["steps"], seed, (values[keep], rows[keep]))


def _smooth(node: np.ndarray, weight: np.ndarray, largest: float, settings: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed density against λ/λmax on a grid that covers all nodes and six standard deviations beyond."""
    scaled, width = node / largest, settings["width"]
    at = np.linspace(scaled.min() - 6 * width, scaled.max() + 6 * width, settings["bins"])
    return at, density.smooth(scaled, weight, at, width)
