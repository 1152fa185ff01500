"""The wave equation with two modes (Wang et al. 2022, arXiv:2007.14527; β = 5 as in Rathore et al. 2024, arXiv:2402.01868)."""

from pinnscape.problems.conditions import Dirichlet, Initial, InitialRate
from pinnscape.problems.domains.boxes import SpaceTime
from pinnscape.problems.functions import cos, pi, sin
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem


class Wave(Problem):
    """The wave equation u_tt = 4 u_xx on (0, 1) × (0, 1) with u = 0 at both ends.

    The initial values are sin πx + ½ sin βπx, and the initial velocity is zero. The parameter β must be an integer.
    """

    domain = SpaceTime(x=(0, 1), t=(0, 1))
    beta = Parameter(5.0, at_least=1.0, text="number of half waves of the second mode")

    def conditions(self):
        return Dirichlet(), Initial(lambda p: sin(pi * p.x) + 0.5 * sin(self.beta * pi * p.x)), InitialRate()

    def residual(self, p, u):
        return u.tt - 4 * u.xx

    def exact(self, p):
        x, t = p
        return sin(pi * x) * cos(2 * pi * t) + 0.5 * sin(self.beta * pi * x) * cos(2 * self.beta * pi * t)
