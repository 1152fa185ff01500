"""The problems of the library: exact solutions against equations, energies against closed forms, and the four old ones against what they were."""

import math

import numpy as np
import pytest
import sympy
import torch
from naive import forward
from problems.statement_cases import evaluated, loss, network, rule_for, soft, value

from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import Jet, function_jet
from pinnscape.networks.mlp import Network
from pinnscape.problems import autograd, catalog, statement
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.field import Field, Point
from pinnscape.problems.points import Rule, place
from pinnscape.problems.problem import Problem
from pinnscape.problems.quadrature import rule as unit_rule
from pinnscape.problems.registry import PROBLEMS, problem_class
from pinnscape.problems.symbols import Symbols
from pinnscape.problems.variation import EulerLagrange

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
OLD = [(name, {}) for name in catalog.CATALOG] + [("neo_hookean2d", {"mu": 0.7, "lambda": 5.0})]


def label(problem: Problem) -> str:
    return "-".join([type(problem).__name__, *(f"{key}={value:g}" for key, value in problem.parameters.items())])


everything = pytest.mark.parametrize("problem", ALL, ids=label)
solved = pytest.mark.parametrize("problem", EXACT, ids=label)
old = pytest.mark.parametrize(("name", "parameters"), OLD, ids=lambda value: str(value))


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
    symbols = Symbols(problem.domain.names, problem.components, problem.domain.time)
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


@old
def test_exact_solution_lift_and_factor_are_those_of_before_to_the_last_bit(name: str, parameters: dict) -> None:
    before, now = catalog.problem(name, parameters), problem_class(name)(**parameters)
    points = torch.tensor(place(now.domain, rule=Rule("sobol", 100)).points[0])
    p, made = autograd.point(now.domain, points), statement.ansatz(now)
    for found, expected in (
        (now.exact(p), before.exact(points)),
        (made.lift(p), before.lift(points)),
        (made.factor(p), (before.scale * before.distance(points)).expand(-1, len(now.components))),
    ):
        assert torch.equal(torch.stack(autograd.columns(found, points[:, 0]), -1), expected)


@old
def test_densities_loads_and_residuals_are_those_of_before(name: str, parameters: dict) -> None:
    before, now = catalog.problem(name, parameters), problem_class(name)(**parameters)
    d, c = before.dimension, len(before.components)
    points = torch.tensor(place(now.domain, rule=Rule("sobol", 50)).points[0])
    exact = function_jet(before.exact, points)
    twist = torch.randn(50, c, d, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hessian = exact.hessian + 0.1 * (twist + twist.transpose(-1, -2))
    value_, slope = exact.value + 0.01, exact.gradient * 1.1
    jet = Jet(value_, slope, hessian.diagonal(dim1=-2, dim2=-1).sum(-1), hessian)

    def derivative(k: int, order: tuple[int, ...]):
        i, *j = [v for v, count in enumerate(order) for _ in range(count)] or [None]
        return value_[:, k] if i is None else hessian[:, k, i, j[0]] if j else slope[:, k, i]

    p, u = autograd.point(now.domain, points), Field(now.domain.names, derivative, now.components)
    torch.testing.assert_close(now.density(p, u), before.density(points, value_, slope), rtol=1e-13, atol=1e-13)
    euler = EulerLagrange(before.density, d, c)
    torch.testing.assert_close(torch.stack(operator(now)(p, u), -1), euler(points, jet), rtol=1e-12, atol=1e-12)
    load = statement.load(now)
    assert load is not None
    torch.testing.assert_close(torch.stack(load(p), -1), euler(points, exact), rtol=1e-12, atol=1e-12)
    mask = before.inverted(value_, slope)
    assert (mask is None) == (not now.has("exists"))
    if mask is not None:
        turned = Field(now.domain.names, lambda k, order: -30 * derivative(k, order), now.components)
        for field, factor in ((u, 1.0), (turned, -30.0)):
            assert torch.equal(now.exists(p, field), ~before.inverted(value_, factor * slope))


@old
def test_losses_on_gauss_points_are_those_of_before(name: str, parameters: dict) -> None:
    before, now = catalog.problem(name, parameters), problem_class(name)(**parameters)
    net = Network(before.dimension, len(before.components), 4, 2)
    theta = 0.3 * torch.randn(net.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    discretization = Discretization(before, net, unit_rule("gauss-legendre", 9, before.dimension))
    made = statement.ansatz(now)

    def function(p):
        outputs = forward(net, theta, torch.stack(made.embedding(p), -1))
        return made.field(p, outputs.unbind(-1))

    for formulation in ("deep-ritz", "strong-form", "supervised"):
        (term,) = statement.terms(now, formulation)
        expected = float(Objective(discretization, formulation).loss(theta))
        assert float(value(term, now, function, Rule("gauss-legendre", 9)).detach()) == pytest.approx(expected, rel=1e-12)


def test_ranges_of_the_parameters_are_at_least_those_of_before() -> None:
    for name, entry in catalog.CATALOG.items():
        table = problem_class(name).parameter_table()
        assert set(table) == set(entry.parameters)
        for key, (bound, word) in entry.parameters.items():
            assert (table[key].above, table[key].at_least) == ((bound, None) if word == "above" else (None, bound))


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
