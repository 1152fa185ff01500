"""The Lanczos process with full reorthogonalisation (Golub & Van Loan 2013, sec. 10.3), and extreme eigenpairs from it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.linalg.bounds import ROUNDING, Compression
from pinnscape.linalg.eigen import fix_signs
from pinnscape.linalg.krylov import Krylov

FAILURE = 1e-4  # probability over the start vectors that a bound of ``extremes`` fails
# Criteria for a change of the run, chosen on spectra of networks, for which poor choices cost up to twice as many products.
_FIRST = 2 / 3  # largest share of the steps that the first start vector takes
_ACCURATE = 0.3  # the second start waits until the residuals are below this share of the tolerance
# The bound on the complement suffices if its distance from the largest Ritz value there is at most this share of the distance
# from that Ritz value to the smallest wanted eigenvalue.
_NEAR = 0.2
Operator = Callable[[Tensor], Tensor]  # maps rows (k, P) to rows (k, P)


class Lanczos:
    """Parallel Lanczos processes for one symmetric operator, one for each of several start vectors.

    Without reorthogonalisation, converged eigenvalues reappear as ghosts; each new vector is therefore orthogonalised twice
    against all earlier vectors. A process that has exhausted an invariant subspace continues with a random vector orthogonal to
    it and β = 0.

    Args:
        operator: v -> A v for rows.
        starts: start vectors (k, P), each with a positive norm.
        generator: random generator of the vectors after a breakdown.
        capacity: maximum number of steps.

    Attributes:
        alphas, betas: diagonal and off-diagonal entries (k,) of the tridiagonal matrices, one item per step.
    """

    def __init__(self, operator: Operator, starts: Tensor, generator: torch.Generator, capacity: int) -> None:
        self._operator, self._generator = operator, generator
        self.capacity = min(capacity, starts.shape[-1])
        self._basis = starts.new_zeros(starts.shape[0], self.capacity + 1, starts.shape[-1])
        self._basis[:, 0] = starts / starts.norm(dim=-1, keepdim=True)
        self.alphas: list[Tensor] = []
        self.betas: list[Tensor] = []

    @property
    def basis(self) -> Tensor:
        """Orthonormal rows (k, m, P) after m steps."""
        return self._basis[:, : len(self.alphas)]

    def step(self) -> None:
        """Take one step of each process."""
        m = len(self.alphas)
        vector = self._operator(self._basis[:, m])
        self.alphas.append((vector * self._basis[:, m]).sum(-1))
        vector = self._orthogonal(vector, m + 1)
        beta = vector.norm(dim=-1)
        scale = torch.stack(self.alphas).abs().amax(0) + (torch.stack(self.betas).amax(0) if self.betas else 0.0) + beta
        broken = beta <= 1e-13 * scale + torch.finfo(beta.dtype).tiny
        if bool(broken.any()):
            fresh = torch.randn(vector.shape, generator=self._generator, dtype=vector.dtype).to(vector)
            fresh = self._orthogonal(fresh, m + 1)
            vector = torch.where(broken.unsqueeze(-1), fresh, vector)
            beta = torch.where(broken, 0.0, beta)
        norm = vector.norm(dim=-1, keepdim=True)
        self._basis[:, m + 1] = torch.where(norm > 0, vector / norm, 0.0)
        self.betas.append(beta)

    def _orthogonal(self, vector: Tensor, m: int) -> Tensor:
        basis = self._basis[:, :m]
        for _ in range(2):
            vector = vector - torch.einsum("kmp,km->kp", basis, torch.einsum("kmp,kp->km", basis, vector))
        return vector

    def ritz(self) -> tuple[Tensor, Tensor]:
        """Ritz values (k, m), ascending, and the eigenvectors of the tridiagonal matrices as columns (k, m, m)."""
        matrix = torch.diag_embed(torch.stack(self.alphas, -1))
        if len(self.betas) > 1:
            off = torch.diag_embed(torch.stack(self.betas[:-1], -1), offset=1)
            matrix = matrix + off + off.transpose(-1, -2)
        return torch.linalg.eigh(matrix)


@dataclass(frozen=True)
class Extremes:
    """Eigenpairs at both ends of a spectrum, in descending order.

    Attributes:
        values: Ritz values (2k,).
        vectors: Ritz vectors as rows (2k, P).
        index: index (2k,) of each eigenvalue among all P, 0 for the largest.
        low, high: bounds (2k,) on the eigenvalue with this index. One of the bounds is the Ritz value itself and certain: by
            the Courant-Fischer theorem, it is a lower bound at the upper end of the spectrum and an upper bound at the lower
            end. The other bound fails with the probability ``FAILURE`` over the start vectors.
        residual_bounds: ‖A v - λ v‖ (2k,) as the process estimates it.
        verified: whether the residual norm and the distance between the bounds are below the tolerance, for each pair (2k,).
        steps: number of products.
        seen: compression of the operator, for counts of eigenvalues. It is in a separate unit if the squares of the eigenvalues
            would underflow or overflow.
    """

    values: Tensor
    vectors: Tensor
    index: Tensor
    low: Tensor
    high: Tensor
    residual_bounds: Tensor
    verified: Tensor
    steps: int
    seen: Compression

    @property
    def converged(self) -> bool:
        """Whether all pairs are verified: they are accurate, and no pair was skipped."""
        return bool(self.verified.all())


def extremes(
    operator: Operator, like: Tensor, count: int, steps: int, tolerance: float, seed: int, smallest: bool = True
) -> Extremes:
    """The ``count`` largest and ``count`` smallest eigenpairs of a symmetric operator, with bounds on the eigenvalues.

    Small residuals prove that eigenvalues were found, but not that none was skipped. Once the residuals are small or most steps
    are taken, the process restarts from a random vector in the complement of its basis. This restart finds skipped eigenvalues
    or bounds those of the complement (see ``bounds``).

    Args:
        operator: v -> A v for rows (1, P).
        like: vector (P,) that sets the size, dtype and device.
        count: number of eigenpairs at each end.
        steps: maximum number of products.
        tolerance: residual norm of a converged pair and distance between the bounds on its eigenvalue, relative to the largest
            eigenvalue in magnitude.
        seed: seed of the start vectors.
        smallest: whether the smallest eigenpairs are wanted too; the largest alone often take a fraction of the steps.

    Returns:
        The eigenpairs, or all P of them if 2·count ≥ P. Eigenpairs that have not converged are a result, not an error.

    Raises:
        DivergenceError: a product is not finite.
    """
    scaled = _Scaled(operator)
    space = Krylov(scaled, like, steps, seed, FAILURE)
    check = (2 if smallest else 1) * count + 1
    while True:
        space.step()
        if space.length < check and not space.full:
            continue
        check = space.length + max(2, space.length // 16)
        # Bounds take as long as some products of a small network; those on several pairs are useless during the first start.
        seen, vectors, parts = space.compression(bounds=space.full or space.starts > 1 or count == 1)
        ends, index = _ends(seen, count, smallest)
        slack = tolerance * seen.scale
        found, infinite = seen.residuals[ends] <= slack, np.full(len(ends), np.inf)
        low, high = _intervals(seen, ends, min(count, len(seen.ritz))) if found.all() or space.full else (-infinite, infinite)
        verified = found & (high - low <= slack + 4.0 * ROUNDING * seen.scale)
        if verified.all() or space.full:
            break
        _go_on(space, seen, parts, min(count, len(seen.ritz)), slack, smallest, float(seen.residuals[ends].max()))
    rows = like.new_tensor(vectors[:, ends].T) @ space.basis
    numbers = (like.new_tensor(scaled.unit * values) for values in (seen.ritz[ends], low, high, seen.residuals[ends]))
    values, low, high, residuals = numbers
    return Extremes(
        values, fix_signs(rows), torch.from_numpy(index), low, high, residuals, torch.from_numpy(verified), space.length, seen
    )


class _Scaled:
    """An operator in a unit in which the squares of its entries neither underflow nor overflow.

    The unit is a power of 2; it is 1 if the squares do not underflow or overflow in the first place.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator, self.unit, self._known = operator, 1.0, False

    def __call__(self, rows: Tensor) -> Tensor:
        """Products divided by the unit.

        Raises:
            DivergenceError: a product is not finite.
        """
        products = self._operator(rows)
        if not bool(products.isfinite().all()):
            raise DivergenceError("a product with the Hessian is not finite")
        size = float(products.abs().max())
        if not self._known and size > 0.0:
            self._known = True
            self.unit = 1.0 if 1e-100 < size < 1e100 else 2.0 ** math.floor(math.log2(size))
        return products / self.unit if self.unit != 1.0 else products


def _ends(seen: Compression, count: int, smallest: bool) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the largest (and smallest) Ritz values, in descending order of value.

    The first array refers to the ascending Ritz values, the second one to all P eigenvalues in descending order.
    """
    m = len(seen.ritz)
    largest = np.arange(m - 1, max(m - 1 - count, -1), -1)
    rest = np.arange(min(count, m - len(largest)) - 1, -1, -1) if smallest else largest[:0]
    return np.concatenate([largest, rest]), np.concatenate([m - 1 - largest, seen.size - 1 - rest])


def _intervals(seen: Compression, ends: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds on the eigenvalues at ``ends``, the first ``count`` of which belong to the upper end."""
    values, rounding = seen.ritz[ends], ROUNDING * seen.scale
    low, high = values - rounding, values + rounding
    high[:count] = seen.highest(count)
    low[count:] = -seen.mirrored().highest(len(ends) - count)[::-1]
    return low, high


def _go_on(
    space: Krylov, seen: Compression, parts: np.ndarray, count: int, slack: float, smallest: bool, residual: float
) -> None:
    """Choose the next vector: the next one of the current run, a random one, or the residual of an ended run.

    Args:
        space: Krylov space.
        seen: compression of the operator.
        parts: squared couplings of the Ritz vectors by run.
        count: number of wanted pairs at each end.
        slack: absolute tolerance of the eigenvalues.
        smallest: whether the lower end of the spectrum is wanted.
        residual: largest residual norm of the wanted pairs.
    """
    if space.fresh or (space.starts == 1 and count == 1):
        return  # one copy of the outermost eigenvalue suffices, and the first start already bounds it
    if space.starts == 1:
        if residual <= _ACCURATE * slack or space.length >= _FIRST * space.capacity:
            space.restart()
        return
    low, high = space.own_ends()
    ends = [(seen, high)] + ([(seen.mirrored(), -low)] if smallest else [])
    limits = [float(side.ritz[-count]) + slack for side, _ in ends]
    if space.random:
        if any(own > limit for (_, own), limit in zip(ends, limits, strict=True)):
            # The run has found a skipped eigenvalue; it therefore cannot show that no other one was skipped.
            if residual <= slack:
                space.restart()
            return
        if any(side.high > own + _NEAR * (limit - own) for (side, own), limit in zip(ends, limits, strict=True)):
            return
    # The complement is bounded. It remains to reduce the coupling to it.
    weights = np.zeros(len(parts))
    for (side, _), limit, couplings in zip(ends, limits, (parts, parts[:, ::-1]), strict=False):
        inside = side.ritz < limit
        weights = np.maximum(
            weights, (couplings[:, inside] / (limit - side.ritz[inside])).sum(1) / max(limit - side.high, slack)
        )
    if len(weights):
        space.resume(int(weights.argmax()))
