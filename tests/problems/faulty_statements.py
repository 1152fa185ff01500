"""Problems with one fault each, as people write them: what is wrong, and what the message must name."""

import math

import numpy as np
import torch

from pinnscape.problems.equations.beam import Beam
from pinnscape.problems.equations.convection import Convection
from pinnscape.problems.equations.l_shape import LShapePoisson
from pinnscape.problems.equations.neo_hookean import NeoHookean2d
from pinnscape.problems.equations.poisson import Poisson1d, Poisson2d
from pinnscape.problems.equations.semilinear import Semilinear2d
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


class ThroughNumpy(Poisson1d):
    def exact(self, p):
        return torch.tensor(np.sin(np.pi * p.x.detach().numpy()))


class NumpyWithoutDetach(Poisson1d):
    def exact(self, p):
        return torch.from_numpy(np.sin(np.pi * p.x.numpy()))


class PartlyDetached(Poisson2d):
    def exact(self, p):
        return sin(math.pi * p.x) * sin(math.pi * p.y.detach())


class SinglePrecision(Poisson1d):
    def exact(self, p):
        return torch.sin(math.pi * p.x.float())


class HiddenSinglePrecision(Poisson1d):
    def exact(self, p):
        return torch.sin(math.pi * p.x.to(torch.float32)).double()


class SingleInDensity(Poisson1d):
    def density(self, p, u):
        return 0.5 * (u.x.float() ** 2).double()


class WithAnAxis(Poisson2d):
    def exact(self, p):
        return (sin(math.pi * p.x) * sin(math.pi * p.y)).unsqueeze(-1)


class TextAsExact(Poisson1d):
    def exact(self, p):
        return "sin(pi x)"


class TooManyComponents(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x), p.x


class Raises(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x) * self.amplitude


class NotAMethod(Poisson1d):
    exact = None


class NoEquation(Problem):
    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()


class NoConditions(Problem):
    domain = Interval(0, 1)

    def residual(self, p, u):
        return u.xx


class NoDomain(Problem):
    def conditions(self):
        return Dirichlet()

    def residual(self, p, u):
        return u.xx


class NamesInAString(Poisson1d):
    components = "u"


class NameOfAVariable(Poisson1d):
    components = ("x",)


class ParameterOfTheSameName(Poisson1d):
    u = Parameter(1.0)


class NegativeScale(Poisson1d):
    scale = -1.0


class UnknownReference(Poisson1d):
    reference = "fem"


class UnknownDerivative(Convection):
    def residual(self, p, u):
        return u.t + self.beta * u.z


class UnknownVariable(Convection):
    def exact(self, p):
        return sin(p.y)


class SummedOverPoints(Poisson2d):
    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2).sum()


class MeanOfPoints(Poisson2d):
    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + (u.value**2).mean(-1, keepdim=True)


class MeanOfFields(Poisson2d):
    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + (u.value**2).mean(0)


class NormalisedByItsMaximum(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x) / sin(math.pi * p.x).max()


class RandomExact(Poisson1d):
    def exact(self, p):
        return sin(math.pi * p.x) * (1.0 + 1e-6 * torch.rand_like(p.x))


class InPlace(Poisson2d):
    def density(self, p, u):
        slope = u.x
        slope *= slope
        return 0.5 * (slope + u.y**2)


class InPlaceWithoutEffect(Poisson2d):
    def density(self, p, u):
        u.value.mul_(1.0)
        return super().density(p, u)


class AsksForOneNumberOfPoints(Poisson2d):
    def density(self, p, u):
        assert p.x.shape[0] == 11
        return super().density(p, u)


class DetachedDensity(Semilinear2d):
    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + 0.25 * u.value.detach() ** 4


class Constant(Poisson2d):
    def density(self, p, u):
        return 0.0 * p.x


class BooleanExistence(NeoHookean2d):
    def exists(self, p, u):
        v, _ = u
        return 1.0 + v.x


class OtherForSymbols(Poisson2d):
    """The same for tensors of any shape, something else for symbols."""

    def density(self, p, u):
        return (0.5 if isinstance(u.x, torch.Tensor) else 0.7) * (u.x**2 + u.y**2)


class LoadTwice(Poisson2d):
    def density(self, p, u):
        return super().density(p, u) - 1.0 * u

    def exact(self, p):
        return 0.0


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
    (ThroughNumpy, "exact", "first derivatives by torch are off"),
    (NumpyWithoutDetach, "exact", "without numpy"),
    (PartlyDetached, "exact", "first derivatives by torch are off"),
    (SinglePrecision, "exact", "computes in float32 (float)"),
    (HiddenSinglePrecision, "exact", "computes in float32 (to)"),
    (SingleInDensity, "density", "computes in float32 (float)"),
    (WithAnAxis, "exact", "gives shape (11, 1) where there are points (11,)"),
    (TextAsExact, "exact", "gives str; must give numbers or tensors, computed from p"),
    (TooManyComponents, "exact", "gives 2 values; must give 1, one for each of u"),
    (Raises, "exact", "AttributeError: 'Raises' object has no attribute 'amplitude'"),
    (NotAMethod, "exact", "is None; define a method, or leave it out"),
    (NoEquation, "residual", "is missing, and so is density; define `def residual(self, p, u)` or `def density(self, p, u)`"),
    (NoConditions, "conditions", "is missing; define `def conditions(self)`, and return () if there are none"),
    (NoDomain, "domain", "is None; must be a domain, such as Interval(0, 1) or SpaceTime"),
    (NamesInAString, "components", "is 'u'; must be a tuple"),
    (NameOfAVariable, "components", "the name x is taken by a variable or a component"),
    (ParameterOfTheSameName, "parameters", "the name u is taken by a variable or a component; choose another one"),
    (NegativeScale, "scale", "is -1.0; must be a number above 0"),
    (UnknownReference, "reference", "is 'fem'; must be one of cole-hopf, method-of-lines, finite-elements"),
    (UnknownDerivative, "residual", "u.z: no such derivative; name the variables (x, t), as in u.x or u.xx"),
    (UnknownVariable, "exact", "p.y: no such variable; there is x, t"),
    (SummedOverPoints, "density", "gives one number for all points together; take no sum or mean over points"),
    (MeanOfPoints, "density", "with the other points"),
    (MeanOfFields, "density", "with the other fields"),
    (NormalisedByItsMaximum, "exact", "with the other points"),
    (RandomExact, "exact", "take no sum, mean, maximum or random number"),
    (InPlace, "density", "in place"),
    (InPlaceWithoutEffect, "density", "in place"),
    (AsksForOneNumberOfPoints, "density", "AssertionError"),
    (DetachedDensity, "density", "first derivatives by torch are off"),
    (Constant, "density", "does not depend on u, so that nothing determines it"),
    (BooleanExistence, "exists", "must give a comparison, such as `jacobian > 0`"),
    (OtherForSymbols, "density", "as symbols it gives other values than as tensors"),
    (LoadTwice, "exact", "is zero, which does not solve the equation that density states: a load of 1 is left"),
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
    (KinkInLift, "lift", "it has a jump, a kink or a singularity"),
    (Layers, "density", "its energy is not stationary at exact"),
    (Infinite, "exact", "is not finite inside the domain"),
    (NoRoom, "density", "is not finite close to the solution"),
    (EmptyTuple, "conditions", "gives ['boundary']; return a condition or a tuple of them"),
]
