"""Spectral densities by stochastic Lanczos quadrature (Ghorbani et al. 2019, algorithm 1; Ubaru et al. 2017)."""

import numpy as np
import torch
from torch import Tensor

from pinnscape.linalg.lanczos import Lanczos, Operator


def quadrature(
    operator: Operator, like: Tensor, probes: int, steps: int, seed: int, deflated: tuple[Tensor, Tensor] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the spectral density (1/P) Σ δ(λ - λᵢ).

    Each probe gives a Gauss quadrature. Its nodes are the Ritz values, and its weights are the squared first components of the
    eigenvectors of the tridiagonal matrix. Known eigenpairs are deflated: they enter exactly, with a weight of 1/P each, and
    the probes are kept orthogonal to them. This reduces the noise of the estimate, because a few large eigenvalues make up most
    of the trace (as in Hutch++, Meyer et al. 2021).

    Args:
        operator: v -> A v for rows (k, P), symmetric.
        like: vector (P,) that sets the size, dtype and device.
        probes: number of random vectors.
        steps: number of Lanczos steps for each random vector.
        seed: seed of the random vectors.
        deflated: known eigenvalues (k,) and unit eigenvectors as rows (k, P).

    Returns:
        Nodes and weights, each (n,); the weights sum to 1.
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
    """The density at the points ``at``; its integral is Σ weights.

    Each node is replaced by a normal distribution with the standard deviation ``width``.
    """
    z = (at[:, None] - nodes) / width
    return np.exp(-0.5 * z * z) @ weights / (width * np.sqrt(2.0 * np.pi))


def estimates(nodes: np.ndarray, weights: np.ndarray, size: int, null_tolerance: float, level: float) -> dict[str, float]:
    """Estimates of properties of a spectrum from a quadrature.

    Numbers of small eigenvalues are not estimated, because their signs and magnitudes are not resolved.

    Args:
        nodes: nodes of the density; see ``quadrature``.
        weights: weights of the nodes.
        size: P.
        null_tolerance: nodes of at most this magnitude, relative to the largest, do not count for the rank.
        level: see ``share_above_estimate`` below.

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
