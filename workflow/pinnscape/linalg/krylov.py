"""Krylov spaces of several start vectors, one after the other, in one orthonormal basis."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pinnscape.linalg.bounds import Compression, beyond

BREAKDOWN = 1e-13  # a residual below this, relative to the operator, is zero: the space is invariant


def orthogonal(vector: Tensor, basis: Tensor) -> Tensor:
    """A vector (P,) without its parts along orthonormal rows (m, P), taken out twice: once leaves parts of the size of rounding errors."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


@dataclass
class _Run:
    """One Lanczos process.

    Attributes:
        start, last: positions of its first and last vector in the basis.
        random: whether it started from a random vector; else from the residual of another one.
        alphas, betas: its tridiagonal matrix.
        residual: of the last vector q: A q without its parts along the basis; None where it is zero or was gone on with.
    """

    start: int
    last: int
    random: bool
    alphas: list[float] = field(default_factory=list)
    betas: list[float] = field(default_factory=list)
    residual: Tensor | None = None


class Krylov:
    """A growing subspace and the compression of a symmetric operator to it.

    The first run is the Lanczos process from a random vector, with full reorthogonalisation (Golub & Van Loan 2013, sec. 10.3). A restart draws a
    random vector in the complement of the basis. The run from there sees the complement alone: it finds further copies of eigenvalues, of which one
    start vector has one copy each, and eigenvalues to whose eigenvectors the first start happened to be nearly orthogonal; and it bounds what is
    outside (see ``bounds``). Residuals of runs that ended stay orthogonal to the basis, couple it to its complement, and can be gone on with.

    Args:
        operator: v -> A v for rows (1, P).
        like: a vector (P,) that gives size, type and device.
        capacity: at most this many products.
        seed: of the start vectors.
        failure: probability that a bound of what is outside fails, over all start vectors together.
    """

    def __init__(self, operator: Callable[[Tensor], Tensor], like: Tensor, capacity: int, seed: int, failure: float) -> None:
        self._operator, self._generator, self._failure = operator, torch.Generator().manual_seed(seed), failure
        self.size, self.capacity = like.numel(), min(capacity, like.numel())
        self._basis = like.new_zeros(self.capacity, self.size)
        self._matrix = np.zeros((self.capacity, self.capacity))
        self._runs: list[_Run] = []
        self._outside = self._whole = (-math.inf, math.inf)
        self.length = self.starts = 0
        self._scale = float(np.finfo(float).tiny)  # of the operator: its largest entry so far
        self._next = self._basis[:0]
        self.restart()

    @property
    def basis(self) -> Tensor:
        """Orthonormal rows (m, P)."""
        return self._basis[: self.length]

    @property
    def full(self) -> bool:
        """Whether there is no room for a further product."""
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
        """End the run and begin one with a random vector in the complement."""
        self._note_bounds()
        if not self.full:
            self.starts += 1
            fresh = torch.randn(self.size, generator=self._generator, dtype=self._basis.dtype).to(self._basis)
            self._begin(orthogonal(fresh, self.basis), random=True)

    def resume(self, run: int) -> None:
        """End the run and go on with the residual of another one, by its number among ``coupled``."""
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
        """One product. After a breakdown the next one begins a new run.

        Raises:
            IndexError: there is no room.
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
        if self.length == self.size:  # nothing is left but rounding errors
            for each in self._runs:
                each.residual = None
        elif broken:
            self.restart()
        else:
            self._next = residual / beta

    def _couple(self, run: _Run, m: int, vector: Tensor) -> None:
        """Move the part of a residual along the new vector number m from the coupling into the compression."""
        assert run.residual is not None
        part = float(run.residual @ vector)
        self._matrix[run.last, m] = self._matrix[m, run.last] = part
        left = run.residual - part * vector
        run.residual = left if float(left.norm()) > BREAKDOWN * self._scale else None

    def compression(self, bounds: bool = True) -> tuple[Compression, np.ndarray, np.ndarray]:
        """What is known of the operator.

        Args:
            bounds: whether to look what the current run proves of its complement, or to go by the runs before it.

        Returns:
            the compression; the eigenvectors of the matrix (m, m), as columns; and the squared coupling of each of them by each of the ``coupled``
            runs (r, m).
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
        """What the current run proves of its complement, which holds for any part of that."""
        if not self._runs or self.fresh or not self.random:
            return
        run = self._runs[-1]
        # The shares of all starts and of both ends sum to less than ``failure``, as Σ 1/k² < 5/3.
        failure, alphas, betas = 0.3 * self._failure / self.starts**2, np.array(run.alphas), np.array(run.betas)
        low, high = (sign * beyond(sign * alphas, betas, self.size - run.start, failure, self._scale) for sign in (-1.0, 1.0))
        if run.start == 0:
            self._whole = low, high
        self._outside = max(self._outside[0], low), min(self._outside[1], high)
