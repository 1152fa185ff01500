"""Problems with an energy against their equations on paper, by SymPy: operator, load, exact solution, energy, boundary."""

import math

import naive
import numpy as np
import pytest
import sympy
import torch
from cases import initial, small
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from naive import assert_close, forward, random_points, random_theta
from problems.paper_cases import (
    CONVEX,
    DISPLACEMENT,
    NEO_HOOKEAN,
    PI,
    POISSON1D,
    POISSON2D,
    SEMILINEAR,
    STIFF,
    discretized,
    evaluate,
    exact_of,
    integral,
    left,
    load_of,
    load_on_paper,
    of_term,
    on_paper,
    papers,
    points_of,
    streams_of,
    waves,
    weights_of,
    x,
    y,
)
from settings_cases import model
from torch import Tensor

from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import discretization
from pinnscape.networks.architectures import Mlp
from pinnscape.networks.forward import function_streams
from pinnscape.networks.streams import Streams, unit
from pinnscape.problems import autograd, statement
from pinnscape.problems.euler_lagrange import by_torch
from pinnscape.problems.field import Field
from pinnscape.problems.language import Dirichlet, Interval, Problem, sin
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.problems.registry import PROBLEMS, problem_class


@papers
def test_the_exact_solution_is_the_one_on_paper(paper):
    points, d = random_points(20, len(paper.variables)), len(paper.variables)
    streams = Streams.of([unit(d, i, j) for i in range(d) for j in range(d)])
    actual = function_streams(naive.exact(paper.problem), points, streams)
    for found, expected in zip(actual, on_paper(paper.exact, paper.variables, points, streams)[:, 0], strict=True):
        assert_close(found, expected, 1e-14)


@papers
def test_the_load_is_the_left_side_at_the_exact_solution(paper):
    d = discretized(paper)
    assert_close(load_of(d), load_on_paper(paper, points_of(d)), 1e-12)


@papers
def test_the_residual_of_a_field_that_solves_nothing_is_the_equation_on_paper(paper):
    d = discretized(paper)
    points = points_of(d)
    expected = evaluate(left(paper, paper.trial), paper.variables, points) - load_on_paper(paper, points)
    assert_close(of_term(d, "strong-form/interior", paper.trial, paper), expected, 1e-12)
    full = Streams.of([unit(len(paper.variables), i, j) for i in range(len(paper.variables)) for j in range(i + 1)])
    known = on_paper(paper.trial, paper.variables, points, full)[:, 0]
    u = d.problem.unknowns.field(lambda component, order: known[full.position[order], :, component])
    by_hand = by_torch(d.problem, d.problem.unknowns.point(points.unbind(1)), u)
    assert_close(torch.stack(by_hand, 1) - load_of(d), expected, 1e-12)


@papers
def test_the_residual_of_the_exact_solution_vanishes(paper):
    d = discretized(paper)
    residual = of_term(d, "strong-form/interior", paper.exact, paper)
    assert residual.abs().max() < 1e-12 * load_of(d).abs().max()
    assert integral(d, "strong-form/interior", exact_of(d, "strong-form/interior")) < 1e-24 * load_of(d).square().max()
    assert integral(d, "supervised/interior", exact_of(d, "supervised/interior")) == 0.0
    assert integral(d, "error/slope", exact_of(d, "error/slope")) == 0.0


@papers
def test_the_energy_of_the_exact_solution_is_the_energy_minimum(paper):
    d = discretized(paper)
    energy = integral(d, "deep-ritz/interior", exact_of(d, "deep-ritz/interior"))
    assert float(energy) == pytest.approx(d.energy_minimum, rel=1e-12)


@pytest.mark.parametrize(
    ("paper", "minimum"),
    [(POISSON1D, -5 * PI**2 / 4), (POISSON2D, -(PI**2) / 4), (SEMILINEAR, -5 * PI**2 / 8 - sympy.Rational(27, 256))],
    ids=["poisson1d", "poisson2d", "semilinear2d"],
)
def test_the_energy_minimum_is_the_integral_on_paper(paper, minimum):
    (u,) = paper.exact
    energy = sum(u.diff(v) ** 2 for v in paper.variables) / 2 + (u**4 / 4 if paper is SEMILINEAR else 0)
    integral = energy - left(paper, paper.exact)[0] * u
    for variable in paper.variables:
        integral = sympy.integrate(sympy.expand(integral), (variable, 0, 1))
    assert sympy.simplify(integral - minimum) == 0
    assert discretized(paper).energy_minimum == pytest.approx(float(minimum), rel=1e-13)


@pytest.mark.parametrize("paper", [NEO_HOOKEAN, STIFF], ids=["neo_hookean2d", "stiff"])
def test_the_energy_minimum_of_the_neo_hookean_body_is_the_integral_of_its_stored_energy_and_work(paper):
    deformation = sympy.eye(2) + paper.exact.jacobian((x, y))
    invariant, log_j = (deformation.T * deformation).trace(), sympy.log(deformation.det())
    stored = paper.mu / 2 * (invariant - 2 - 2 * log_j) + paper.lam / 2 * log_j**2
    nodes, weights = np.polynomial.legendre.leggauss(50)
    points = torch.tensor(np.stack([g.ravel() for g in np.meshgrid(nodes, nodes)], 1) / 2 + 0.5)
    values = evaluate(sympy.Matrix([stored]), (x, y), points).ravel()
    work = (load_on_paper(paper, points) * evaluate(paper.exact, (x, y), points)).sum(-1)
    expected = (np.outer(weights, weights).ravel() / 4) @ (values - work).numpy()
    assert discretized(paper).energy_minimum == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("paper", [POISSON1D, POISSON2D], ids=lambda paper: paper.name)
def test_the_minimum_of_a_linear_problem_is_minus_half_the_energy_norm(paper):
    d = discretized(paper)
    assert d.energy_minimum == pytest.approx(-0.5 * d.norms[1], rel=1e-12)


class ThreeWaves(Problem):
    """½|u'|² - u sin 3πx, by its solution u* = sin 3πx / (9π²)."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2

    def exact(self, p):
        return sin(3 * math.pi * p.x) / (9 * math.pi**2)


def test_a_problem_of_ones_own_has_its_load_and_its_minimum():
    d = Discretization(ThreeWaves(), Mlp(1, 1, 3, 1), Rule("simpson", 9))
    assert_close(load_of(d), torch.sin(3 * math.pi * points_of(d)), 1e-13)
    assert d.energy_minimum == pytest.approx(-1 / (36 * math.pi**2), rel=1e-13)


amplitude = st.floats(-2.0, 2.0).filter(lambda a: a == 0 or abs(a) > 1e-3)
ENERGY = "deep-ritz/interior"


@pytest.mark.parametrize("paper", CONVEX, ids=lambda paper: paper.name)
@hypothesis_settings(max_examples=20)
@given(data=st.data())
def test_a_perturbation_costs_at_least_half_its_energy_norm(paper, data):
    shape = (1, 3) if paper is POISSON1D else (1, 2, 2)
    numbers = data.draw(st.lists(amplitude, min_size=math.prod(shape), max_size=math.prod(shape)).filter(any))
    d = discretized(paper)
    change = streams_of(d, ENERGY, waves(np.array(numbers).reshape(shape)))
    gap = float(integral(d, ENERGY, exact_of(d, ENERGY) + change)) - d.energy_minimum
    half_norm = 0.5 * float(change[1 : 1 + len(paper.variables), 0, :, 0].square().sum(0) @ weights_of(d))
    assert half_norm > 0
    if paper is SEMILINEAR:
        assert gap >= half_norm * (1 - 1e-12) - 1e-12
    else:
        assert gap == pytest.approx(half_norm, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("paper", [NEO_HOOKEAN, STIFF], ids=["neo_hookean2d", "stiff"])
def test_the_exact_solution_of_the_neo_hookean_body_is_a_strict_local_minimum(paper):
    """First variation zero and second variation positive, over 3 x 3 waves in each component."""
    d = discretized(paper)
    base = exact_of(d, ENERGY)
    basis = torch.stack([streams_of(d, ENERGY, waves(row.reshape(2, 3, 3))) for row in np.eye(18)])

    def energy(a):
        return integral(d, ENERGY, base + torch.tensordot(a, basis, 1))

    origin = torch.zeros(18, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(energy, origin)
    assert torch.autograd.functional.jacobian(energy, origin).abs().max() < 1e-11
    assert torch.linalg.eigvalsh(hessian)[0] > 0.5


def with_slopes(problem: Problem, slopes: Tensor) -> Field:
    """A field of which nothing but the gradient (..., c, d) is known."""
    return problem.unknowns.field(lambda component, order: slopes[..., component, order.index(1)])


def neo_hookean(slopes: Tensor, **parameters: float) -> Tensor:
    """Its energy density (...) for gradients (..., 2, 2)."""
    body = load("neo_hookean2d", parameters)
    return body.density(None, with_slopes(body, slopes))


def test_the_neo_hookean_energy_is_not_convex():
    """Along a segment between two deformations with J > 0 the energy density lies above its chord somewhere."""
    quarter = torch.tensor([[-1.0, -1.0], [1.0, -1.0]], dtype=torch.float64)  # ∇u of a rotation by 90 degrees
    at = neo_hookean(torch.stack([0.0 * quarter, 0.5 * quarter, quarter]))
    assert at[0] == pytest.approx(0, abs=1e-15)
    assert at[2] == pytest.approx(0, abs=1e-15)
    assert at[1] > 0.1


def test_a_rigid_rotation_costs_no_energy_and_bears_no_stress():
    angle = 0.7
    rotation = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    slope = (rotation - torch.eye(2)).requires_grad_()
    energy = neo_hookean(slope, **dict(STIFF.parameters))
    (traction,) = torch.autograd.grad(energy, slope)
    assert abs(float(energy.detach())) < 1e-15
    assert traction.abs().max() < 1e-14


def test_the_deformation_of_the_exact_solution_keeps_its_orientation_everywhere():
    axis = torch.linspace(0, 1, 301, dtype=torch.float64)
    deformation = sympy.eye(2) + DISPLACEMENT.jacobian((x, y))
    j = evaluate(sympy.Matrix([deformation.det()]), (x, y), torch.cartesian_prod(axis, axis))
    assert 0.67 < float(j.min()) < 0.68
    assert 1.37 < float(j.max()) < 1.39


def boundary_points(dimension: int) -> Tensor:
    axis = torch.linspace(0, 1, 21, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension)
    return grid[((grid == 0) | (grid == 1)).any(-1)]


@papers
def test_any_network_satisfies_the_boundary_conditions(paper):
    points, d = boundary_points(len(paper.variables)), discretized(paper)
    boundary = evaluate(paper.exact, paper.variables, points)
    thetas = torch.stack([random_theta(d.network, seed, 5.0) for seed in range(4)])
    u = d.at(thetas, points)
    assert u.shape == (4, *boundary.shape)
    assert (u - boundary).abs().max() < 1e-15  # SymPy's sin 4π is not quite zero in floating point
    lift = statement.ansatz(d.problem).lift(autograd.point(d.problem.domain, points))
    assert (torch.stack(autograd.columns(lift, points[:, 0]), 1) - boundary).abs().max() < 1e-15


@papers
def test_networks_are_free_inside_and_scaled(paper):
    d, points = discretized(paper), random_points(9, len(paper.variables))
    theta = random_theta(d.network, 1)
    bubble = torch.prod(4 * points * (1 - points), -1, keepdim=True)
    lift = torch.cat([0.05 * points[:, :1], 0 * points[:, 1:]], 1) if d.network.outputs == 2 else 0.0
    scale = 0.1 if d.network.outputs == 2 else 1.0
    assert_close(d.at(theta, points), lift + scale * bubble * forward(d.network, theta, points), 1e-14)


@papers
def test_the_field_at_the_quadrature_points_is_the_value_of_the_streams(paper):
    d = discretized(paper)
    thetas = torch.stack([random_theta(d.network, seed) for seed in range(3)])
    group = d.assembly.group(ENERGY)
    assert_close(group.solve(thetas, group.needed[ENERGY], slice(None))[:, 0, 0], d.at(thetas, points_of(d)), 1e-14)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if problem_class(name).parameter_table()])
def test_every_parameter_of_a_problem_matters(name):
    usual = small(name)
    theta = initial(usual)
    for key in usual.problem.parameters:
        other = discretization(model(name, parameters={key: 2.5}))
        assert abs(other.objective("strong-form").loss(theta) / usual.objective("strong-form").loss(theta) - 1.0) > 1e-3


def test_the_parameters_are_the_lame_parameters_of_small_strains():
    """For ε → 0 the energy is μ|ε|² + λ/2 (tr ε)²."""
    size = 1e-4
    strain = size * torch.tensor([[0.3, 0.5], [0.5, -0.8]], dtype=torch.float64)
    expected = 3.0 * strain.square().sum() + 3.5 * strain.trace() ** 2
    energy = float(neo_hookean(strain, **{"mu": 3.0, "lambda": 7.0}))
    assert energy == pytest.approx(float(expected), rel=10 * size)


def test_the_energy_exists_where_the_determinant_is_positive():
    slopes = torch.tensor([[[0, 0], [0, 0]], [[-1, 0], [0, 0]], [[-2, 0], [0, 0]], [[-2, 0], [0, -2]], [[0, 1], [2, 0]]])
    body = load("neo_hookean2d")
    assert body.exists(None, with_slopes(body, slopes.double())).tolist() == [True, False, False, True, False]
    assert [name for name in PROBLEMS if problem_class(name).has("exists")] == ["neo_hookean2d"]


def test_the_neo_hookean_energy_is_not_a_number_where_the_body_is_turned_inside_out():
    assert neo_hookean(torch.tensor([[-2.0, 0.0], [0.0, 0.0]], dtype=torch.float64)).isnan().all()


def test_the_perturbed_network_never_beats_the_exact_solution_of_a_convex_problem():
    d = discretized(SEMILINEAR)
    thetas = torch.stack([random_theta(d.network, seed) for seed in range(20)])
    assert (d.objective("deep-ritz").loss(thetas) > d.energy_minimum).all()
