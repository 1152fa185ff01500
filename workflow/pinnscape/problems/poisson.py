"""Poisson's equation -Δu = f with u = 0 on the boundary: e = ½|∇u|²."""

import math

import torch
from torch import Tensor

from pinnscape.problems.base import Problem


class _Poisson(Problem):
    def density(self, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
        return 0.5 * (du * du).sum((-2, -1))


class Poisson1d(_Poisson):
    """On (0, 1) with u* = sin πx + ½ sin 4πx; the minimum of the energy is -½∫|u*'|² = -5π²/4."""

    name = "poisson1d"
    about = "-u'' = f on (0, 1), u* = sin pi x + 1/2 sin 4 pi x"
    dimension = 1

    def exact(self, x: Tensor) -> Tensor:
        return torch.sin(math.pi * x) + 0.5 * torch.sin(4.0 * math.pi * x)


class Poisson2d(_Poisson):
    """On the unit square with u* = sin πx sin πy; the minimum of the energy is -π²/4."""

    name = "poisson2d"
    about = "-Laplace u = f on the unit square, u* = sin pi x sin pi y"
    dimension = 2

    def exact(self, x: Tensor) -> Tensor:
        return torch.sin(math.pi * x).prod(-1, keepdim=True)
