"""Texts of files with a problem of one's own."""

EQUATION = """
from pinnscape.problems.language import Dirichlet, Interval, Parameter, Problem


class Mine(Problem):
    domain = Interval(0, 1)
    k = Parameter(2.0, above=0)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * self.k * u.x**2
"""
