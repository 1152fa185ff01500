"""Traces from matrix-vector products."""

import torch
from torch import Tensor

from pinnscape.linalg.lanczos import Operator


def hutch_plus_plus(operator: Operator, like: Tensor, products: int, seed: int) -> tuple[float, float]:
    """Trace of a symmetric operator by Hutch++ (Meyer, Musco, Musco & Woodruff 2021, algorithm 1).

    One third of the products sketches the range of the large eigenvalues, on which the trace is exact; Hutchinson's estimator
    is applied to the rest only.

    Args:
        operator: v -> A v for rows (k, P).
        like: vector (P,) that sets the size, dtype and device.
        products: number of products, at least 6.
        seed: seed of the random signs.

    Returns:
        The estimate and its standard error (0 if the sketch has full rank and the result is exact).

    Raises:
        ValueError: fewer than 6 products.
    """
    if products < 6:
        raise ValueError(f"`products` must be at least 6, not {products}")
    size, count = like.numel(), products // 3
    generator = torch.Generator().manual_seed(seed)
    sketch = _signs(min(count, size), size, generator, like)
    rows = torch.linalg.qr(operator(sketch).T)[0].T
    known = float((rows * operator(rows)).sum())
    if len(rows) == size:
        return known, 0.0
    probes = _signs(count, size, generator, like)
    probes = probes - (probes @ rows.T) @ rows
    samples = (probes * operator(probes)).sum(-1)
    return known + float(samples.mean()), float(samples.std() / count**0.5)


def _signs(count: int, size: int, generator: torch.Generator, like: Tensor) -> Tensor:
    return (2.0 * torch.randint(0, 2, (count, size), generator=generator) - 1.0).to(like)
