"""The semilinear equation -Δu + u³ = f with u = 0 on the boundary; its energy density ½|∇u|² + ¼u⁴ is convex."""

from pinnscape.problems.conditions import Dirichlet
from pinnscape.problems.domains.boxes import cube
from pinnscape.problems.functions import pi, sin
from pinnscape.problems.problem import Problem


class Semilinear2d(Problem):
    """The semilinear equation -Δu + u³ = f on the unit square with u* = sin πx sin 2πy."""

    domain = cube(2)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + 0.25 * u**4

    def exact(self, p):
        return sin(pi * p.x) * sin(2 * pi * p.y)
