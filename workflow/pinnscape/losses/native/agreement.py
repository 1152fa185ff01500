"""Machine code must give the numbers of torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnscape.losses import differences
from pinnscape.problems import contract


def agree(problem: Any, what: str, found: np.ndarray, route: Callable[[Tensor], Tensor], thetas: Tensor) -> None:
    """Refuse code whose numbers are not those of torch.

    Args:
        problem: whose code it is.
        what: is compared.
        found: by the code.
        route: the same by torch, as a function of parameters.
        thetas: the parameters.

    Raises:
        ProblemError: the numbers differ by more than rounding, which is measured where it matters.
    """
    values = route(thetas).detach().numpy()
    exists = np.isfinite(values)
    gap = np.where(exists, np.abs(np.where(exists, found - values, 0.0)), 0.0)
    gap[exists != np.isfinite(found)] = np.inf
    allowed = 1e-9 * np.abs(values[exists]).max(initial=0.0)
    if gap.max(initial=0.0) > allowed and np.isfinite(gap).all():
        rounding = differences.noise(lambda t: route((1.0 + t) * thetas).detach()[torch.from_numpy(exists)])
        allowed += 100.0 * rounding if np.isfinite(rounding) else 0.0
    if gap.max(initial=0.0) > allowed:
        worst = np.unravel_index(gap.argmax(), gap.shape)
        raise contract.fault(
            problem,
            "density",
            f"machine code gives {found[worst]:.10g} for {what} where torch gives {values[worst]:.10g}; density must do with symbols what it does with "
            "tensors; if it does, set engine.compile: never, and report this",
        )
