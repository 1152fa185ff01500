"""Eigenpairs of a symmetric operator with bounds of each eigenvalue: all of them from its matrix, or those at its ends from Lanczos processes."""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.config.sections import EigensolverSettings
from pinnscape.linalg import eigen
from pinnscape.linalg.bounds import ROUNDING
from pinnscape.linalg.lanczos import Extremes, Operator, extremes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenpairs in descending order: all P, or those of the upper end, or of both.

    Attributes:
        values: (n,).
        vectors: unit rows (n, P); none where they were not asked for.
        index: position (n,) of each value among all P, 0 the largest.
        low, high: bounds (n,) of the eigenvalue at that position.
        verified: whether each (n,) is known to the tolerance.
        rounding: size of the rounding errors, relative to the largest eigenvalue in magnitude.
        matrix: (P, P), where all are from it.
        process: the Lanczos process, where they are from one.
    """

    values: Tensor
    vectors: Tensor
    index: Tensor
    low: Tensor
    high: Tensor
    verified: Tensor
    rounding: float
    matrix: Tensor | None = None
    process: Extremes | None = None

    @property
    def converged(self) -> bool:
        """Whether all are verified."""
        return bool(self.verified.all())

    @property
    def known(self) -> Tensor:
        """The values (n,), NaN where they are not verified."""
        return torch.where(self.verified, self.values, torch.nan)

    def stated(self, count: int, what: str) -> tuple[Tensor, Tensor]:
        """The ``count`` largest values and their vectors; NaN, with a line in the log, unless all are verified.

        Args:
            count: at most n.
            what: the eigenvalues are called in the log.
        """
        if self.converged or self.process is None:
            return self.values[:count], self.vectors[:count]
        log.warning(
            "%s: not stated, Lanczos has not converged after %d steps; raise eigensolver.lanczos_steps",
            what,
            self.process.steps,
        )
        return self.values.new_full((count,), torch.nan), self.vectors.new_full((count, self.vectors.shape[-1]), torch.nan)


def by_matrix(matrix: Tensor, vectors: bool = True) -> Eigenpairs:
    """All eigenpairs of a symmetric matrix (P, P); the bounds are those of the rounding errors of a symmetric eigenvalue solver.

    Raises:
        DivergenceError: the solver does not converge.
    """
    values, rows = eigen.decompose(matrix) if vectors else (eigen.values(matrix), matrix[:0])
    rounding = len(values) * torch.finfo(values.dtype).eps
    error = rounding * values.abs().max()
    verified = torch.ones_like(values, dtype=torch.bool)
    return Eigenpairs(
        values, rows, torch.arange(len(values)), values - error, values + error, verified, rounding, matrix=matrix
    )


def by_lanczos(
    operator: Operator, like: Tensor, count: int, solver: EigensolverSettings, seed: int, smallest: bool = True
) -> Eigenpairs:
    """The ``count`` largest and, if they are wanted, the ``count`` smallest eigenpairs; arguments as for ``lanczos.extremes``.

    Raises:
        DivergenceError: a product is not finite.
    """
    found = extremes(operator, like, count, solver.lanczos_steps, solver.lanczos_tolerance, seed, smallest)
    verified = found.verified.to(like.device)
    return Eigenpairs(found.values, found.vectors, found.index, found.low, found.high, verified, 2.0 * ROUNDING, process=found)
