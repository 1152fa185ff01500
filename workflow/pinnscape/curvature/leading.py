"""The largest eigenvalue of an operator that changes little from call to call."""

import math

import torch
from torch import Tensor

from pinnscape.curvature.lanczos import Lanczos, Operator

_FRESH = 0.05  # norm of the random part of a start, relative to the eigenvector that it starts from


class Leading:
    """The largest eigenvalue along a path by Lanczos processes, each started from the eigenvector found before.

    A random part in every start keeps directions reachable that the eigenvector before is orthogonal to.

    Args:
        steps: at most this many products an eigenvalue.
        tolerance: residual norm ‖Av - λv‖ that is good enough, relative to the largest eigenvalue in magnitude.
        seed: of the random vectors.
    """

    def __init__(self, steps: int, tolerance: float, seed: int) -> None:
        self._steps, self._tolerance = steps, tolerance
        self._generator = torch.Generator().manual_seed(seed)
        self._vector: Tensor | None = None

    def __call__(self, operator: Operator, like: Tensor) -> tuple[float, float]:
        """The largest (not in magnitude) eigenvalue and its relative residual norm; NaN where the operator is not finite.

        Args:
            operator: v -> A v for rows (1, P), symmetric.
            like: a vector (P,) that gives size, type and device.
        """
        random = torch.randn(like.shape, generator=self._generator, dtype=like.dtype).to(like)
        start = random if self._vector is None else self._vector + _FRESH * random / random.norm()
        process = Lanczos(operator, start[None], self._generator, self._steps)
        while True:
            process.step()
            if not bool(torch.isfinite(process.alphas[-1] + process.betas[-1]).all()):
                return math.nan, math.nan
            # Two steps at least: one sees no more than the start.
            if 2 <= len(process.alphas) < process.capacity and len(process.alphas) % 2:
                continue
            values, vectors = process.ritz()
            residual = float(process.betas[-1][0] * vectors[0, -1, -1].abs() / values.abs().max().clamp_min(1e-300))
            done = len(process.alphas) == process.capacity
            if done or (len(process.alphas) > 2 and residual <= self._tolerance):
                break
        self._vector = vectors[0, :, -1] @ process.basis[0]
        return float(values[0, -1]), residual
