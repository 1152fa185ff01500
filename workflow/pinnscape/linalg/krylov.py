"""Krylov spaces of several successive start vectors in one orthonormal basis."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pinnscape.linalg.bounds import Compression, beyond

BREAKDOWN = 1e-13  # a residual below this, relative to the scale of the operator, is zero: the space is invariant


def orthogonal(vector: Tensor, basis: Tensor) -> Tensor:
    """A vector (P,) minus its projection onto orthonormal rows (m, P).

    The projection is subtracted twice, because one pass leaves components of the size of rounding errors.
    """
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


@dataclass
class _Run:
    """One Lanczos process.

    Attributes:
        start, last: indices of its first and its last vector in the basis.
        random: whether it started from a random vector; otherwise it started from the residual of another run.
        alphas, betas: diagonal and off-diagonal of its tridiagonal matrix.
        residual: A q minus its projection onto the basis, for the last vector q; None if it is zero or was continued from.
    """

    start: int
    last: int
    random: bool
    alphas: list[float] = field(default_factory=list)
    betas: list[float] = field(default_factory=list)
    residual: Tensor | None = None


class Krylov:
    """A growing subspace and the compression of a symmetric operator to it.

    The first run is the Lanczos process from a random vector, with full reorthogonalisation (Golub & Van Loan 2013, sec. 10.3).
    A restart draws a random vector in the orthogonal complement of the basis, and the new run is confined to this complement.
    It finds further copies of multiple eigenvalues, of which one start vector yields a single copy, and eigenvalues with
    eigenvectors to which the first start vector happened to be nearly orthogonal. It also bounds the eigenvalues of the
    complement (see ``bounds``). The residuals of ended runs stay orthogonal to the basis and couple it to its complement; a new
    run can continue from such a residual.

    Args:
        operator: v -> A v for rows (1, P).
        like: vector (P,) that sets the size, dtype and device.
        capacity: maximum number of products.
        seed: seed of the start vectors.
        failure: probability that a bound on the complement fails, over all start vectors together.
    """

    def __init__(self, operator: Callable[[Tensor], Tensor], like: Tensor, capacity: int, seed: int, failure: float) -> None:
        self._operator, self._generator, self._failure = operator, torch.Generator().manual_seed(seed), failure
        self.size, self.capacity = like.numel(), min(capacity, like.numel())
        self._basis = like.new_empty(self.capacity, self.size)  # memory is taken only for the rows that are used
        self._matrix = np.zeros((self.capacity, self.capacity))
        self._runs: list[_Run] = []
        self._outside = self._whole = (-math.inf, math.inf)
        self.length = self.starts = 0
        self._scale = float(np.finfo(float).tiny)  # scale of the operator: the largest entry of its compression so far
        self._next = self._basis[:0]
        self.restart()

    @property
    def basis(self) -> Tensor:
        """Orthonormal rows (m, P)."""
        return self._basis[: self.length]

    @property
    def full(self) -> bool:
        """Whether the capacity is used up."""
        return self.length == self.capacity

    @property
    def random(self) -> bool:
        """Whether the current run started from a random vector."""
        return self._runs[-1].random

    @property
    def fresh(self) -> bool:
        """Whether the current run has not taken a step."""
        return not self._runs[-1].alphas

    def restart(self) -> None:
        """End the current run and begin one from a random vector in the complement of the basis."""
        self._note_bounds()
        if not self.full:
            self.starts += 1
            fresh = torch.randn(self.size, generator=self._generator, dtype=self._basis.dtype).to(self._basis)
            self._begin(orthogonal(fresh, self.basis), random=True)

    def resume(self, run: int) -> None:
        """End the current run and begin one from the residual of an earlier run, given by its index in ``coupled``."""
        source = self.coupled[run]
        if source is not self._runs[-1] and source.residual is not None and not self.full:
            self._note_bounds()
            self._begin(source.residual, random=False)

    def _begin(self, vector: Tensor, random: bool) -> None:
        self._next = vector / vector.norm()
        self._runs.append(_Run(self.length, self.length, random))

    @property
    def coupled(self) -> list[_Run]:
        """The runs whose residuals couple the basis to its complement."""
        return [run for run in self._runs if run.residual is not None]

    def step(self) -> None:
        """Take one product; after a breakdown, the next product begins a new run.

        Raises:
            IndexError: the capacity is used up.
        """
        if self.full:
            raise IndexError("the capacity of the Krylov space is used up")
        m, run, vector = self.length, self._runs[-1], self._next
        self._basis[m] = vector
        for other in self.coupled:
            self._couple(other, m, vector)
        image = self._operator(vector.unsqueeze(0))[0]
        self._matrix[m, m] = float(image @ vector)
        self.length = m + 1
        residual = orthogonal(image, self.basis)
        beta = float(residual.norm())
        run.last = m
        run.alphas.append(self._matrix[m, m])
        run.betas.append(beta)
        self._scale = max(self._scale, abs(run.alphas[-1]), beta)
        broken = beta <= BREAKDOWN * self._scale
        run.residual = None if broken else residual
        if self.length == self.size:  # the residuals are rounding errors
            for each in self._runs:
                each.residual = None
        elif broken:
            self.restart()
        else:
            self._next = residual / beta

    def _couple(self, run: _Run, m: int, vector: Tensor) -> None:
        """Move the component of a residual along the new basis vector with index m from the coupling into the compression."""
        assert run.residual is not None
        part = float(run.residual @ vector)
        self._matrix[run.last, m] = self._matrix[m, run.last] = part
        left = run.residual - part * vector
        run.residual = left if float(left.norm()) > BREAKDOWN * self._scale else None

    def compression(self, bounds: bool = True) -> tuple[Compression, np.ndarray, np.ndarray]:
        """The compression of the operator to the basis.

        Args:
            bounds: whether to compute the bounds that the current run gives; otherwise only those of earlier runs are used.

        Returns:
            The compression; the eigenvectors of its matrix as columns (m, m); and the squared coupling (r, m) of each
            eigenvector to the complement by each of the ``coupled`` runs.
        """
        m, runs = self.length, self.coupled
        residuals = [run.residual for run in runs if run.residual is not None]
        ritz, vectors = np.linalg.eigh(self._matrix[:m, :m])
        entries = vectors[[run.last for run in runs]]
        gram = np.array([[float(a @ b) for b in residuals] for a in residuals]).reshape(len(runs), len(runs))
        values, rotation = np.linalg.eigh(gram)
        root = (rotation * np.sqrt(values.clip(min=0.0))) @ rotation.T
        if bounds:
            self._note_bounds()
        found = Compression(ritz, root @ entries, *self._outside, *self._whole, self.size)
        return found, vectors, np.diag(gram)[:, None] * entries**2

    def own_ends(self) -> tuple[float, float]:
        """The smallest and the largest Ritz value of the current run alone."""
        run = self._runs[-1]
        off = np.array(run.betas[:-1])
        values = np.linalg.eigvalsh(np.diag(run.alphas) + np.diag(off, 1) + np.diag(off, -1))
        return float(values[0]), float(values[-1])

    def _note_bounds(self) -> None:
        """Tighten the bounds by those of the current run, which hold for the complement it is confined to and its subspaces."""
        if not self._runs or self.fresh or not self.random:
            return
        run = self._runs[-1]
        # The probabilities of failure of all starts and both ends sum to less than ``failure``, since Σ 1/k² < 5/3.
        failure, alphas, betas = 0.3 * self._failure / self.starts**2, np.array(run.alphas), np.array(run.betas)
        low, high = (sign * beyond(sign * alphas, betas, self.size - run.start, failure, self._scale) for sign in (-1.0, 1.0))
        if run.start == 0:
            self._whole = low, high
        self._outside = max(self._outside[0], low), min(self._outside[1], high)
