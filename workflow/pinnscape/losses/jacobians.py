"""Residuals of squared terms and their Jacobians: Σ |r|² is the weighted term, NaN where it does not exist."""

import torch
from torch import Tensor

from pinnscape.losses.quantities import Quantities


def residuals(term: Quantities, theta: Tensor) -> Tensor:
    """The weighted residuals (n · k,) of a squared term at theta (P,): the k residuals of a point one after the other."""
    return term.values(theta).flatten()


def jacobian(term: Quantities, theta: Tensor) -> Tensor:
    """Their derivatives (n · k, P), in the same order."""
    return torch.cat([term.sensitivities(theta, rows).flatten(0, 1) for rows in term.pieces(theta.numel())])
