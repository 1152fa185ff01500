"""Problems whose energies are not what their authors take them for."""

import torch

from pinnscape.problems.language import Dirichlet, Interval, Parameter, Problem, cube, pi, sin


class Indicator(Problem):
    """Poisson's equation on the L-shape, by an indicator function on the square: its energy does not hold u = 0 at the reentrant sides."""

    domain = cube(2)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return torch.where(_inside(p), 0.5, 0.0) * (u.x**2 + u.y**2)

    def exact(self, p):
        return torch.where(_inside(p), 1.0, 0.0) * sin(2 * pi * p.x) * sin(2 * pi * p.y)


def _inside(p):
    return ~((p.x > 0.5) & (p.y > 0.5))


class MixedBeam(Problem):
    """A beam by deflection and moment, w'M' - ½M²: a saddle point, no minimum."""

    domain = Interval(0, 1)
    components = ("w", "m")

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        w, m = u
        return w.x * m.x - 0.5 * m**2

    def exact(self, p):
        return sin(pi * p.x), pi**2 * sin(pi * p.x)


class Layered(Problem):
    """-(a u')' = f on (0, 1) with a = 1 before ``edge`` and a = 3 beyond, by a smooth solution: integrands have a jump."""

    domain = Interval(0, 1)
    edge = Parameter(0.5)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return torch.where(p.x < self.edge, 0.5, 1.5) * u.x**2

    def exact(self, p):
        return sin(pi * p.x)
