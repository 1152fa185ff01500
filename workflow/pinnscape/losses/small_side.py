"""Eigendecomposition of the Gauss-Newton part G = BᵀMB (see ``quantities``) by way of the kernel BBᵀ.

It is used for a loss with fewer local quantities q than parameters P. With the eigendecomposition BBᵀ = U S Uᵀ of the kernel
(q, q), the rows of Q = S^-½ Uᵀ B are an orthonormal basis of the range of Bᵀ, and G = QᵀTQ with

    T = S^½ Uᵀ M U S^½ = V Λ Vᵀ.

The eigenvalues of G are therefore Λ and zeros, and its eigenvectors are QᵀV = Bᵀ M U S^½ V Λ⁻¹. This holds for indefinite M
too, and no matrix (q, P) or (P, P) is formed. For a sum of squares, Λ = 2S. The last form of the eigenvectors is used because,
unlike Bᵀ U S^-½ V, it does not divide by square roots of eigenvalues S that are dominated by rounding errors. Since BBᵀ is
quadratic in B, singular values of B below √(q ε) times the largest are lost, with the unit roundoff ε; a decomposition of B
itself would resolve them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.losses import gauss_newton
from pinnscape.losses.gauss_newton import Differentiated


@dataclass(frozen=True)
class SmallSide:
    """The eigendecomposition of G at a point, represented without a matrix (P, P) or (q, P).

    Attributes:
        kernel: eigenvalues (r,) of BBᵀ that exceed rounding errors, descending.
        values: eigenvalues (r,) of G, descending; the other P - r eigenvalues are zero up to rounding errors.
        gradient: components (r,) of the gradient of the loss along the eigenvectors of ``values``.
        weights: matrix (r, q) with rows w, such that the eigenvectors are Bᵀw.
        objective: the loss.
        theta: the point (P,).
    """

    kernel: Tensor
    values: Tensor
    gradient: Tensor
    weights: Tensor
    objective: Differentiated
    theta: Tensor

    def combined(self, coefficients: Tensor) -> Tensor:
        """Linear combinations (k, P) of the eigenvectors with coefficients (k, r)."""
        return gauss_newton.pull_back(self.objective, self.theta, coefficients @ self.weights)


def method(objective: Differentiated, dense_limit: int) -> str:
    """How eigenvalues of G are computed if no matrix may have more than ``dense_limit`` rows.

    Returns:
        ``dense`` if G has at most this many rows, else ``kernel`` (see ``small_side``) if the kernel has at most this many
        rows, else ``krylov``: by products with vectors only.
    """
    if objective.size <= dense_limit:
        return "dense"
    return "kernel" if gauss_newton.kernel_size(objective) <= dense_limit else "krylov"


def small_side(objective: Differentiated, theta: Tensor) -> SmallSide | None:
    """The eigenpairs of G at theta (P,), from those of the kernel; None if G does not exist."""
    kernel = gauss_newton.kernel(objective, theta)
    found = gauss_newton.slopes_and_moduli(objective, theta)
    slopes = torch.cat([slope.flatten() for slope, _ in found])
    if not bool(kernel.isfinite().all() and slopes.isfinite().all() and all(m.isfinite().all() for _, m in found)):
        return None
    s, u = torch.linalg.eigh(kernel)
    kept = s > len(s) * torch.finfo(s.dtype).eps * s[-1]
    s, u = s[kept].flip(0), u[:, kept].flip(1)
    root = s.sqrt()
    along = root.unsqueeze(-1) * u.T @ slopes
    if objective.is_squared:
        return SmallSide(s, 2.0 * s, along, (u / root).T, objective, theta)
    scaled = u * root
    bent = _by_points([modulus for _, modulus in found], scaled)
    inner = scaled.T @ bent
    values, v = torch.linalg.eigh(0.5 * (inner + inner.T))
    values, v = values.flip(0), v.flip(1)
    # For an eigenvalue of zero this form gives no eigenvector; its weights are set to zero.
    weights = bent @ v / torch.where(values.abs() > 1e-30 * values.abs().max(), values, torch.inf)
    return SmallSide(s, values, v.T @ along, weights.T, objective, theta)


def _by_points(moduli: list[Tensor], columns: Tensor) -> Tensor:
    """M times columns (q, r), for block-diagonal M with the blocks (n, k, k) of the points of each term."""
    parts = columns.split([len(modulus) * modulus.shape[1] for modulus in moduli])
    return torch.cat([(m @ part.unflatten(0, m.shape[:2])).flatten(0, 1) for m, part in zip(moduli, parts, strict=True)])
