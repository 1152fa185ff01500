"""The Gauss-Newton part G = BᵀMB (see ``quantities``) by its smaller side: where a loss has fewer local quantities q than parameters P.

With the eigendecomposition BBᵀ = U S Uᵀ of the kernel (q, q), the rows of Q = S^-½ Uᵀ B are an orthonormal basis of the range of Bᵀ, and G = QᵀTQ with

    T = S^½ Uᵀ M U S^½,    T = V Λ Vᵀ:    all eigenvalues of G are Λ and zeros, its eigenvectors are QᵀV = Bᵀ M U S^½ V Λ⁻¹.

This holds for indefinite M too, and nothing here has both q and P entries along its sides. For a sum of squares Λ = 2S. The last form of the
eigenvectors, unlike Bᵀ U S^-½ V, does not divide by the roots of those S that are rounding errors. Forming BBᵀ squares B: singular values of B
below √(q ε) of the largest, ε the rounding unit, are lost, which those of B itself would not be.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.losses import gauss_newton
from pinnscape.losses.field import FieldObjective


@dataclass(frozen=True)
class SmallSide:
    """G at a point without a matrix (P, P) or (q, P).

    Attributes:
        kernel: eigenvalues (r,) of BBᵀ that are not rounding errors, descending.
        values: eigenvalues (r,) of G, descending; the P - r others are zero to rounding.
        gradient: components (r,) of the gradient of the loss along their eigenvectors.
        weights: (r, q), of which the eigenvectors are Bᵀ times the rows.
        objective: the loss.
        theta: the point (P,).
    """

    kernel: Tensor
    values: Tensor
    gradient: Tensor
    weights: Tensor
    objective: FieldObjective
    theta: Tensor

    def combined(self, coefficients: Tensor) -> Tensor:
        """Combinations (k, P) of the eigenvectors with coefficients (k, r)."""
        return gauss_newton.pull_back(self.objective, self.theta, coefficients @ self.weights)


def method(objective: FieldObjective, dense_limit: int) -> str:
    """How G is treated where no matrix may have a side above the limit: ``dense``, ``kernel`` (as here) or ``krylov`` (by products alone)."""
    if objective.size <= dense_limit:
        return "dense"
    return "kernel" if gauss_newton.kernel_size(objective) <= dense_limit else "krylov"


def small_side(objective: FieldObjective, theta: Tensor) -> SmallSide | None:
    """The eigenpairs of G at theta (P,) by the kernel; None where G does not exist."""
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
    # An eigenvalue of zero has an eigenvector, but not one in the range of Bᵀ.
    weights = bent @ v / torch.where(values.abs() > 1e-30 * values.abs().max(), values, torch.inf)
    return SmallSide(s, values, v.T @ along, weights.T, objective, theta)


def _by_points(moduli: list[Tensor], columns: Tensor) -> Tensor:
    """M times columns (q, r), with the blocks (n, k, k) of M for the points of each term."""
    parts = columns.split([len(modulus) * modulus.shape[1] for modulus in moduli])
    return torch.cat([(m @ part.unflatten(0, m.shape[:2])).flatten(0, 1) for m, part in zip(moduli, parts, strict=True)])
