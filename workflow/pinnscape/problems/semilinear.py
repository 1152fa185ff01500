"""The semilinear equation -Δu + u³ = f with u = 0 on the boundary: e = ½|∇u|² + ¼u⁴, a convex energy."""

import math

import torch
from torch import Tensor

from pinnscape.problems.base import Problem


class Semilinear2d(Problem):
    """On the unit square with u* = sin πx sin 2πy."""

    name = "semilinear2d"
    about = "-Laplace u + u^3 = f on the unit square, u* = sin pi x sin 2 pi y"
    dimension = 2

    def density(self, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
        return 0.5 * (du * du).sum((-2, -1)) + 0.25 * (u * u * u * u).sum(-1)

    def exact(self, x: Tensor) -> Tensor:
        return torch.sin(math.pi * x[..., :1]) * torch.sin(2.0 * math.pi * x[..., 1:])
