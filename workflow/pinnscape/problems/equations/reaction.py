"""The reaction equation: logistic growth at each point separately.

The case ρ = 5 is that of Krishnapriyan et al. 2021 (arXiv:2109.01050) and Rathore et al. 2024 (arXiv:2402.01868).
"""

from pinnscape.problems.conditions import Initial, Periodic
from pinnscape.problems.domains.boxes import SpaceTime
from pinnscape.problems.functions import exp, pi
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem


class Reaction(Problem):
    """Logistic growth u_t = ρ u (1 - u) on (0, 2π) × (0, 1), periodic in x.

    The initial values are a Gaussian around π with standard deviation π/4 and maximum 1.
    """

    domain = SpaceTime(x=(0, 2 * pi), t=(0, 1))
    rho = Parameter(5.0, text="rate of growth")

    def conditions(self):
        return Initial(lambda p: gaussian(p.x)), Periodic("x")

    def residual(self, p, u):
        return u.t - self.rho * u * (1 - u)

    def exact(self, p):
        grown = gaussian(p.x) * exp(self.rho * p.t)
        return grown / (grown + 1 - gaussian(p.x))


def gaussian(x):
    """exp(-(x - π)² / (2 (π/4)²))."""
    return exp(-((x - pi) ** 2) / (2 * (pi / 4) ** 2))
