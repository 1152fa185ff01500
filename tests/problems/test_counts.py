"""Warnings about the numbers of equations and of initial conditions."""

import pytest

from pinnscape.problems.language import Dirichlet, Initial, InitialRate, Interval, Problem, SpaceTime
from pinnscape.validation import counts


class InTime(Problem):
    domain = SpaceTime(x=(0, 1), t=(0, 1))
    given: tuple = ()

    def conditions(self):
        return (Dirichlet(), *self.given)


class Wave(InTime):
    given = (Initial(0.0), InitialRate(0.0))

    def residual(self, p, u):
        return u.tt - u.xx


class WithoutRate(Wave):
    given = (Initial(0.0),)


class ThirdOrder(InTime):
    given = (Initial(0.0), InitialRate(0.0))

    def residual(self, p, u):
        return u.ttt - u.xx


class System(InTime):
    components = ("v", "w")
    given = (Initial(0.0, component="v"),)

    def residual(self, p, u):
        v, w = u
        return v.t - w.xx, w.t - v.xx


class OneEquation(System):
    given = (Initial(0.0),)

    def residual(self, p, u):
        return u["v"].t - u["w"].xx


class Stationary(Problem):
    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def residual(self, p, u):
        return {"equation": u.xx - 1.0}


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Wave, []),
        (Stationary, []),
        (WithoutRate, ["u has time derivatives up to order 2, but no condition InitialRate(...)"]),
        (ThirdOrder, ["u has time derivatives up to order 3, but no condition InitialRate(..., order=2)"]),
        (System, ["w has time derivatives up to order 1, but no condition Initial(...)"]),
        (OneEquation, ["residual gives 1 equation for the components v, w"]),
    ],
)
def test_missing_equations_and_initial_conditions_are_warnings(problem, expected):
    assert list(counts.warnings(problem())) == expected
