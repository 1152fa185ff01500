"""Problems with one fault each in their form or their methods, as people write them: what is wrong, and what the message must name."""

import math

import numpy as np
import torch

from pinnscape.problems.equations.convection import Convection
from pinnscape.problems.equations.neo_hookean import NeoHookean2d
from pinnscape.problems.equations.poisson import Poisson1d, Poisson2d
from pinnscape.problems.equations.semilinear import Semilinear2d
from pinnscape.problems.language import (
    Dirichlet,
    Interval,
    Parameter,
    Problem,
    sin,
)


class ThroughNumpy(Poisson1d):
    def exact(self, p):
        return torch.tensor(np.sin(np.pi * p.x.detach().numpy()))


class Misspelled(Poisson1d):
    refrence = "finite-elements"


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


class AxisInDensity(Poisson2d):
    def density(self, p, u):
        return super().density(p, u).unsqueeze(-1)


class IndexedFromTheFront(Semilinear2d):
    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + 0.25 * u.value[0] ** 4


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


# Class, the method that must be named, and a part of what must be said.
FAULTY = [
    (ThroughNumpy, "exact", "first derivatives by torch are off"),
    (Misspelled, "refrence", "has no meaning; did you mean reference?"),
    (NumpyWithoutDetach, "exact", "without numpy"),
    (PartlyDetached, "exact", "first derivatives by torch are off"),
    (SinglePrecision, "exact", "computes in float32 (float)"),
    (HiddenSinglePrecision, "exact", "computes in float32 (to)"),
    (SingleInDensity, "density", "computes in float32 (float)"),
    (WithAnAxis, "exact", "gives shape (11, 1) where there are points (11,)"),
    (AxisInDensity, "density", "gives shape (13, 11, 1) where there are points (13, 11)"),
    (IndexedFromTheFront, "density", "with the other fields"),
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
]
