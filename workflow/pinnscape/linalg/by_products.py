"""Properties of a large symmetric operator from its products alone: largest eigenvalues, bounds, and estimates with errors."""

import logging

import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.linalg.lanczos import Lanczos, Operator
from pinnscape.linalg.pairs import by_lanczos
from pinnscape.linalg.trace import hutch_plus_plus

log = logging.getLogger(__name__)


def largest(
    operator: Operator, like: Tensor, count: int, solver: EigensolverSettings, seed: int, what: str
) -> tuple[Tensor, Tensor]:
    """The largest eigenvalues (count,), in descending order, and their eigenvectors as rows (count, P).

    Both are NaN if Lanczos does not converge.

    Args:
        operator: v -> A v for rows (k, P).
        like: vector (P,) that sets the size, dtype and device.
        count: number of eigenvalues, at most P.
        solver: steps and tolerance of Lanczos.
        seed: seed of the start vector.
        what: name of the eigenvalues in the log.
    """
    try:
        return by_lanczos(operator, like, count, solver, seed, smallest=False).stated(count, what)
    except DivergenceError as error:
        log.warning("%s: withheld, %s", what, error)
        return like.new_full((count,), torch.nan), like.new_full((count, like.numel()), torch.nan)


def below(operator: Operator, like: Tensor, steps: int, seed: int, null_tolerance: float) -> tuple[float, int]:
    """An upper bound on the smallest eigenvalue, and a lower bound on the number of negative eigenvalues.

    The Ritz values of A in a subspace interlace with the eigenvalues of A (Cauchy; Horn & Johnson 2013, theorem 4.3.28). A
    Lanczos process of any length therefore gives these bounds, whether it has converged or not.

    Args:
        operator: v -> A v for rows (k, P).
        like: vector (P,) that sets the size, dtype and device.
        steps: maximum number of steps of the process.
        seed: seed of the start vector.
        null_tolerance: a Ritz value counts as negative if it is below -``null_tolerance`` times the largest magnitude.
    """
    generator = torch.Generator().manual_seed(seed)
    process = Lanczos(operator, torch.randn(1, like.numel(), generator=generator, dtype=like.dtype).to(like), generator, steps)
    while len(process.alphas) < process.capacity:
        process.step()
    values = process.ritz()[0][0]
    return float(values[0]), int((values < -null_tolerance * values.abs().max()).sum())


def frobenius(operator: Operator, like: Tensor, products: int, seed: int, scale: float = 0.0) -> tuple[float, float]:
    """Estimate of the Frobenius norm √tr A² by Hutch++ on A², and its standard error, which includes rounding errors.

    Args:
        operator: v -> A v for rows (k, P), symmetric.
        like: vector (P,) that sets the size, dtype and device.
        products: number of products with A², each of which takes two products with A; at least 6.
        seed: seed of the random signs.
        scale: if A is the difference of two operators, the Frobenius norm of the larger one; rounding errors are relative to
            it.
    """
    square, error = hutch_plus_plus(lambda rows: operator(operator(rows)), like, products, seed)
    norm = max(square, 0.0) ** 0.5  # a difference of operators is not exactly symmetric because of rounding errors
    rounding = like.numel() * torch.finfo(like.dtype).eps * max(norm, scale)
    return norm, error / (2.0 * norm) + rounding if norm > 0 else error**0.5 + rounding


def ratio(part: tuple[float, float], whole: tuple[float, float]) -> tuple[float, float]:
    """The quotient of two estimates with errors, and its error, which holds for any correlation between the two estimates."""
    if not whole[0] > 0:
        return float("nan"), float("nan")
    share = part[0] / whole[0]
    return share, (part[1] + share * whole[1]) / whole[0]
