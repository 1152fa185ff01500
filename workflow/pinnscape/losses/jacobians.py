"""Weighted residuals r of squared terms, such that Σ r² is the weighted term, and their Jacobians; NaN where undefined."""

import torch
from torch import Tensor

from pinnscape.losses.quantities import Quantities


def residuals(term: Quantities, theta: Tensor) -> Tensor:
    """The weighted residuals (n · k,) of a squared term at theta (P,), ordered by point and then by residual."""
    return term.values(theta).flatten()


def jacobian(term: Quantities, theta: Tensor) -> Tensor:
    """The Jacobian (n · k, P) of the weighted residuals at theta (P,), in the order of ``residuals``."""
    return torch.cat([term.sensitivities(theta, rows).flatten(0, 1) for rows in term.pieces(theta.numel())])
