"""Eigenpairs of a symmetric matrix, and numbers that describe a spectrum of which all eigenvalues are known."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError

GAP = 10.0  # factor that must separate the nonzero eigenvalues from those that count as zero, for a condition number
LEVEL = 1e-3  # relative to the largest eigenvalue; eigenvalues above this are outliers, those within it are the bulk
WITHHELD = f"NaN where no gap of a factor of {GAP:g} separates the nonzero eigenvalues from those that count as zero"


def decompose(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (P,) of a symmetric matrix in descending order and unit eigenvectors as rows (P, P), signs fixed.

    Raises:
        DivergenceError: the solver does not converge.
    """
    values, vectors = _solved(torch.linalg.eigh, matrix)
    return values.flip(0), fix_signs(vectors.T.flip(0))


def values(matrix: Tensor) -> Tensor:
    """The eigenvalues (P,) alone; see ``decompose``."""
    return _solved(torch.linalg.eigvalsh, matrix).flip(0)


def _solved(solver: Callable[[Tensor], Any], matrix: Tensor) -> Any:
    try:
        return solver(matrix)
    except torch.linalg.LinAlgError as error:  # pyright: ignore[reportPrivateImportUsage]
        raise DivergenceError(f"the eigenvalue solver fails for a matrix of {len(matrix)} rows ({error})") from error


def fix_signs(vectors: Tensor) -> Tensor:
    """Rows with signs such that the entry of largest magnitude is positive, since eigenvectors are unique only up to sign."""
    largest = vectors.abs().argmax(-1, keepdim=True)
    return vectors * torch.where(vectors.gather(-1, largest) < 0, -1.0, 1.0)


@dataclass(frozen=True)
class Summary:
    """Numbers that describe a spectrum of which all eigenvalues are known.

    Attributes:
        condition_number: ratio of the largest to the smallest magnitude of the nonzero eigenvalues; NaN if withheld.
        negative, nullity: number of negative eigenvalues, and number of eigenvalues that count as zero.
        effective_rank: exp(-Σ p log p) with p = |λ|/Σ|λ| (Roy & Vetterli 2007), without eigenvalues that count as zero.
        share_above: share of the eigenvalues above 1e-3 of the largest.
        bulk_share: share of the eigenvalues whose magnitude is at most 1e-3 of the largest.
        reason: reason why the condition number is withheld; empty if it is not withheld.
    """

    condition_number: float
    negative: float
    nullity: float
    effective_rank: float
    share_above: float
    bulk_share: float
    reason: str

    @property
    def numbers(self) -> dict[str, float]:
        """All numbers by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "reason"}


def summary(eigenvalues: np.ndarray, null_tolerance: float) -> Summary:
    """Numbers that describe a spectrum.

    The condition number is withheld if no gap of a factor of ``GAP`` separates the nonzero eigenvalues from those that count as
    zero, or if a nonzero eigenvalue is within this factor of the tolerance. Otherwise, the condition number of a spectrum that
    decays steadily to rounding errors would be about 1/``null_tolerance`` for any problem.

    Args:
        eigenvalues: all eigenvalues (P,), in any order.
        null_tolerance: eigenvalues of at most this magnitude, relative to the largest, count as zero.
    """
    size, magnitude, nan = len(eigenvalues), np.abs(eigenvalues), float("nan")
    largest = float(magnitude.max())
    if not largest > 0.0:
        return Summary(nan, 0.0, float(size), nan, 0.0, 1.0, "all eigenvalues are zero")
    zero = null_tolerance * largest
    counted = magnitude > zero
    least, rest = float(magnitude[counted].min()), float(magnitude[~counted].max(initial=0.0))
    reason = ""
    if least <= GAP * zero:
        reason = f"an eigenvalue is within a factor of {GAP:g} of the null tolerance, {null_tolerance:g} of the largest"
    elif least <= GAP * rest:
        reason = f"no gap of a factor of {GAP:g} separates the nonzero eigenvalues from those that count as zero"
    p = magnitude[counted] / magnitude.sum()
    top = float(eigenvalues.max())
    return Summary(
        nan if reason else largest / least,
        float((eigenvalues < -zero).sum()),
        float((~counted).sum()),
        float(np.exp(-np.sum(p * np.log(p)))),
        float((eigenvalues > LEVEL * top).sum()) / size if top > zero else 0.0,
        float((magnitude <= LEVEL * top).sum()) / size if top > zero else nan,
        reason,
    )
