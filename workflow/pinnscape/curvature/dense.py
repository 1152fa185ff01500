"""Exact Hessians and what is read off a spectrum."""

import numpy as np
import torch
from torch import Tensor

from pinnscape.errors import DivergenceError
from pinnscape.objective import Objective


def hessian(objective: Objective, theta: Tensor, block: int = 32) -> Tensor:
    """Dense Hessian (P, P) from blocks of Hessian-vector products, symmetrised.

    Args:
        objective: the loss L.
        theta: (P,).
        block: number of columns at a time; bounds the memory.

    Raises:
        DivergenceError: an entry is not finite, as where the loss does not exist.
    """
    identity = torch.eye(objective.size, dtype=theta.dtype, device=theta.device)
    rows = torch.cat([objective.hessian_product(theta, vectors) for vectors in identity.split(block)])
    if not bool(rows.isfinite().all()):
        raise DivergenceError(
            f"the Hessian of the {objective.formulation} loss is not finite at this point; does the loss exist there?"
        )
    return 0.5 * (rows + rows.T)


def eigenpairs(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (P,) in descending order and unit eigenvectors as rows (P, P), signs fixed."""
    values, vectors = torch.linalg.eigh(matrix)
    return values.flip(0), fix_signs(vectors.T.flip(0))


def fix_signs(vectors: Tensor) -> Tensor:
    """Rows with the sign that makes their entry of largest magnitude positive: eigenvectors are unique up to sign only."""
    largest = vectors.abs().argmax(-1, keepdim=True)
    return vectors * torch.where(vectors.gather(-1, largest) < 0, -1.0, 1.0)


def summary(eigenvalues: np.ndarray, weights: np.ndarray, size: int, null_tolerance: float) -> dict[str, float]:
    """Numbers that describe a spectrum.

    Args:
        eigenvalues: all eigenvalues, or nodes of a spectral density, in any order.
        weights: their shares, summing to 1 (1/P each for exact eigenvalues).
        size: P.
        null_tolerance: eigenvalues below this, relative to the largest in magnitude, count as zero.

    Returns:
        ``condition_number`` over the eigenvalues that are not zero, ``negative`` and ``null`` (numbers of eigenvalues), ``effective_rank``
        exp(-Σ p log p) with p = |λ|/Σ|λ| (Roy & Vetterli 2007), ``share_above`` the share above 1e-3 of the largest.
    """
    magnitude = np.abs(eigenvalues)
    if magnitude.max() == 0.0:
        nan = float("nan")
        return {"condition_number": nan, "negative": 0.0, "null": float(size), "effective_rank": nan, "share_above": 0.0}
    zero = null_tolerance * magnitude.max()
    counted = magnitude > zero
    p = weights * magnitude / np.sum(weights * magnitude)
    # Each node stands for weight·size eigenvalues of equal magnitude, each with its part of p.
    entropy = -np.sum(p[counted] * np.log(magnitude[counted] / (size * np.sum(weights * magnitude))))
    return {
        "condition_number": float(magnitude.max() / magnitude[counted].min()),
        "negative": float(size * np.sum(weights[eigenvalues < -zero])),
        "null": float(size * np.sum(weights[~counted])),
        "effective_rank": float(np.exp(entropy)),
        "share_above": float(np.sum(weights[eigenvalues > 1e-3 * eigenvalues.max()])),
    }
