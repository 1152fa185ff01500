"""The problems of the library: exact solutions against equations and conditions, energies against closed forms."""

import math

import numpy as np
import pytest
import sympy
import torch
from problems.statement_cases import evaluated, loss, network, rule_for, soft

from pinnscape.problems import autograd, statement
from pinnscape.problems.field import Point
from pinnscape.problems.points import Rule, place
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import PROBLEMS, problem_class
from pinnscape.problems.symbols import Symbols

PARAMETERS = {
    "neo_hookean2d": [{"mu": 0.7, "lambda": 5.0}],
    "convection": [{"beta": 1.0}, {"beta": 40.0}],
    "reaction": [{"rho": 1.0}],
    "wave": [{"beta": 2.0}],
    "burgers": [{"nu": 0.1}],
    "beam": [{"stiffness": 3.0, "q": -2.0}],
}
ALL = [problem_class(name)(**values) for name in PROBLEMS for values in ({}, *PARAMETERS.get(name, []))]
EXACT = [problem for problem in ALL if problem.has("exact")]


def label(problem: Problem) -> str:
    return "-".join([type(problem).__name__, *(f"{key}={value:g}" for key, value in problem.parameters.items())])


everything = pytest.mark.parametrize("problem", ALL, ids=label)
solved = pytest.mark.parametrize("problem", EXACT, ids=label)


def named_conditions(problem: Problem) -> tuple[str, ...]:
    return tuple(condition.name for condition in statement.conditions(problem))


def relative(term, problem: Problem, rule: Rule) -> float:
    """The largest residual of the exact solution, relative to the sum of the moduli of what cancels in it."""
    placed = term.place(problem.domain, rule)
    left = torch.stack(evaluated(term, problem, problem.exact, placed)).abs().max(0).values
    points = torch.tensor(placed.points[0])
    size = torch.zeros(len(points), dtype=torch.float64)
    for j in range(len(problem.components)):
        _, u = autograd.differentiable(problem.exact, problem.domain, points, problem.components)
        component = u[problem.components[j]]
        orders = [(4,)] if type(problem).__name__ == "Beam" else second_orders(len(problem.domain.names))
        size = torch.stack([size, *(component.derivative(0, order).abs() for order in orders)]).sum(0)
    return float((left / (1.0 + size)).detach().max())


def second_orders(d: int) -> list[tuple[int, ...]]:
    return [tuple(int(k == i) + int(k == j) for k in range(d)) for i in range(d) for j in range(i + 1)]


@solved
def test_the_residual_of_the_exact_solution_is_below_1e_10(problem: Problem) -> None:
    terms = statement.terms(problem, "strong-form")
    assert [term.name for term in terms] == ["interior"]
    for rule in (rule_for(problem, 10), Rule("sobol", 500)):
        assert relative(terms[0], problem, rule) < 1e-10


@pytest.mark.parametrize("problem", [p for p in EXACT if not p.domain.singular and p.has("residual")], ids=label)
def test_the_residual_of_the_exact_solution_is_zero_by_symbols(problem: Problem) -> None:
    symbols = Symbols(problem.unknowns)
    exact = problem.exact(symbols.point)
    residual = problem.residual(symbols.point, symbols.field)

    def derivative(order):
        found = exact
        for variable, count in zip(symbols.coordinates, order, strict=True):
            found = sympy.diff(found, variable, count) if count else found
        return found

    replaced = {symbol: derivative(order) for (_, order), symbol in symbols.named([residual]).items()}
    function = sympy.lambdify(symbols.coordinates, [residual.xreplace(replaced), *replaced.values()], "numpy")
    left, *parts = function(*place(problem.domain, rule=Rule("sobol", 200)).points[0].T)
    assert np.abs(left).max() < 1e-12 * max(np.abs(part).max() for part in parts)


@solved
def test_the_exact_solution_satisfies_the_conditions(problem: Problem) -> None:
    names = named_conditions(problem)
    terms = statement.terms(problem, "strong-form", soft(problem, *names))[1:]
    found = loss(terms, problem, problem.exact, Rule("gauss-legendre", 15))
    assert tuple(found) == names
    assert max(found.values()) < 1e-25


@everything
def test_the_field_of_any_network_satisfies_the_conditions(problem: Problem) -> None:
    terms = statement.terms(problem, "strong-form", soft(problem, *named_conditions(problem)))[1:]
    made = statement.ansatz(problem)
    for seed in range(2):
        net = network(len(made.inputs), len(problem.components), seed)
        found = loss(terms, problem, lambda p, net=net: made.field(p, net(made.embedding(p))), Rule("gauss-legendre", 15))
        assert max(found.values()) < 1e-24


@everything
def test_soft_conditions_leave_the_field_to_the_network(problem: Problem) -> None:
    settings = soft(problem, *named_conditions(problem))
    made = statement.ansatz(problem, settings)
    points = torch.tensor(place(problem.domain, rule=Rule("sobol", 8)).points[0])
    p = autograd.point(problem.domain, points)
    outputs = [torch.ones(8, dtype=torch.float64)] * len(problem.components)
    if not problem.has("lift"):
        for values in autograd.columns(made.field(p, outputs), points[:, 0]):
            torch.testing.assert_close(values, problem.scale * outputs[0])
    assert made.inputs == problem.domain.names


ENERGIES = {
    "poisson1d": -5 * math.pi**2 / 4,
    "poisson2d": -(math.pi**2) / 4,
    "semilinear2d": -5 * math.pi**2 / 8 - 27 / 256,
    "l_shape": 0.918113330937581,
    "beam": -1 / 1440,
}


@pytest.mark.parametrize(("name", "energy"), ENERGIES.items())
def test_the_energy_of_the_exact_solution_is_known(name: str, energy: float) -> None:
    problem = problem_class(name)()
    terms = statement.terms(problem, "deep-ritz")
    found = loss(terms, problem, problem.exact, rule_for(problem, 24))
    assert tuple(found) == ("interior",)
    assert found["interior"] == pytest.approx(energy, abs=1e-10)


def test_the_energy_of_a_beam_scales_with_its_load_and_stiffness() -> None:
    problem = problem_class("beam")(q=6.0, stiffness=2.0)
    assert loss(statement.terms(problem, "deep-ritz"), problem, problem.exact)["interior"] == pytest.approx(
        -36 / 2 / 1440, abs=1e-14
    )
    middle = Point(("x",), (0.5,))
    assert problem_class("beam")().exact(middle) == pytest.approx(1 / 384)


@pytest.mark.parametrize("problem", [p for p in EXACT if p.has("density")], ids=label)
def test_the_exact_solution_is_a_stationary_point_of_the_energy(problem: Problem) -> None:
    """Along fields that satisfy the conditions, whatever the network is."""
    terms, made = statement.terms(problem, "deep-ritz"), statement.ansatz(problem)
    net, rule = network(len(problem.domain.names), len(problem.components), 3), rule_for(problem, 24)

    def energy(s: float) -> float:
        def moved(p):
            exact = problem.exact(p)
            exact = exact if isinstance(exact, tuple) else (exact,)
            return [e + s * f * n for e, f, n in zip(exact, made.factor(p), net(list(p)), strict=True)]

        return sum(loss(terms, problem, moved, rule).values())

    step, at = 1e-3, energy(0.0)
    bend = (energy(step) + energy(-step) - 2 * at) / step**2
    assert bend > 0.0
    assert abs(energy(step) - energy(-step)) / (2 * step) < 1e-6 * bend


def test_formulations_follow_from_what_a_problem_states() -> None:
    found = {name: statement.formulations(problem_class(name)()) for name in PROBLEMS}
    energies = {name for name, forms in found.items() if "deep-ritz" in forms}
    assert energies == {"poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d", "l_shape", "beam"}
    assert all(forms[-2:] == ("strong-form", "supervised") for forms in found.values())


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_says_what_it_is(name: str) -> None:
    cls = problem_class(name)
    assert cls.__doc__ is not None
    assert cls.__doc__.split("\n")[0].endswith(".")
    assert all(parameter.text for parameter in cls.parameter_table().values())
