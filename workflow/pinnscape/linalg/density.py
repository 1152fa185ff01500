"""Spectral densities by stochastic Lanczos quadrature (Ghorbani et al. 2019, algorithm 1; Ubaru et al. 2017)."""

import numpy as np
import torch
from torch import Tensor

from pinnscape.linalg.lanczos import Lanczos, Operator


def quadrature(
    operator: Operator, like: Tensor, probes: int, steps: int, seed: int, deflated: tuple[Tensor, Tensor] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the spectral density (1/P) Σ δ(λ - λᵢ).

    Each probe gives a Gauss quadrature: nodes are the Ritz values, weights the squared first components of the eigenvectors of the tridiagonal
    matrix. Eigenpairs that are known already are taken out and counted exactly, 1/P each, and the probes are kept orthogonal to them: a few large
    eigenvalues make up most of the trace, and sampling them is what makes the plain estimate noisy (as in Hutch++, Meyer et al. 2021).

    Args:
        operator: v -> A v for rows (k, P), symmetric.
        like: a vector (P,) that gives size, type and device.
        probes: number of random vectors.
        steps: Lanczos steps for each.
        seed: of the random vectors.
        deflated: known eigenvalues (k,) and unit eigenvectors as rows (k, P).

    Returns:
        nodes and weights, each (n,); the weights sum to 1.
    """
    size = like.numel()
    values, rows = deflated if deflated is not None else (like.new_zeros(0), like.new_zeros(0, size))
    rest = size - len(values)
    exact = values.cpu().numpy(), np.full(len(values), 1.0 / size)
    if rest == 0:
        return exact

    def complement(vectors: Tensor) -> Tensor:
        return vectors - (vectors @ rows.T) @ rows

    generator = torch.Generator().manual_seed(seed)
    starts = complement(torch.randn(probes, size, generator=generator, dtype=like.dtype).to(like))
    process = Lanczos(lambda v: complement(operator(v)), starts, generator, min(steps, rest))
    for _ in range(process.capacity):
        process.step()
    nodes, vectors = process.ritz()
    weights = vectors[:, 0, :] ** 2 * (rest / size / probes)
    return np.concatenate([exact[0], nodes.cpu().numpy().ravel()]), np.concatenate([exact[1], weights.cpu().numpy().ravel()])


def smooth(nodes: np.ndarray, weights: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    """The density at points, each node replaced by a normal distribution of standard deviation ``width``; it integrates to Σ weights."""
    z = (at[:, None] - nodes) / width
    return np.exp(-0.5 * z * z) @ weights / (width * np.sqrt(2.0 * np.pi))


def estimates(nodes: np.ndarray, weights: np.ndarray, size: int, null_tolerance: float, level: float) -> dict[str, float]:
    """What a quadrature estimates of a spectrum. Numbers of small eigenvalues are not among it: their signs and sizes are not resolved.

    Args:
        nodes: of the density, see ``quadrature``.
        weights: their shares.
        size: P.
        null_tolerance: nodes of at most this, relative to the largest in magnitude, do not count for the rank.
        level: see ``share_above_estimate``.

    Returns:
        ``effective_rank_estimate``, exp(-Σ p log p) with p = |λ|/Σ|λ|; ``share_above_estimate``, the share above ``level`` times the largest.
    """
    magnitude = np.abs(nodes)
    total, counted = size * np.sum(weights * magnitude), magnitude > null_tolerance * magnitude.max()
    if not total > 0.0:
        return {"effective_rank_estimate": float("nan"), "share_above_estimate": 0.0}
    # Each node stands for weight·size eigenvalues of equal magnitude.
    share = magnitude[counted] / total
    entropy = -np.sum(size * weights[counted] * share * np.log(share))
    above = float(np.sum(weights[nodes > level * nodes.max()]))
    return {"effective_rank_estimate": float(np.exp(entropy)), "share_above_estimate": above}
