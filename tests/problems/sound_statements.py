"""Problems without a fault, of many kinds: none may be refused; and those of which a user should know something."""

import math

import torch

from pinnscape.problems.equations.neo_hookean import NeoHookean2d
from pinnscape.problems.equations.poisson import Poisson1d, Poisson2d
from pinnscape.problems.equations.semilinear import Semilinear2d
from pinnscape.problems.language import (
    Box,
    Dirichlet,
    Disk,
    Initial,
    Problem,
    SlitSquare,
    SpaceTime,
    cos,
    cube,
    exp,
    polar,
    sin,
    sqrt,
    tanh,
)


class Gelfand(Poisson2d):
    def density(self, p, u):
        return super().density(p, u) - exp(u)


class SmallGelfand(Gelfand):
    """So small that its exponential looks like a polynomial, which is no load stated twice."""

    scale = 1e-4

    def exact(self, p):
        return 1e-4 * super().exact(p)


class WithItsOwnLoad(Poisson1d):
    """-u'' = sin πx, stated in full, with its solution: the derived load is zero."""

    def density(self, p, u):
        return super().density(p, u) - sin(math.pi * p.x) * u

    def exact(self, p):
        return sin(math.pi * p.x) / math.pi**2


class WithItsOwnLoadByTorch(WithItsOwnLoad):
    def density(self, p, u):
        return Poisson1d.density(self, p, u) - torch.sin(math.pi * p.x) * u


class ByTorch(Semilinear2d):
    """Functions of torch, which symbols do not have."""

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + torch.exp(u.value)

    def exact(self, p):
        return torch.sin(math.pi * p.x) * torch.sin(math.pi * p.y)


class MinimalSurface(Poisson2d):
    def density(self, p, u):
        return sqrt(1.0 + u.x**2 + u.y**2)


class FourLaplace(Poisson2d):
    def density(self, p, u):
        return 0.25 * (u.x**2 + u.y**2) ** 2


class Determinant(NeoHookean2d):
    """Forward over reverse is wrong for it in torch, reverse over reverse is not."""

    def density(self, p, u):
        log_j = torch.log(torch.linalg.det(deformation(u)))
        v, w = u
        return 0.5 * (2 * (v.x + w.y) + v.x**2 + v.y**2 + w.x**2 + w.y**2 - 2 * log_j) + 0.5 * log_j**2


def deformation(u):
    """I + ∇u as a matrix."""
    v, w = u
    return torch.stack([torch.stack([1 + v.x, v.y], -1), torch.stack([w.x, 1 + w.y], -1)], -2)


class FiniteStrainBySlices(NeoHookean2d):
    """Not for symbols: torch differentiates."""

    def density(self, p, u):
        f = deformation(u)
        j = f[..., 0, 0] * f[..., 1, 1] - f[..., 0, 1] * f[..., 1, 0]
        return 0.5 * ((f * f).sum((-2, -1)) - 2.0 - 2.0 * torch.log(j)) + 0.5 * torch.log(j) ** 2


class SmallStrain(NeoHookean2d):
    """The energy loses six digits by cancellation."""

    scale = 1e-5

    def exact(self, p):
        s = 1e-5 * sin(math.pi * p.x) * sin(math.pi * p.y)
        return 1e-5 * p.x + s, s

    def lift(self, p):
        return 1e-5 * p.x, 0.0


class VariableCoefficient(Poisson2d):
    def density(self, p, u):
        return 0.5 * (1.5 + sin(3.0 * p.x) * cos(p.y)) * (u.x**2 + u.y**2) + 0.5 * tanh(u) ** 2


class Modulus(Poisson1d):
    """Symbols know its modulus, but not how to evaluate the second derivative of it."""

    def density(self, p, u):
        return abs(u.x) ** 3 / 3 + 0.5 * u.x**2


class InteriorLayer(Poisson2d):
    """Thinner than the coarsest rule can see."""

    def exact(self, p):
        return tanh((p.x - 0.4) / 0.03) * sin(math.pi * p.x) * sin(math.pi * p.y)


class Harmonic(Poisson2d):
    """u = x² - y², whose boundary values a lift carries on with other values inside."""

    def conditions(self):
        return Dirichlet("boundary", self.exact)

    def exact(self, p):
        return p.x**2 - p.y**2

    def lift(self, p):
        return self.exact(p) + 0.3 * p.x * (1 - p.x) * p.y * (1 - p.y)


class Level(Semilinear2d):
    """The solution is a constant."""

    def conditions(self):
        return Dirichlet("boundary", 0.5)

    def exact(self, p):
        return 0.5

    def lift(self, p):
        return 0.5 + 0.1 * sin(math.pi * p.x) * sin(math.pi * p.y)


class Layer(Poisson1d):
    """A boundary layer of width 0.02."""

    def conditions(self):
        return Dirichlet("boundary", lambda p: p.x)

    def exact(self, p):
        return (exp((p.x - 1.0) / 0.02) - math.exp(-50.0)) / (1.0 - math.exp(-50.0))


class Tiny(Poisson2d):
    scale = 1e-5

    def exact(self, p):
        return 1e-5 * super().exact(p)


class Oscillating(Poisson1d):
    def exact(self, p):
        return sin(60.0 * math.pi * p.x)


class FiveDimensions(Problem):
    domain = cube(5)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * sum(slope**2 for slope in u.gradient)

    def exact(self, p):
        product = 1.0
        for x in p:
            product = product * sin(math.pi * x)
        return product


class Elastic3d(Problem):
    """Linear elasticity on the cube."""

    domain = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    components = ("u_1", "u_2", "u_3")
    scale = 0.1

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        a, b, c = u
        shear = (a.y + b.x) ** 2 + (a.z + c.x) ** 2 + (b.z + c.y) ** 2
        return a.x**2 + b.y**2 + c.z**2 + 0.5 * shear + 0.5 * (a.x + b.y + c.z) ** 2

    def exact(self, p):
        bubble = 0.1 * sin(math.pi * p.x) * sin(math.pi * p.y) * sin(math.pi * p.z)
        return bubble, bubble * p.x, bubble * p.y * p.z


class Plate(Problem):
    """Simply supported: Δ²u = f, u = 0 and, naturally, Δu = 0."""

    domain = Box(x=(0, 2), y=(0, 1))

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.laplacian**2

    def exact(self, p):
        return sin(math.pi * p.x / 2) * sin(math.pi * p.y)


class OnSlit(Problem):
    domain = SlitSquare()

    def conditions(self):
        return Dirichlet("boundary", self.exact, enforce="soft")

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def load(self, p):
        return 0.0

    def exact(self, p):
        r, theta = polar(p)
        return sqrt(r) * sin(theta / 2)


class HeatInTwoDimensions(Problem):
    domain = SpaceTime(x=(0, 1), y=(0, 1), t=(0, 0.2))

    def conditions(self):
        return [Dirichlet(enforce="soft", weight=10.0), Initial(self.exact)]

    def residual(self, p, u):
        return u.t - u.laplacian

    def exact(self, p):
        return exp(-2 * math.pi**2 * p.t) * sin(math.pi * p.x) * sin(math.pi * p.y)


class BothForms(Problem):
    domain = Disk()

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def residual(self, p, u):
        return {"poisson": u.laplacian + 4.0}

    def load(self, p):
        return 4.0

    def exact(self, p):
        return 1.0 - p.x**2 - p.y**2


class WithoutSolution(Problem):
    domain = SpaceTime(x=(-1, 1), t=(0, 1))

    def conditions(self):
        return [Dirichlet(), Initial(0.0)]

    def residual(self, p, u):
        return u.t - u.xx - torch.exp(u.value)


SOUND = [
    Gelfand, SmallGelfand, WithItsOwnLoad, WithItsOwnLoadByTorch, ByTorch, MinimalSurface, FourLaplace, Determinant, FiniteStrainBySlices, SmallStrain,
    VariableCoefficient, Modulus, InteriorLayer, Harmonic, Level, Layer, Tiny, Oscillating, FiveDimensions, Elastic3d, Plate, OnSlit, HeatInTwoDimensions, BothForms,
    WithoutSolution,
]  # fmt: skip


class Zero(Semilinear2d):
    """Without a load: a solution that is zero is one."""

    def exact(self, p):
        return 0.0 * p.x


class FarFromItsScale(Poisson2d):
    scale = 1e-6


class Helmholtz(Poisson1d):
    """Indefinite: k² = 30 lies between π² and 4π²."""

    def density(self, p, u):
        return super().density(p, u) - 15.0 * u**2


class MixedBeam(Problem):
    """A beam by deflection and moment, w'M' - ½M²: a saddle point, no minimum."""

    domain = cube(1)
    components = ("w", "m")

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        w, m = u
        return w.x * m.x - 0.5 * m**2

    def exact(self, p):
        w = sin(math.pi * p.x)
        return w, math.pi**2 * w


BY_TORCH = "density is not for symbols: whether it has a load of its own"
WARNED = [
    (Zero, "the exact solution is zero: relative errors are withheld"),
    (FarFromItsScale, "scale is 1e-06, but exact - lift is of size 1.0e+00"),
    (ByTorch, BY_TORCH),
    (Modulus, "the energy is hard to integrate (an integral that must vanish is off by "),
    (InteriorLayer, "exact is hard to integrate"),
    *((cls, BY_TORCH) for cls in (WithItsOwnLoadByTorch, Determinant, FiniteStrainBySlices)),
    (Helmholtz, "the exact solution is no minimum of the energy (its second derivative along a smooth field is -"),
    (MixedBeam, "the exact solution is no minimum of the energy (its second derivative along a smooth field is -"),
]
