"""Poisson's equation -Δu = f with u = 0 on the boundary; its energy density is ½|∇u|²."""

from pinnscape.problems.conditions import Dirichlet
from pinnscape.problems.domains.boxes import Interval, cube
from pinnscape.problems.functions import pi, sin
from pinnscape.problems.problem import Problem


class Poisson1d(Problem):
    """Poisson's equation on (0, 1) with u* = sin πx + ½ sin 4πx; the minimum of the energy is -½∫|u*'|² = -5π²/4."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2

    def exact(self, p):
        return sin(pi * p.x) + 0.5 * sin(4 * pi * p.x)


class Poisson2d(Problem):
    """Poisson's equation on the unit square with u* = sin πx sin πy; the minimum of the energy is -π²/4."""

    domain = cube(2)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def exact(self, p):
        return sin(pi * p.x) * sin(pi * p.y)
