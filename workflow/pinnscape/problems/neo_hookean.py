"""Compressible neo-Hookean elasticity in plane strain (Bonet & Wood 2008, eq. 6.27).

W(F) = μ/2 (tr FᵀF - 2 - 2 ln J) + λ/2 (ln J)², F = I + ∇u, J = det F. The energy is not convex, and exists only where J > 0. The exact solution is
a stationary point of it; that it is a strict local minimum was checked numerically.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from pinnscape.problems.base import Problem
from pinnscape.problems.functions import log


class NeoHookean2d(Problem):
    """On the unit square, stretched along x at the boundary, with a manufactured smooth displacement (J from 0.67 to 1.38).

    Args:
        mu: shear modulus μ > 0.
        lambda_: first Lamé parameter λ ≥ 0 (key ``lambda`` in the configuration).
    """

    name = "neo_hookean2d"
    about = "compressible neo-Hookean plane strain on the unit square; mu and lambda are Lame parameters"
    parameters: ClassVar = {"mu": (0.0, "above"), "lambda": (0.0, "at least")}
    dimension = 2
    components = ("u_1", "u_2")
    scale = 0.1
    stretch = 0.05

    def __init__(self, mu: float = 1.0, **parameters: float) -> None:
        self.mu = mu
        self.lambda_ = parameters.pop("lambda", 1.0)
        if parameters:
            raise TypeError(f"neo_hookean2d has no parameter {', '.join(parameters)}; it has mu and lambda")

    def density(self, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
        log_j = log(_jacobian(du))
        # tr FᵀF - 2 = 2 div u + |∇u|²
        strain = 2.0 * (du[..., 0, 0] + du[..., 1, 1]) + (du * du).sum((-2, -1))
        return 0.5 * self.mu * (strain - 2.0 * log_j) + 0.5 * self.lambda_ * log_j * log_j

    def exact(self, x: Tensor) -> Tensor:
        sx, sy = torch.sin(math.pi * x[..., :1]), torch.sin(math.pi * x[..., 1:])
        bubble = torch.cat([0.08 * sx * sy, 0.05 * sx * torch.sin(2.0 * math.pi * x[..., 1:])], -1)
        return self.lift(x) + bubble

    def lift(self, x: Tensor) -> Tensor:
        return torch.cat([self.stretch * x[..., :1], torch.zeros_like(x[..., 1:])], -1)

    def infeasible(self, u: Tensor, du: Tensor) -> Tensor:
        return _jacobian(du) <= 0.0


def _jacobian(du: Tensor) -> Tensor:
    """J = det(I + ∇u), (...) from (..., 2, 2)."""
    return (1.0 + du[..., 0, 0]) * (1.0 + du[..., 1, 1]) - du[..., 0, 1] * du[..., 1, 0]
