"""Problems whose energies are not what their authors take them for."""

import math

import torch

from pinnscape.problems.base import Problem


class Indicator(Problem):
    """Poisson's equation on the L-shape, by an indicator function on the square: its energy does not hold u = 0 at the reentrant sides."""

    dimension = 2

    def density(self, x, u, du):
        return _inside(x)[..., 0].to(du.dtype) * 0.5 * (du * du).sum((-2, -1))

    def exact(self, x):
        return _inside(x).to(x.dtype) * torch.sin(2 * math.pi * x).prod(-1, keepdim=True)


def _inside(x):
    return ~((x[..., :1] > 0.5) & (x[..., 1:] > 0.5))


class MixedBeam(Problem):
    """A beam by deflection and moment, w'M' - ½M²: a saddle point, no minimum."""

    dimension = 1
    components = ("w", "m")

    def density(self, x, u, du):
        return du[..., 0, 0] * du[..., 1, 0] - 0.5 * u[..., 1] * u[..., 1]

    def exact(self, x):
        w = torch.sin(math.pi * x)
        return torch.cat([w, math.pi**2 * w], -1)


class Layered(Problem):
    """-(a u')' = f on (0, 1) with a = 1 before ``edge`` and a = 3 beyond, by a smooth solution: integrands have a jump."""

    dimension = 1

    def __init__(self, edge: float) -> None:
        self.edge = edge

    def density(self, x, u, du):
        return torch.where(x[..., 0] < self.edge, 1.0, 3.0) * 0.5 * (du * du).sum((-2, -1))

    def exact(self, x):
        return torch.sin(math.pi * x)
