"""Problems with one fault each, as people write them: what is wrong, and what the message must name."""

import math

import numpy as np
import torch

from pinnscape.problems.base import Problem
from pinnscape.problems.functions import exp
from pinnscape.problems.neo_hookean import NeoHookean2d
from pinnscape.problems.poisson import Poisson1d, Poisson2d
from pinnscape.problems.semilinear import Semilinear2d


class ThroughNumpy(Poisson1d):
    def exact(self, x):
        return torch.tensor(np.sin(np.pi * x.detach().numpy()))


class NumpyWithoutDetach(Poisson1d):
    def exact(self, x):
        return torch.from_numpy(np.sin(np.pi * x.numpy()))


class PartlyDetached(Poisson2d):
    def exact(self, x):
        return torch.sin(math.pi * x[..., :1]) * torch.sin(math.pi * x[..., 1:].detach())


class SinglePrecision(Poisson1d):
    def exact(self, x):
        return torch.sin(math.pi * x.float())


class HiddenSinglePrecision(Poisson1d):
    def exact(self, x):
        return torch.sin(math.pi * x.to(torch.float32)).double()


class SingleInDensity(Poisson1d):
    def density(self, x, u, du):
        return 0.5 * (du.float() * du.float()).sum((-2, -1)).double()


class FlatExact(Poisson2d):
    def exact(self, x):
        return torch.sin(math.pi * x).prod(-1)


class NumberAsExact(Poisson1d):
    def exact(self, x):
        return 0.0


class Raises(Poisson1d):
    def exact(self, x):
        return torch.sin(math.pi * x) * self.amplitude


class NotAMethod(Poisson1d):
    exact = None


class NoDensity(Problem):
    dimension = 1

    def exact(self, x):
        return torch.sin(math.pi * x)


class NoExact(Problem):
    dimension = 1

    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1))


class FourDimensions(Poisson2d):
    dimension = 4


class NamesInAString(Poisson1d):
    components = "u"


class SummedOverPoints(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * (du * du).sum()


class Broadcast(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1)) + 0.1 * u**2


class MeanOfPoints(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1)) + (u * u).sum(-1).mean(-1, keepdim=True)


class NormalisedByItsMaximum(Poisson1d):
    def exact(self, x):
        return torch.sin(math.pi * x) / torch.sin(math.pi * x).max()


class IndexedFromTheFront(Semilinear2d):
    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1)) + 0.25 * u[:, 0] ** 4


class RandomExact(Poisson1d):
    def exact(self, x):
        return torch.sin(math.pi * x) * (1.0 + 1e-6 * torch.rand_like(x))


class InPlace(Poisson2d):
    def density(self, x, u, du):
        du *= du
        return 0.5 * du.sum((-2, -1))


class DetachedDensity(Semilinear2d):
    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1)) + 0.25 * torch.as_tensor(u.detach() ** 4).sum(-1)


class Constant(Poisson2d):
    def density(self, x, u, du):
        return 0.0 * x[..., 0] * u[..., 0]


class Determinant(NeoHookean2d):
    """Forward over reverse is wrong for it in torch."""

    def density(self, x, u, du):
        log_j = torch.log(torch.linalg.det(torch.eye(2, dtype=du.dtype, device=du.device) + du))
        strain = 2.0 * (du[..., 0, 0] + du[..., 1, 1]) + (du * du).sum((-2, -1))
        return 0.5 * (strain - 2.0 * log_j) + 0.5 * log_j * log_j


class DependsOnTheNumberOfAxes(Poisson2d):
    """The same for tensors of any shape, something else for symbols."""

    def density(self, x, u, du):
        return (0.5 if x.ndim > 1 else 0.7) * (du * du).sum((-2, -1))


class LoadTwice(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1)) - 1.0 * u.sum(-1)

    def exact(self, x):
        return 0.0 * x[..., :1]


class ZerosOfAnotherKind(LoadTwice):
    def exact(self, x):
        return torch.zeros(len(x), 1, dtype=x.dtype)


class LoadTwiceByTorch(Semilinear2d):
    """Functions of torch, which symbols do not have; and an exact solution that is not zero."""

    def density(self, x, u, du):
        return super().density(x, u, du) - (torch.sin(math.pi * x).prod(-1, keepdim=True) * u).sum(-1)


class WrongAmplitude(Poisson1d):
    """-u'' = sin πx is solved by sin πx / π²."""

    def density(self, x, u, du):
        return super().density(x, u, du) - torch.sin(math.pi * x[..., 0]) * u[..., 0]

    def exact(self, x):
        return torch.sin(math.pi * x) / 10.0


class ZeroWithReaction(Poisson2d):
    def density(self, x, u, du):
        return super().density(x, u, du) - exp(u).sum(-1)

    def exact(self, x):
        return 0.0 * x[..., :1]


class OtherBoundaryValues(Poisson1d):
    def exact(self, x):
        return torch.cos(math.pi * x)


class DistanceInside(Poisson2d):
    def distance(self, x):
        return (4.0 * x * (1.0 - x)).prod(-1, keepdim=True) * (x[..., :1] < 0.5)


class DistanceOnOneSide(Poisson2d):
    def distance(self, x):
        return 4.0 * x[..., :1] * (1.0 - x[..., :1])


class Cusp(Poisson2d):
    """A distance with a kink on the diagonals."""

    def distance(self, x):
        return 2.0 * torch.minimum(x, 1.0 - x).min(-1, keepdim=True).values


def _in_l_shape(x):
    return ((x[..., :1] < 0.5) | (x[..., 1:] < 0.5)).to(x.dtype)


class LShapeInDensity(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * _in_l_shape(x)[..., 0] * (du * du).sum((-2, -1))


class SofterInACorner(Poisson2d):
    def density(self, x, u, du):
        return 0.5 * (0.1 + _in_l_shape(x)[..., 0]) * (du * du).sum((-2, -1))

    def exact(self, x):
        return torch.sin(2.0 * math.pi * x).prod(-1, keepdim=True)


class LShapeInExact(Poisson2d):
    def exact(self, x):
        return torch.sin(2.0 * math.pi * x).prod(-1, keepdim=True) * _in_l_shape(x)


class LShapeInBoth(LShapeInExact):
    def density(self, x, u, du):
        return 0.5 * _in_l_shape(x)[..., 0] * (du * du).sum((-2, -1))


class Jump(Poisson1d):
    def exact(self, x):
        return torch.sin(math.pi * x) * torch.where(x < 0.3, 1.0, 2.0)


class Outside(NeoHookean2d):
    """A solution that turns the body inside out."""

    def exact(self, x):
        return 20.0 * super().exact(x) - 19.0 * self.lift(x)


class ExponentialAndLoad(Poisson2d):
    """No polynomial in u, but an expression with a linear term."""

    def density(self, x, u, du):
        return super().density(x, u, du) - exp(u).sum(-1) - (1.0 + x[..., 0]) * u[..., 0]


class Singular(Poisson1d):
    def exact(self, x):
        return torch.sqrt((x - 0.5).abs()) * x * (1.0 - x)


class InPlaceWithoutEffect(Poisson2d):
    def density(self, x, u, du):
        u.mul_(1.0)
        return super().density(x, u, du)


class AsksForOneNumberOfPoints(Poisson2d):
    def density(self, x, u, du):
        assert x.shape[0] == 400
        return super().density(x, u, du)


class VanishesOnALine(Poisson2d):
    """Between the points at which it is sampled."""

    def distance(self, x):
        return super().distance(x) * (x[..., :1] - 0.4)


class LoadAsAFlux(Poisson2d):
    """½|∇u - g|² has the load -div g."""

    def density(self, x, u, du):
        g = torch.stack([x[..., 0] ** 2, 0 * x[..., 1]], -1)[..., None, :]
        return 0.5 * ((du - g) ** 2).sum((-2, -1))


# Class, the method that must be named, and a part of what must be said.
FAULTY = [
    (ThroughNumpy, "exact", "depends on x, but torch cannot differentiate it"),
    (NumpyWithoutDetach, "exact", "without numpy"),
    (PartlyDetached, "exact", "first derivatives by torch are off"),
    (SinglePrecision, "exact", "computes in float32 (float)"),
    (HiddenSinglePrecision, "exact", "computes in float32 (to)"),
    (SingleInDensity, "density", "computes in float32 (float)"),
    (FlatExact, "exact", "must be (n, c), here (50, 1); keep the axis of points with x[..., :1]"),
    (NumberAsExact, "exact", "gives float; must give a tensor (n, c)"),
    (Raises, "exact", "AttributeError: 'Raises' object has no attribute 'amplitude'"),
    (NotAMethod, "exact", "is None; define a method `def exact(self, x)`"),
    (NoDensity, "density", "is missing; define `def density(self, x, u, du)`"),
    (NoExact, "exact", "is missing; define `def exact(self, x)`"),
    (FourDimensions, "dimension", "is 4; must be 1, 2 or 3"),
    (NamesInAString, "components", "is 'u'; must be a tuple"),
    (SummedOverPoints, "density", "gives shape () for"),
    (Broadcast, "density", "gives shape (50, 50) for"),
    (MeanOfPoints, "density", "with the other points"),
    (NormalisedByItsMaximum, "exact", "with the other points"),
    (IndexedFromTheFront, "density", "density"),
    (RandomExact, "exact", "random"),
    (InPlace, "density", "in place"),
    (InPlaceWithoutEffect, "density", "in place"),
    (AsksForOneNumberOfPoints, "density", "AssertionError"),
    (DetachedDensity, "density", "first derivatives by torch are off"),
    (Constant, "density", "depends neither on u nor on du"),
    (Determinant, "density", "of the strong-form loss by torch is off"),
    (DependsOnTheNumberOfAxes, "density", "the Euler-Lagrange operator derived from it is off"),
    (LoadTwice, "exact", "is zero, which does not solve the equation"),
    (ZerosOfAnotherKind, "exact", "is zero, which does not solve the equation"),
    (ZeroWithReaction, "exact", "is zero, which does not solve the equation"),
    (LoadTwiceByTorch, "density", "has a load of its own"),
    (WrongAmplitude, "density", "has a load of its own"),
    (LoadAsAFlux, "density", "has a load of its own"),
    (VanishesOnALine, "distance", "vanishes inside at x = (0.4, "),
    (OtherBoundaryValues, "exact", "differs from the lift by 1"),
    (DistanceInside, "distance", "vanishes inside"),
    (DistanceOnOneSide, "distance", "on the boundary; it must vanish there"),
    (Cusp, "distance", "a jump, a kink or a singularity"),
    (LShapeInDensity, "density", "depends neither on u nor on du at x = ("),
    (SofterInACorner, "density", "not stationary at exact"),
    (LShapeInExact, "exact", "a jump, a kink or a singularity"),
    (LShapeInBoth, "density", "depends neither on u nor on du at x = ("),
    (Jump, "exact", "a jump, a kink or a singularity"),
    (Outside, "exact", "the energy does not exist"),
    (ExponentialAndLoad, "density", "has a load of its own"),
    (Singular, "exact", "a jump, a kink or a singularity"),
]
