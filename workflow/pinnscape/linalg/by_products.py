"""What can be said of a large symmetric operator from its products alone: its largest eigenvalues, bounds, and estimates with their errors."""

import logging

import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import EigensolverSettings
from pinnscape.linalg.lanczos import Lanczos, Operator, extremes
from pinnscape.linalg.trace import hutch_plus_plus

log = logging.getLogger(__name__)


def largest(
    operator: Operator, like: Tensor, count: int, solver: EigensolverSettings, seed: int, what: str
) -> tuple[Tensor, Tensor]:
    """The largest eigenvalues (count,), in descending order, and their eigenvectors as rows (count, P).

    Both are NaN if Lanczos does not converge.

    Args:
        operator: v -> A v for rows (k, P).
        like: a vector (P,) that gives size, type and device.
        count: at most P.
        solver: steps and tolerance of Lanczos.
        seed: of the start vector.
        what: the eigenvalues are called in the log.
    """
    absent = like.new_full((count,), torch.nan), like.new_full((count, like.numel()), torch.nan)
    try:
        found = extremes(operator, like, count, solver.lanczos_steps, solver.lanczos_tolerance, seed, smallest=False)
    except DivergenceError as error:
        log.warning("%s: not stated, %s", what, error)
        return absent
    if found.converged:
        return found.values[:count], found.vectors[:count]
    log.warning("%s: not stated, Lanczos has not converged after %d steps; raise eigensolver.lanczos_steps", what, found.steps)
    return absent


def below(operator: Operator, like: Tensor, steps: int, seed: int, null_tolerance: float) -> tuple[float, int]:
    """An upper bound of the smallest eigenvalue, and a lower bound of the number of negative eigenvalues.

    The eigenvalues of A in a subspace interlace with those of A (Cauchy; Horn & Johnson 2013, theorem 4.3.28): a Lanczos process of any length gives
    such bounds, converged or not.

    Args:
        operator: v -> A v for rows (k, P).
        like: a vector (P,) that gives size, type and device.
        steps: of the process, at most.
        seed: of the start vector.
        null_tolerance: Ritz values above minus this, relative to the largest in magnitude, do not count as negative.
    """
    generator = torch.Generator().manual_seed(seed)
    process = Lanczos(operator, torch.randn(1, like.numel(), generator=generator, dtype=like.dtype).to(like), generator, steps)
    while len(process.alphas) < process.capacity:
        process.step()
    values = process.ritz()[0][0]
    return float(values[0]), int((values < -null_tolerance * values.abs().max()).sum())


def frobenius(operator: Operator, like: Tensor, products: int, seed: int, scale: float = 0.0) -> tuple[float, float]:
    """Estimate of the Frobenius norm √tr A² and its standard error, not below the rounding error, by Hutch++ on A².

    Args:
        operator: v -> A v for rows (k, P), symmetric.
        like: a vector (P,) that gives size, type and device.
        products: with A², of two with A each, at least 6.
        seed: of the random signs.
        scale: Frobenius norm of the larger one of two operators whose difference A is, to which its rounding errors are relative.
    """
    square, error = hutch_plus_plus(lambda rows: operator(operator(rows)), like, products, seed)
    norm = max(square, 0.0) ** 0.5  # rounding errors of a difference are not symmetric
    rounding = like.numel() * torch.finfo(like.dtype).eps * max(norm, scale)
    return norm, error / (2.0 * norm) + rounding if norm > 0 else error**0.5 + rounding


def ratio(part: tuple[float, float], whole: tuple[float, float]) -> tuple[float, float]:
    """The quotient of two estimates, each with its error; that of the quotient holds however the two are correlated."""
    if not whole[0] > 0:
        return float("nan"), float("nan")
    share = part[0] / whole[0]
    return share, (part[1] + share * whole[1]) / whole[0]
