"""Bounds from Lanczos processes on eigenvalues that these have not found.

A small residual proves that an eigenvalue is near a Ritz value, but not that this eigenvalue is the largest one (Parlett 1998,
sec. 13). Two facts give bounds.

Inner bound: by the Courant-Fischer theorem, the i-th largest Ritz value of any subspace is at most the i-th largest eigenvalue.
The number of eigenvalues above a level is therefore at least the number of Ritz values above it. This bound is certain.

Outer bound: let b be the random unit vector from which a process starts, and u an eigenvector with the eigenvalue λ. The
Lanczos vectors q_j have the components u·q_j = ψ_j(λ) u·b with the Lanczos polynomials ψ_j. As Σ (u·q_j)² ≤ 1, it follows that
|u·b| ≤ (Σ ψ_j(λ)²)^-½, and ψ_j grows fast outside the Ritz values. The probability that a random vector is so nearly orthogonal
to u is known, and small. This is the bound of van Dorsselaer, Hochstenbach & van der Vorst (2000, SIAM J. Matrix Anal. Appl.
22) with the optimal polynomial of its degree. It is far sharper than the a priori bound of Kuczyński & Woźniakowski (1992, SIAM
J. Matrix Anal. Appl. 13), which uses neither the spectrum nor the course of the process.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg

ROUNDING = 1e-13  # rounding error of eigenvalues from Lanczos processes, relative to the largest in magnitude
_POINTS = 17  # number of points in each step of a search


def beyond(alphas: np.ndarray, betas: np.ndarray, size: int, failure: float, scale: float) -> float:
    """Upper bound on all eigenvalues of an operator, which holds with probability 1 - ``failure`` over the start vector.

    Args:
        alphas: diagonal (m,) of the tridiagonal matrix.
        betas: off-diagonal (m,); the last entry is the norm of the residual.
        size: dimension n of the space from which the start vector was drawn, uniformly on the sphere.
        failure: probability with which the bound may fail, for all m simultaneously.
        scale: scale of the whole operator, whose products have rounding errors of this size times the machine precision. These
            errors must be small against the component of the start vector along any eigenvector; this limits the sharpness of
            the bound.

    Returns:
        The bound. It is the largest Ritz value if the process has exhausted the space, and the same up to rounding errors if it
        has exhausted an invariant subspace.
    """
    m = len(alphas)
    largest = float(
        scipy.linalg.eigh_tridiagonal(alphas, betas[:-1], eigvals_only=True, select="i", select_range=(m - 1, m - 1))[0]
    )
    if m >= size:
        return largest
    rounding = 4.0 * np.finfo(float).eps * scale / failure
    if betas[-1] == 0.0:
        return largest + rounding
    # |u·b| ≤ t has a probability of at most t √(2 (n - 1)/π), since the density of a coordinate on the sphere is largest at 0.
    limit = math.log(2.0 * (size - 1) / math.pi) - 2.0 * math.log(failure)
    spread = float(np.abs(alphas).max() + 2.0 * betas.max())
    low, high = math.log(1e-17 * spread), math.log(spread) + 0.5 * limit + 1.0
    for _ in range(5):
        steps = np.linspace(low, high, _POINTS)
        with np.errstate(invalid="ignore", divide="ignore"):  # occurs within rounding errors of a Ritz value
            reached = _log_sum(largest + np.exp(steps), alphas, betas) > limit
        first = int(reached.argmax()) if reached.any() else _POINTS - 1
        low, high = float(steps[max(first - 1, 0)]), float(steps[first])
    return largest + math.exp(high) + rounding


def _log_sum(x: np.ndarray, alphas: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Logarithm of Σ_{j ≤ m} ψ_j(x)² for x above all Ritz values.

    The polynomials satisfy β_j ψ_{j+1} = (x - α_j) ψ_j - β_{j-1} ψ_{j-1} and ψ_0 = 1. Above all Ritz values they are positive,
    and their ratios do not overflow.
    """
    ratios = np.empty((len(alphas), len(x)))
    carried = np.zeros_like(x)
    for row, alpha, beta in zip(ratios, alphas, betas, strict=True):
        np.divide(x - alpha - carried, beta, out=row)
        carried = beta / row
    logs = np.cumsum(2.0 * np.log(ratios), axis=0)
    largest = logs.max(axis=0).clip(min=0.0)
    return largest + np.log(np.exp(-largest) + np.exp(logs - largest).sum(axis=0))


@dataclass(frozen=True)
class Compression:
    """Compression of a symmetric operator of dimension n to a subspace of dimension m, with bounds on the complement.

    In orthonormal bases of the subspace and of its orthogonal complement, the operator is [[M, Fᵀ], [F, C]].

    Attributes:
        ritz: eigenvalues (m,) of M, ascending.
        coupling: F times the eigenvectors of M, up to a rotation (r, m); the norms of its columns are residual norms.
        low, high: bounds on the eigenvalues of C; infinite if unknown. ``low`` may exceed ``high`` if there is no complement.
        all_low, all_high: bounds on all eigenvalues of the operator.
        size: n.
    """

    ritz: np.ndarray
    coupling: np.ndarray
    low: float
    high: float
    all_low: float
    all_high: float
    size: int

    @property
    def scale(self) -> float:
        """The largest Ritz value in magnitude."""
        return float(np.abs(self.ritz).max())

    @property
    def complete(self) -> bool:
        """Whether the subspace is the whole space."""
        return len(self.ritz) == self.size

    @property
    def residuals(self) -> np.ndarray:
        """Residual norms (m,) of the Ritz pairs."""
        return np.sqrt(np.sum(self.coupling**2, axis=0))

    def mirrored(self) -> "Compression":
        """The compression of minus the operator."""
        return Compression(
            -self.ritz[::-1], self.coupling[:, ::-1], -self.high, -self.low, -self.all_high, -self.all_low, self.size
        )

    def above(self, x: float) -> tuple[int, int]:
        """Smallest and largest possible number of eigenvalues above x; the first bound is certain."""
        slack = ROUNDING * self.scale
        certain = int((self.ritz > x + slack).sum())
        return certain, self._at_most(x - slack) if x - slack < self.all_high else 0

    def below(self, x: float) -> tuple[int, int]:
        """Smallest and largest possible number of eigenvalues below x; the first bound is certain."""
        return self.mirrored().above(-x)

    def _at_most(self, x: float) -> int:
        """Upper bound on the number of eigenvalues above x.

        If x is above all eigenvalues of C, the inertia of the operator minus x is the sum of the inertias of C - x and of the
        Schur complement M - x + Fᵀ (x - C)⁻¹ F, and the latter is at most M - x + Fᵀ F/(x - high). The number of positive
        eigenvalues of this matrix is that of M - x plus the number of negative eigenvalues of I + Z (M - x)⁻¹ Zᵀ with
        Z = F/(x - high)^½.
        """
        if self.complete:
            return int((self.ritz > x).sum())
        if not x > self.high:
            return self.size
        distance = np.where(self.ritz == x, np.finfo(float).tiny, self.ritz - x)
        with np.errstate(over="ignore", invalid="ignore"):
            secular = np.eye(len(self.coupling)) + (self.coupling / distance) @ self.coupling.T / (x - self.high)
        if not np.isfinite(secular).all():
            return self.size
        return int((self.ritz > x).sum()) + int((np.linalg.eigvalsh(secular) < 0).sum())

    def highest(self, count: int) -> np.ndarray:
        """Upper bounds (count,) on the largest eigenvalues, in descending order; the Ritz values are lower bounds."""
        return np.array([self._upper(i) for i in range(count)])

    def _upper(self, i: int) -> float:
        """Upper bound on the eigenvalue with index i, 0 for the largest."""
        value, slack = float(self.ritz[-1 - i]), ROUNDING * self.scale
        if self.complete:
            return value + slack
        base = max(value, self.high)
        top = max(float(self.ritz[-1]), self.high) + float(np.linalg.norm(self.coupling)) + slack
        if base >= self.all_high:
            return max(self.all_high, value) + slack
        low, high = math.log(max(slack, np.finfo(float).tiny)), math.log(max(top - base, 2.0 * slack, 2 * np.finfo(float).tiny))
        if self._at_most(base + math.exp(low)) <= i:
            return min(base + math.exp(low), max(self.all_high, value)) + slack
        for _ in range(20):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self._at_most(base + math.exp(middle)) <= i else (middle, high)
        return min(base + math.exp(high), max(self.all_high, value)) + slack
