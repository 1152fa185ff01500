"""Symmetries of a module that cannot be read from its layers, found by evaluating its losses.

Whether the units of hidden layers may be permuted depends on how a module connects its layers, which only its code knows. A
random permutation changes the losses unless it is a symmetry.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from pinnscape.networks.layout import Layout
from pinnscape.networks.matching import apply, random_matching

_DRAWS = 10  # of which the one that moves most units is used; a single one may leave all units where they are
_TOLERANCE = {True: 1e-4, False: 1e-9}  # relative change of a loss by rounding, in single precision or not


def with_symmetries(layout: Layout, losses: Callable[[Tensor], Tensor], theta: Tensor, single: bool) -> Layout:
    """The layout with ``permutable`` and ``odd``, if it is a chain of affine maps.

    Args:
        layout: layout of the module.
        losses: the losses (n,) at theta (P,).
        theta: the current parameters (P,).
        single: whether losses are evaluated in single precision.
    """
    try:
        layers = layout.layers
    except ValueError:
        return layout
    if len(layers) < 2 or any(one.fan_out != other.fan_in for one, other in pairwise(layers)):
        return layout
    rng = np.random.default_rng(0)
    start = theta.cpu().numpy()
    start = start + (np.sqrt(np.mean(start**2)) or 1.0) * rng.standard_normal(len(start))  # no two units are equal
    before = losses(torch.tensor(start, device=theta.device))

    def holds(odd: bool) -> bool:
        matchings = [random_matching(layers, odd, rng) for _ in range(_DRAWS)]
        moved = apply(layers, start, max(matchings, key=lambda matching: matching.moved))
        after = losses(torch.tensor(moved, device=theta.device))
        gap = (after - before).abs() <= _TOLERANCE[single] * before.abs()
        return bool(gap.all()) and not np.array_equal(moved, start)

    permutable = holds(odd=False)
    return replace(layout, permutable=permutable, odd=permutable and holds(odd=True))
