"""The Lanczos process with full reorthogonalisation (Golub & Van Loan 2013, sec. 10.3), and extreme eigenpairs from it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.curvature.dense import fix_signs

Operator = Callable[[Tensor], Tensor]  # maps rows (k, P) to rows (k, P)


class Lanczos:
    """Lanczos processes for one symmetric operator, one for each of several start vectors, run side by side.

    Without reorthogonalisation, converged eigenvalues come back as ghosts; each new vector is therefore orthogonalised against all before,
    twice. Where a process has exhausted an invariant subspace, it goes on with a random vector orthogonal to it and β = 0.

    Args:
        operator: v -> A v for rows.
        starts: (k, P), each of norm above 0.
        generator: for the vectors after a breakdown.

    Attributes:
        alphas, betas: diagonals (k,) and off-diagonals (k,) of the tridiagonal matrices, one entry a step.
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

    def ritz(self, steps: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Ritz values (k, m), ascending, and the eigenvectors of the tridiagonal matrices as columns (k, m, m).

        ``steps`` selects a run of steps that no other one is coupled to.
        """
        alphas, betas = self.alphas[steps], self.betas[steps][:-1]
        matrix = torch.diag_embed(torch.stack(alphas, -1))
        if betas:
            off = torch.diag_embed(torch.stack(betas, -1), offset=1)
            matrix = matrix + off + off.transpose(-1, -2)
        return torch.linalg.eigh(matrix)


@dataclass(frozen=True)
class Extremes:
    """Eigenpairs at both ends of a spectrum, in descending order.

    Attributes:
        values: (2k,); vectors: rows (2k, P); index: position (2k,) of each among all P.
        residual_bounds: ‖A v - λ v‖ (2k,) as the process estimates it.
        steps: Lanczos steps taken; converged: whether every bound is below the tolerance, and no breakdown tells of further copies.
    """

    values: Tensor
    vectors: Tensor
    index: Tensor
    residual_bounds: Tensor
    steps: int
    converged: bool


def extremes(
    operator: Operator, like: Tensor, count: int, steps: int, tolerance: float, seed: int, smallest: bool = True
) -> Extremes:
    """The ``count`` largest and ``count`` smallest eigenpairs of a symmetric operator.

    Args:
        operator: v -> A v for rows (1, P).
        like: a vector (P,) that gives size, type and device.
        count: eigenpairs at each end.
        steps: at most this many Lanczos steps (products).
        tolerance: residual norm of a converged pair, relative to the largest eigenvalue in magnitude.
        seed: of the start vector.
        smallest: whether the smallest are wanted too; the largest alone often take a fraction of the steps.

    Returns:
        The eigenpairs; it is a result, not an error, if not all have converged. If 2·count ≥ P: all of them.
    """
    size = like.numel()
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randn(1, size, generator=generator, dtype=like.dtype).to(like)
    process = Lanczos(operator, starts, generator, steps)
    while True:
        process.step()
        m = len(process.alphas)
        early = m <= 2 * count or m % 10 if smallest else m <= count or m % 5
        if m < process.capacity and early:
            continue
        values, vectors = process.ritz()
        bounds = (process.betas[-1].unsqueeze(-1) * vectors[:, -1, :].abs())[0]
        ends, slack = _ends(m, count, smallest), tolerance * values.abs().max()
        settled = m == size or _settled(process, values[0], count, slack, smallest)
        converged = bool((bounds[ends] <= slack).all()) and settled
        if converged or m == process.capacity:
            break
    rows = vectors[0][:, ends].T @ process.basis[0]
    index = torch.tensor([m - 1 - e if e >= m - count else size - 1 - e for e in ends.tolist()])
    return Extremes(values[0][ends], fix_signs(rows), index, bounds[ends], m, converged)


def _settled(process: Lanczos, values: Tensor, count: int, slack: Tensor, smallest: bool) -> bool:
    """Whether no copy of a multiple eigenvalue is missing from the ends of ``values`` (m,), ascending, as far as breakdowns tell.

    Up to a breakdown a process sees one copy of each eigenvalue, from there to the next one the second copies, and so on: copies
    that are still unseen lie within the spectrum between the last two breakdowns.
    """
    breaks = [0] + [i + 1 for i, beta in enumerate(process.betas) if float(beta) == 0.0]
    if len(breaks) == 1:
        return True
    unseen, k = process.ritz(slice(*breaks[-2:]))[0][0], min(count, len(values))
    return bool(unseen[-1] <= values[-k] + slack) and (not smallest or bool(unseen[0] >= values[k - 1] - slack))


def _ends(m: int, count: int, smallest: bool) -> Tensor:
    """Positions of the largest (and smallest) of m ascending values, in descending order of value."""
    if not smallest:
        return torch.arange(m - 1, max(m - 1 - count, -1), -1)
    if m <= 2 * count:
        return torch.arange(m - 1, -1, -1)
    return torch.cat([torch.arange(m - 1, m - 1 - count, -1), torch.arange(count - 1, -1, -1)])
