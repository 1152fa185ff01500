"""The Euler-Bernoulli beam: an energy with second derivatives and an equation of fourth order."""

from pinnscape.problems.conditions import Clamped
from pinnscape.problems.domains.boxes import Interval
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem


class Beam(Problem):
    """The bending equation EI w'''' = q on (0, 1) of a beam that is clamped at both ends.

    For EI = q = 1, the minimum of the energy is -1/1440, and w(½) = 1/384.
    """

    domain = Interval(0, 1)
    components = ("w",)
    scale = 1 / 384
    stiffness = Parameter(1.0, above=0.0, text="bending stiffness EI")
    q = Parameter(1.0, text="load per unit of length")

    def conditions(self):
        return Clamped()

    def density(self, p, w):
        return 0.5 * self.stiffness * w.xx**2

    def load(self, p):
        return self.q

    def exact(self, p):
        return self.q / (24 * self.stiffness) * (p.x * (1 - p.x)) ** 2
