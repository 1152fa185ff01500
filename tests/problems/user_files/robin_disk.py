"""A heated plate: -Δu = 4 on a disk of radius 2 that loses heat at its edge."""

from pinnscape.problems.language import Disk, Parameter, Problem, Robin


class HeatedPlate(Problem):
    """-Δu = 4 on a disk of radius 2, ∂u/∂n + h u = 0 on the circle."""

    domain = Disk(radius=2)
    h = Parameter(0.5, above=0, text="heat transfer coefficient")

    def conditions(self):
        return Robin(a=self.h)

    def density(self, p, u):
        return (u.x**2 + u.y**2) / 2

    def load(self, p):
        return 4.0

    def exact(self, p):
        return 4 - p.x**2 - p.y**2 + 4 / self.h
