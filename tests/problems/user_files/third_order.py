"""The Moore-Gibson-Thompson equation of sound with relaxation, of third order in time."""

from pinnscape.problems.language import Dirichlet, Initial, InitialRate, Parameter, Problem, SpaceTime, exp, pi, sin


class Sound(Problem):
    """τ u_ttt + u_tt - c² u_xx - b u_xxt = 0 on (0, 1) × (0, 1), u = 0 at both ends; b makes u = e⁻ᵗ sin πx a solution."""

    domain = SpaceTime(x=(0, 1), t=(0, 1))
    tau = Parameter(0.1, above=0, text="relaxation time")
    c = Parameter(1.0, above=0, text="speed of sound")

    def conditions(self):
        at_first = [InitialRate(lambda p: -sin(pi * p.x)), InitialRate(lambda p: sin(pi * p.x), order=2)]
        return Dirichlet(), Initial(lambda p: sin(pi * p.x)), *at_first

    def residual(self, p, u):
        b = (1 - self.tau) / pi**2 + self.c**2
        return self.tau * u.ttt + u.tt - self.c**2 * u.xx - b * u.xxt

    def exact(self, p):
        return exp(-p.t) * sin(pi * p.x)
