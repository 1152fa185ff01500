"""Burgers' equation, whose solution forms a layer of width ν at x = 0 (Basdevant et al. 1986; Raissi et al. 2019)."""

from pinnscape.problems.conditions import Dirichlet, Initial
from pinnscape.problems.domains.boxes import SpaceTime
from pinnscape.problems.functions import pi, sin
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem


class Burgers(Problem):
    """Burgers' equation u_t + u u_x = ν u_xx on (-1, 1) × (0, 1) with u = 0 at both ends and the initial values -sin πx."""

    domain = SpaceTime(x=(-1, 1), t=(0, 1))
    nu = Parameter(0.01 / pi, above=0.0, text="viscosity")
    reference = "cole-hopf"

    def conditions(self):
        return Dirichlet(), Initial(lambda p: -sin(pi * p.x))

    def residual(self, p, u):
        return u.t + u * u.x - self.nu * u.xx
