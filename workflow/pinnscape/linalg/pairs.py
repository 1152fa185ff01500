"""Eigenpairs of a symmetric operator with bounds on each eigenvalue.

All eigenpairs are computed from the matrix of the operator, or those at the ends of the spectrum by Lanczos.
"""

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
    """Eigenpairs in descending order: all P, those of the upper end of the spectrum, or those of both ends.

    Attributes:
        values: eigenvalues or Ritz values (n,).
        vectors: unit eigenvectors as rows (n, P); no rows if they were not requested.
        index: index (n,) of each eigenvalue among all P, 0 for the largest.
        low, high: bounds (n,) on the eigenvalue with this index.
        verified: whether each eigenvalue (n,) is known to the tolerance.
        rounding: size of the rounding errors, relative to the largest eigenvalue in magnitude.
        matrix: matrix (P, P) of the operator, if the eigenpairs were computed from it.
        process: results of the Lanczos process, if the eigenpairs were computed by one.
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
        """Whether all eigenpairs are verified."""
        return bool(self.verified.all())

    @property
    def known(self) -> Tensor:
        """The values (n,), NaN where not verified."""
        return torch.where(self.verified, self.values, torch.nan)

    def stated(self, count: int, what: str) -> tuple[Tensor, Tensor]:
        """The ``count`` largest values and their vectors; NaN, with a warning in the log, unless all pairs are verified.

        Args:
            count: number of values, at most n.
            what: name of the eigenvalues in the log.
        """
        if self.converged or self.process is None:
            return self.values[:count], self.vectors[:count]
        log.warning(
            "%s: withheld, Lanczos has not converged after %d steps; raise eigensolver.lanczos_steps",
            what,
            self.process.steps,
        )
        return self.values.new_full((count,), torch.nan), self.vectors.new_full((count, self.vectors.shape[-1]), torch.nan)


def by_matrix(matrix: Tensor, vectors: bool = True) -> Eigenpairs:
    """All eigenpairs of a symmetric matrix (P, P); the bounds account for the rounding errors of a symmetric eigenvalue solver.

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
    """The ``count`` largest and, if wanted, the ``count`` smallest eigenpairs; the arguments are those of ``lanczos.extremes``.

    Raises:
        DivergenceError: a product is not finite.
    """
    found = extremes(operator, like, count, solver.lanczos_steps, solver.lanczos_tolerance, seed, smallest)
    verified = found.verified.to(like.device)
    return Eigenpairs(found.values, found.vectors, found.index, found.low, found.high, verified, 2.0 * ROUNDING, process=found)
