"""Hessian-vector products, and the dense Hessian that is assembled from them."""

import torch
from torch import Tensor

from pinnscape.common.errors import DivergenceError
from pinnscape.losses.objective import Objective


def product(objective: Objective, theta: Tensor, rows: Tensor) -> Tensor:
    """Products (k, P) of the Hessian at theta (P,) with rows (k, P).

    Raises:
        DivergenceError: an entry is not finite, for example because the loss does not exist at theta.
    """
    products = objective.hessian_product(theta, rows)
    if not bool(products.isfinite().all()):
        raise DivergenceError(
            f"the Hessian of the {objective.name} loss is not finite at this point; does the loss exist there?"
        )
    return products


def hessian(objective: Objective, theta: Tensor, block: int = 32) -> Tensor:
    """Dense Hessian (P, P) from blocks of Hessian-vector products, symmetrised.

    Args:
        objective: the loss L.
        theta: (P,).
        block: number of columns that are computed at a time; it bounds the memory.

    Raises:
        DivergenceError: an entry is not finite, for example because the loss does not exist at theta.
    """
    identity = torch.eye(objective.size, dtype=theta.dtype, device=theta.device)
    rows = torch.cat([product(objective, theta, vectors) for vectors in identity.split(block)])
    return 0.5 * (rows + rows.T)
