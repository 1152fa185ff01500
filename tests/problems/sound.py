"""Problems without a fault, of many kinds: none may be refused."""

import math

import torch

from pinnscape.problems.base import Problem
from pinnscape.problems.functions import cos, exp, sin, sqrt, tanh
from pinnscape.problems.neo_hookean import NeoHookean2d
from pinnscape.problems.poisson import Poisson1d, Poisson2d
from pinnscape.problems.semilinear import Semilinear2d


class Gelfand(Poisson2d):
    def density(self, x, u, du):
        return super().density(x, u, du) - exp(u).sum(-1)


class SmallGelfand(Gelfand):
    """So small that its exponential looks like a polynomial, which is no load stated twice."""

    scale = 1e-4

    def exact(self, x):
        return 1e-4 * super().exact(x)


class WithItsOwnLoad(Poisson1d):
    """-u'' = sin πx, stated in full, with its solution: the derived load is zero."""

    def density(self, x, u, du):
        return super().density(x, u, du) - sin(math.pi * x[..., 0]) * u[..., 0]

    def exact(self, x):
        return torch.sin(math.pi * x) / math.pi**2


class WithItsOwnLoadByTorch(WithItsOwnLoad):
    def density(self, x, u, du):
        return Poisson1d.density(self, x, u, du) - torch.sin(math.pi * x[..., 0]) * u[..., 0]


class MinimalSurface(Poisson2d):
    def density(self, x, u, du):
        return sqrt(1.0 + (du * du).sum((-2, -1)))


class FourLaplace(Poisson2d):
    def density(self, x, u, du):
        square = (du * du).sum((-2, -1))
        return 0.25 * square * square


class VariableCoefficient(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * (1.5 + sin(3.0 * x[..., 0]) * cos(x[..., 1])) * (du * du).sum((-2, -1)) + 0.5 * tanh(u).sum(-1) ** 2


class Harmonic(Poisson2d):
    """u = x² - y², whose boundary values a lift carries on with other values inside."""

    def exact(self, x):
        return x[..., :1] ** 2 - x[..., 1:] ** 2

    def lift(self, x):
        return self.exact(x) + 0.3 * self.distance(x)


class Layer(Poisson1d):
    """A boundary layer of width 0.02."""

    def exact(self, x):
        return x - (torch.exp((x - 1.0) / 0.02) - math.exp(-50.0)) / (1.0 - math.exp(-50.0))


class InteriorLayer(Poisson2d):
    """Thinner than the coarsest rule can see."""

    def exact(self, x):
        return torch.tanh((x[..., :1] - 0.4) / 0.03) * torch.sin(math.pi * x).prod(-1, keepdim=True)


class Oscillating(Poisson1d):
    def exact(self, x):
        return torch.sin(60.0 * math.pi * x)


class Tiny(Poisson2d):
    scale = 1e-5

    def exact(self, x):
        return 1e-5 * super().exact(x)


class SmallStrain(NeoHookean2d):
    """The energy loses six digits by cancellation."""

    scale = 1e-5
    stretch = 1e-5

    def exact(self, x):
        return self.lift(x) + 1e-5 * torch.sin(math.pi * x).prod(-1, keepdim=True).expand(-1, 2)


class FiniteStrainBySlices(NeoHookean2d):
    """Not for symbols: torch differentiates."""

    def density(self, x, u, du):
        deformation = torch.eye(2, dtype=du.dtype, device=du.device) + du
        j = deformation[..., 0, 0] * deformation[..., 1, 1] - deformation[..., 0, 1] * deformation[..., 1, 0]
        return 0.5 * ((deformation * deformation).sum((-2, -1)) - 2.0 - 2.0 * torch.log(j)) + 0.5 * torch.log(j) ** 2


class Zero(Semilinear2d):
    """Without a load: a solution that is zero is one."""

    def exact(self, x):
        return 0.0 * x[..., :1]


class Constant(Semilinear2d):
    def exact(self, x):
        return torch.full_like(x[..., :1], 0.5)

    def lift(self, x):
        return self.exact(x)


class Poisson3d(Problem):
    dimension = 3

    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1))

    def exact(self, x):
        return torch.sin(math.pi * x).prod(-1, keepdim=True)


class Elastic3d(Problem):
    """Linear elasticity on the cube."""

    dimension = 3
    components = ("u_1", "u_2", "u_3")
    scale = 0.1

    def density(self, x, u, du):
        trace = du[..., 0, 0] + du[..., 1, 1] + du[..., 2, 2]
        shear = [du[..., i, j] + du[..., j, i] for i in range(3) for j in range(i)]
        normal = [du[..., i, i] * du[..., i, i] for i in range(3)]
        return normal[0] + normal[1] + normal[2] + 0.5 * (shear[0] ** 2 + shear[1] ** 2 + shear[2] ** 2) + 0.5 * trace * trace

    def exact(self, x):
        bubble = torch.sin(math.pi * x).prod(-1, keepdim=True)
        return 0.1 * bubble * torch.cat([torch.ones_like(bubble), x[..., :1], x[..., 1:2] * x[..., 2:]], -1)


SOUND = [
    Gelfand, SmallGelfand, WithItsOwnLoad, WithItsOwnLoadByTorch, MinimalSurface, FourLaplace, VariableCoefficient, Harmonic, Layer, InteriorLayer, Oscillating,
    Tiny, SmallStrain, FiniteStrainBySlices, Zero, Constant, Poisson3d, Elastic3d,
]  # fmt: skip


# Sound, but with something that a user should know: class and what is said of it.


class Helmholtz(Poisson1d):
    """Indefinite: k² = 30 lies between π² and 4π²."""

    def density(self, x, u, du):
        return super().density(x, u, du) - 15.0 * (u * u).sum(-1)


class Mixed(Problem):
    """A beam by deflection and moment: a saddle."""

    dimension = 1
    components = ("w", "m")

    def density(self, x, u, du):
        return -0.5 * u[..., 1] * u[..., 1] - du[..., 0, 0] * du[..., 1, 0]

    def exact(self, x):
        return torch.cat([torch.sin(math.pi * x), math.pi**2 * torch.sin(math.pi * x)], -1)


class HalfAReaction(Poisson2d):
    def density(self, x, u, du):
        return super().density(x, u, du) + 3.0 * torch.where(x[..., 0] < 0.4, 1.0, 0.0) * (u * u).sum(-1)


WARNED = [
    (Zero, "the exact solution is zero: relative errors are withheld"),
    (Helmholtz, "the exact solution is no minimum of the energy"),
    (Mixed, "the exact solution is no minimum of the energy"),
    (HalfAReaction, "density: it has a jump"),
]
