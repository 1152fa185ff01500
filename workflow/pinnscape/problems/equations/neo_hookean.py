"""Compressible neo-Hookean elasticity in plane strain (Bonet & Wood 2008, eq. 6.27).

W(F) = μ/2 (tr FᵀF - 2 - 2 ln J) + λ/2 (ln J)² with F = I + ∇u and J = det F. The energy is not convex and exists only where
J > 0. The exact solution is a stationary point of the energy; a numerical check shows that it is a strict local minimum.
"""

from pinnscape.problems.conditions import Dirichlet
from pinnscape.problems.domains.boxes import cube
from pinnscape.problems.functions import log, pi, sin
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem


class NeoHookean2d(Problem):
    """Neo-Hookean elasticity on the unit square, stretched along x, with a smooth manufactured displacement (0.67 < J < 1.38)."""

    domain = cube(2)
    components = ("u_1", "u_2")
    scale = 0.1
    mu = Parameter(1.0, above=0.0, text="shear modulus")
    lambda_ = Parameter(1.0, at_least=0.0, text="first Lamé parameter")

    def conditions(self):
        return Dirichlet("boundary", self.lift)

    def density(self, p, u):
        v, w = u
        log_j = log(jacobian(u))
        strain = 2 * (v.x + w.y) + v.x**2 + v.y**2 + w.x**2 + w.y**2  # tr FᵀF - 2
        return 0.5 * self.mu * (strain - 2 * log_j) + 0.5 * self.lambda_ * log_j**2

    def exists(self, p, u):
        return jacobian(u) > 0

    def exact(self, p):
        stretched, _ = self.lift(p)
        v = 0.08 * sin(pi * p.x) * sin(pi * p.y)
        w = 0.05 * sin(pi * p.x) * sin(2 * pi * p.y)
        return stretched + v, w

    def lift(self, p):
        return 0.05 * p.x, 0.0


def jacobian(u):
    """J = det(I + ∇u)."""
    v, w = u
    return (1 + v.x) * (1 + w.y) - v.y * w.x
