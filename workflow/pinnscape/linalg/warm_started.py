"""The largest eigenvalue of an operator that changes little from call to call."""

import math

import torch
from torch import Tensor

from pinnscape.linalg.bounds import beyond
from pinnscape.linalg.lanczos import FAILURE, Lanczos, Operator

EXCESS = 0.01  # tolerated bound on how far the largest eigenvalue exceeds the value, relative to the largest in magnitude
_FRESH = 0.05  # norm of the random component of a start vector, relative to the eigenvector that it is added to


class WarmStartedLanczos:
    """The largest eigenvalue along a path by Lanczos processes, each of which starts from the previous eigenvector.

    A random component of every start vector keeps directions reachable to which the previous eigenvector is orthogonal, and
    allows to bound the largest eigenvalue from above (see ``bounds``). Each process runs until its value is within ``EXCESS``
    of this bound or the steps are used up.

    Args:
        steps: maximum number of products for each eigenvalue.
        tolerance: residual norm ‖Av - λv‖ that is required, relative to the largest eigenvalue in magnitude.
        seed: seed of the random vectors.
    """

    def __init__(self, steps: int, tolerance: float, seed: int) -> None:
        self._steps, self._tolerance = steps, tolerance
        self._generator = torch.Generator().manual_seed(seed)
        self._vector: Tensor | None = None

    def __call__(self, operator: Operator, like: Tensor) -> tuple[float, float, float]:
        """The largest (not in magnitude) eigenvalue; NaN if the operator is not finite.

        Args:
            operator: v -> A v for rows (1, P), symmetric.
            like: vector (P,) that sets the size, dtype and device.

        Returns:
            A lower bound on the largest eigenvalue; the residual norm of this value; and an upper bound on the distance of the
            eigenvalue from it, which fails with the probability ``lanczos.FAILURE``. The residual norm and the distance are
            relative to the largest eigenvalue in magnitude.
        """
        random = torch.randn(like.shape, generator=self._generator, dtype=like.dtype).to(like)
        start = random if self._vector is None else self._vector + _FRESH * random / random.norm()
        # The probability that a component of the sum is below t/(1 + _FRESH) is at most the probability that the same component
        # of the random part is below t/_FRESH.
        failure = FAILURE if self._vector is None else FAILURE * _FRESH / (1.0 + _FRESH)
        process = Lanczos(operator, start[None], self._generator, self._steps)
        while True:
            process.step()
            if not bool(torch.isfinite(process.alphas[-1] + process.betas[-1]).all()):
                return math.nan, math.nan, math.nan
            done = len(process.alphas) == process.capacity
            # At least two steps, because one step uses the start vector only.
            if not done and len(process.alphas) % 2:
                continue
            values, vectors = process.ritz()
            scale = float(values.abs().max().clamp_min(1e-300))
            residual = float(process.betas[-1][0] * vectors[0, -1, -1].abs()) / scale
            if not done and (len(process.alphas) == 2 or residual > self._tolerance):
                continue
            excess = (self._bound(process, like.numel(), failure, scale) - float(values[0, -1])) / scale
            if done or excess <= EXCESS:
                break
        self._vector = vectors[0, :, -1] @ process.basis[0]
        return float(values[0, -1]), residual, excess

    @staticmethod
    def _bound(process: Lanczos, size: int, failure: float, scale: float) -> float:
        """Upper bound on the largest eigenvalue from the steps before a breakdown."""
        alphas, betas = (torch.stack(entries)[:, 0].cpu().numpy() for entries in (process.alphas, process.betas))
        end = next((i + 1 for i, beta in enumerate(betas) if beta == 0.0), len(betas))
        return beyond(alphas[:end], betas[:end], size, failure, scale)
