"""Laplace's equation on the L-shape with a solution that is singular at the reentrant corner (Grisvard 1985)."""

from pinnscape.problems.conditions import Dirichlet
from pinnscape.problems.domains.corners import LShape, polar
from pinnscape.problems.functions import sin
from pinnscape.problems.problem import Problem


class LShapePoisson(Problem):
    """Laplace's equation Δu = 0 on the L-shape with u* = r^⅔ sin ⅔θ; the minimum of the energy ½∫|∇u|² is 0.918113330937581."""

    domain = LShape()

    def conditions(self):
        return Dirichlet("boundary", self.exact)

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def load(self, p):
        return 0.0

    def exact(self, p):
        r, theta = polar(p)
        return r ** (2 / 3) * sin(2 / 3 * theta)

    def lift(self, p):
        """The exact solution, multiplied by a function that is 1 on the outer sides and smaller inside the domain."""
        x, y = p
        return self.exact(p) * (x**2 + y**2 - x**2 * y**2) ** 2
