"""The convection equation, for which PINN training is known to fail at β = 30 (Krishnapriyan et al. 2021, arXiv:2109.01050)."""

from pinnscape.problems.conditions import Initial, Periodic
from pinnscape.problems.domains.boxes import SpaceTime
from pinnscape.problems.functions import pi, sin
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem


class Convection(Problem):
    """The convection equation u_t + β u_x = 0 on (0, 2π) × (0, 1), periodic in x, with the initial values sin x."""

    domain = SpaceTime(x=(0, 2 * pi), t=(0, 1))
    beta = Parameter(30.0, text="speed of transport")

    def conditions(self):
        return Initial(lambda p: sin(p.x)), Periodic("x")

    def residual(self, p, u):
        return u.t + self.beta * u.x

    def exact(self, p):
        return sin(p.x - self.beta * p.t)
