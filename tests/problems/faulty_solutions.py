"""Problems with one fault each in what they state, as people write them: load, exact solution, conditions and lift, jumps and kinks."""

import math

import torch

from pinnscape.problems.equations.beam import Beam
from pinnscape.problems.equations.convection import Convection
from pinnscape.problems.equations.l_shape import LShapePoisson
from pinnscape.problems.equations.neo_hookean import NeoHookean2d
from pinnscape.problems.equations.poisson import Poisson1d, Poisson2d
from pinnscape.problems.equations.wave import Wave
from pinnscape.problems.language import (
    Dirichlet,
    Initial,
    Interval,
    Neumann,
    Parameter,
    Periodic,
    Problem,
    Robin,
    SpaceTime,
    cos,
    cube,
    exp,
    sin,
    sqrt,
)


class LoadTwice(Poisson2d):
    def density(self, p, u):
        return super().density(p, u) - 1.0 * u

    def exact(self, p):
        return 0.0


class ZerosOfAnotherKind(LoadTwice):
    def exact(self, p):
        return torch.zeros(len(p.x), dtype=p.x.dtype)


class WrongAmplitude(Poisson1d):
    """-u'' = sin πx is solved by sin πx / π²."""

    def density(self, p, u):
        return super().density(p, u) - sin(math.pi * p.x) * u

    def exact(self, p):
        return sin(math.pi * p.x) / 10.0


class LoadAsAFlux(Poisson2d):
    """½|∇u - g|² has the load -div g."""

    def density(self, p, u):
        return 0.5 * ((u.x - p.x**2) ** 2 + u.y**2)


class ExponentialAndLoad(Poisson2d):
    """No polynomial in u, but an expression with a linear term."""

    def density(self, p, u):
        return super().density(p, u) - exp(u) - (1.0 + p.x) * u


class ZeroWithReaction(Poisson2d):
    def density(self, p, u):
        return super().density(p, u) - exp(u)

    def exact(self, p):
        return 0.0 * p.x


class WrongSign(Convection):
    def exact(self, p):
        return sin(p.x + self.beta * p.t)


class WrongLoad(Beam):
    def load(self, p):
        return 2.0 * self.q


class TwoEquations(Poisson2d):
    """-Δu = f as energy and -Δu = 2f as residual."""

    def residual(self, p, u):
        return u.xx + u.yy + 2 * math.pi**2 * sin(math.pi * p.x) * sin(math.pi * p.y)

    def density(self, p, u):
        return super().density(p, u) + 0.5 * u**2

    def load(self, p):
        return 2 * math.pi**2 * sin(math.pi * p.x) * sin(math.pi * p.y)


class OtherInitialValue(Convection):
    def conditions(self):
        return Initial(lambda p: cos(p.x)), Periodic("x")


class NotPeriodic(Convection):
    """Periodic for whole β alone; here the domain is cut short."""

    domain = SpaceTime(x=(0, 3), t=(0, 1))


class HalfAWave(Wave):
    beta = Parameter(1.5, text="number of half waves")


class OtherBoundaryValues(Poisson1d):
    def exact(self, p):
        return cos(math.pi * p.x)


class OtherFlux(Poisson2d):
    def conditions(self):
        return Dirichlet(("x_min", "x_max", "y_min")), Neumann("y_max", 1.0)


class NoLiftForTwoSides(Problem):
    """The lift of one side is carried on to the other."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet("x_min", 1.0), Dirichlet("x_max", 0.0, name="right")

    def residual(self, p, u):
        return u.xx

    def exact(self, p):
        return 1.0 - p.x


class WrongLift(NoLiftForTwoSides):
    def lift(self, p):
        return 1.0 + p.x


class LiftIsTheSolution(LShapePoisson):
    def lift(self, p):
        return self.exact(p)


class NothingLeft(Poisson1d):
    """-u'' = 0 with u = x at the ends: the boundary value is the solution."""

    def conditions(self):
        return Dirichlet(value=lambda p: p.x)

    def exact(self, p):
        return p.x


class ThreeValues(Poisson2d):
    def conditions(self):
        return Robin(g=lambda p: torch.zeros(3, dtype=torch.float64))


class Jump(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x) * torch.where(p.x < 0.5, 1.0, 2.0).round().detach() * torch.sin(1e8 * p.x)


class StepInside(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x) * torch.where(p.x < 0.3, 1.0, 2.0)


class KinkInside(Poisson2d):
    def exact(self, p):
        return sqrt((p.x - 0.31) ** 2) * sin(math.pi * p.x) * sin(math.pi * p.y)


class OnAQuarter(Poisson2d):
    """The L-shape by a mask."""

    def exact(self, p):
        return sin(2 * math.pi * p.x) * sin(2 * math.pi * p.y) * ((p.x < 0.5) | (p.y < 0.5)).to(p.x.dtype)


def in_l_shape(p):
    return ((p.x < 0.5) | (p.y < 0.5)).to(p.x.dtype)


class LShapeInDensity(Poisson2d):
    """Without an energy in a quarter of the square, where its flux happens to be zero at the edge."""

    def density(self, p, u):
        return in_l_shape(p) * super().density(p, u)


class LShapeInBoth(LShapeInDensity):
    def exact(self, p):
        return sin(2 * math.pi * p.x) * sin(2 * math.pi * p.y) * in_l_shape(p)


class SofterInACorner(Poisson2d):
    def density(self, p, u):
        return (0.1 + in_l_shape(p)) * super().density(p, u)

    def exact(self, p):
        return sin(2 * math.pi * p.x) * sin(2 * math.pi * p.y)


class Singular(Poisson1d):
    def exact(self, p):
        return torch.sqrt((p.x - 0.5).abs()) * p.x * (1 - p.x)


class Outside(NeoHookean2d):
    """A solution that turns the body inside out."""

    def exact(self, p):
        return tuple(20.0 * inner - 19.0 * lift for inner, lift in zip(super().exact(p), self.lift(p), strict=True))


class KinkInLift(NoLiftForTwoSides):
    def lift(self, p):
        return 1.0 - p.x + 0.2 * p.x * (1 - p.x) * torch.abs(p.x - 0.43)


class Layers(Poisson1d):
    def density(self, p, u):
        return torch.where(p.x < 0.3, 1.0, 3.0) * 0.5 * u.x**2


class Infinite(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x) / (0.0 * p.x)


class NoRoom(Poisson1d):
    """The energy does not exist beside the solution."""

    def density(self, p, u):
        return torch.sqrt(-((u.value - self.exact(p)) ** 2)) + u.x**2


class EmptyTuple(Problem):
    domain = cube(2)

    def conditions(self):
        return ["boundary"]

    def residual(self, p, u):
        return u.laplacian


# Class, the method that must be named, and a part of what must be said.
FAULTY = [
    (LoadTwice, "exact", "is zero, which does not solve the equation that density states: a load of 1 is left"),
    (ZerosOfAnotherKind, "exact", "is zero, which does not solve the equation that density states: a load of 1 is left"),
    (WrongAmplitude, "density", "has a load of its own"),
    (LoadAsAFlux, "density", "has a load of its own"),
    (ExponentialAndLoad, "density", "has a load of its own"),
    (ZeroWithReaction, "exact", "is zero, which does not solve the equation"),
    (WrongSign, "exact", "does not solve the residual: "),
    (WrongLoad, "exact", "does not solve the equation of density and load"),
    (TwoEquations, "density", "its equation is not that of residual"),
    (OtherInitialValue, "exact", "does not satisfy the condition initial: it is off by "),
    (NotPeriodic, "exact", "does not satisfy the condition periodic"),
    (HalfAWave, "exact", "does not satisfy the condition boundary"),
    (OtherBoundaryValues, "exact", "does not satisfy the condition boundary: it is off by 1"),
    (OtherFlux, "exact", "does not satisfy the condition neumann"),
    (
        NoLiftForTwoSides,
        "conditions",
        "the field of a network is off by 1 in the hard condition right (its terms are of size ",
    ),
    (WrongLift, "lift", "the field of a network is off by 2 in the hard condition right"),
    (LiftIsTheSolution, "lift", "the lift is the exact solution, so that nothing is left to learn"),
    (NothingLeft, "conditions", "the lift is the exact solution, so that nothing is left to learn"),
    (ThreeValues, "conditions", "a value is a number or a function of p, which gives one number for each point"),
    (Jump, "exact", "it must be smooth"),
    (StepInside, "exact", "it has a jump, a kink or a singularity"),
    (KinkInside, "exact", "it has a jump, a kink or a singularity"),
    (OnAQuarter, "exact", "it has a jump, a kink or a singularity"),
    (LShapeInDensity, "density", "does not depend on u at x = 0."),
    (LShapeInBoth, "density", "does not depend on u at x = 0."),
    (SofterInACorner, "density", "its energy is not stationary at exact"),
    (Singular, "exact", "it has a jump, a kink or a singularity"),
    (Outside, "density", "is not finite close to the solution"),
    (KinkInLift, "lift", "it has a jump, a kink or a singularity"),
    (Layers, "density", "its energy is not stationary at exact"),
    (Infinite, "exact", "is not finite inside the domain"),
    (NoRoom, "density", "is not finite close to the solution"),
    (EmptyTuple, "conditions", "gives ['boundary']; return a condition or a tuple of them"),
]
