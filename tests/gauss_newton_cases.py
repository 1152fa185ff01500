"""The whole residual of a sum of squares and its Jacobian, of which ``gauss_newton.least_squares`` makes fewer rows where there are many."""

import torch
from torch import Tensor

from pinnscape.losses.gauss_newton import _residual, sensitivities
from pinnscape.losses.objective import Objective


def residuals(objective: Objective, theta: Tensor) -> Tensor:
    """The weighted residual r (m,) at theta (P,), m = points · components, with |r|² = L(theta)."""
    residual = _residual(objective)
    return torch.cat([residual(d, d.jet(theta, objective.order)).flatten() for d in objective.discretization.parts])


def jacobian(objective: Objective, theta: Tensor) -> Tensor:
    """J = ∂r/∂theta (m, P) of the weighted residual at theta (P,)."""
    residual, order = _residual(objective), objective.order
    return torch.cat([sensitivities(d, theta, order, residual).flatten(0, 1) for d in objective.discretization.parts])
