"""The largest eigenvalue of an operator that changes little from call to call."""

import math

import torch
from torch import Tensor

from pinnscape.linalg.bounds import beyond
from pinnscape.linalg.lanczos import FAILURE, Lanczos, Operator

EXCESS = 0.01  # how far the largest eigenvalue may be above the value, relative to the largest in magnitude
_FRESH = 0.05  # norm of the random part of a start, relative to the eigenvector that it starts from


class WarmStartedLanczos:
    """The largest eigenvalue along a path by Lanczos processes, each started from the eigenvector found before.

    A random part in every start keeps directions reachable that the eigenvector before is orthogonal to, and bounds what was not found (see
    ``bounds``): products go on until the value is within ``EXCESS`` of that bound, or the steps are used up.

    Args:
        steps: at most this many products an eigenvalue.
        tolerance: residual norm ‖Av - λv‖ that is good enough, relative to the largest eigenvalue in magnitude.
        seed: of the random vectors.
    """

    def __init__(self, steps: int, tolerance: float, seed: int) -> None:
        self._steps, self._tolerance = steps, tolerance
        self._generator = torch.Generator().manual_seed(seed)
        self._vector: Tensor | None = None

    def __call__(self, operator: Operator, like: Tensor) -> tuple[float, float, float]:
        """The largest (not in magnitude) eigenvalue; NaN where the operator is not finite.

        Args:
            operator: v -> A v for rows (1, P), symmetric.
            like: a vector (P,) that gives size, type and device.

        Returns:
            a value that the largest eigenvalue is at least; its residual norm; and the largest distance that the eigenvalue may have from it, which
            fails with the probability ``lanczos.FAILURE``. Both are relative to the largest eigenvalue in magnitude.
        """
        random = torch.randn(like.shape, generator=self._generator, dtype=like.dtype).to(like)
        start = random if self._vector is None else self._vector + _FRESH * random / random.norm()
        # A component of the sum is below t/(1 + _FRESH) with no larger probability than that of the random part below t/_FRESH.
        failure = FAILURE if self._vector is None else FAILURE * _FRESH / (1.0 + _FRESH)
        process = Lanczos(operator, start[None], self._generator, self._steps)
        while True:
            process.step()
            if not bool(torch.isfinite(process.alphas[-1] + process.betas[-1]).all()):
                return math.nan, math.nan, math.nan
            done = len(process.alphas) == process.capacity
            # Two steps at least: one sees no more than the start.
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
        """Upper bound of the largest eigenvalue, from the steps before a breakdown."""
        alphas, betas = (torch.stack(entries)[:, 0].cpu().numpy() for entries in (process.alphas, process.betas))
        end = next((i + 1 for i, beta in enumerate(betas) if beta == 0.0), len(betas))
        return beyond(alphas[:end], betas[:end], size, failure, scale)
