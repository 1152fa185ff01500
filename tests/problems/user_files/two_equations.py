"""Nerve conduction: a diffusing voltage and a recovery variable, without a known solution."""

from pinnscape.problems.language import Initial, Neumann, Parameter, Problem, SpaceTime, exp


class FitzHughNagumo(Problem):
    """v_t = D v_xx + v - v³/3 - w, w_t = ε (v + a - b w), without flux of v at the ends."""

    domain = SpaceTime(x=(0, 10), t=(0, 5))
    components = ("v", "w")
    reference = "method-of-lines"
    D = Parameter(1.0, above=0.0, text="diffusivity")
    epsilon = Parameter(0.08, above=0.0, text="ratio of time scales")

    def conditions(self):
        start = Initial(lambda p: (2 * exp(-((p.x - 3) ** 2)) - 1.2, -0.6))
        return start, Neumann(component="v")

    def residual(self, p, u):
        v, w = u
        return {
            "voltage": v.t - self.D * v.xx - v + v**3 / 3 + w,
            "recovery": w.t - self.epsilon * (v + 0.7 - 0.8 * w),
        }
