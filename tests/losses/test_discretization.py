"""All losses of all problems against slow, obvious versions, exact facts and each other."""

import math
from functools import cache

import naive
import numpy as np
import pytest
import torch
from cases import PROBLEMS as WITH_ENERGY
from naive import assert_close, derivatives, random_theta
from settings_cases import model
from sine_cases import SineSeries, exact

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import architecture, discretization
from pinnscape.networks.architectures import Mlp
from pinnscape.problems import statement
from pinnscape.problems.language import Dirichlet, Initial, InitialRate, Interval, Neumann, Problem, SpaceTime
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule, place
from pinnscape.problems.registry import PROBLEMS, problem_class
from pinnscape.problems.statement import DEEP_RITZ, SUPERVISED

SMOOTH = ("tanh", "sin", "swish", "softplus")
SOFT = {"enforce": "soft"}
# Conditions that are soft, with weights that are not one; the others are as the problem states them.
SOFTENED = {
    "poisson2d": {"boundary": {**SOFT, "weight": 3.0}},
    "neo_hookean2d": {"boundary": {**SOFT, "weight": 5.0}},
    "convection": {"initial": {**SOFT, "weight": 100.0}, "periodic": SOFT, "interior": {"weight": 0.5}},
    "reaction": {"initial": SOFT},
    "wave": {"boundary": SOFT, "initial": {**SOFT, "weight": 2.0}, "rate": {**SOFT, "weight": 0.1}},
    "burgers": {"boundary": SOFT, "initial": SOFT},
    "l_shape": {"boundary": {**SOFT, "weight": 10.0}},
    "beam": {"clamped": {**SOFT, "weight": 7.0}},
}


@cache
def discretized(name: str, activation: str = "tanh", points: int = 4, soft: bool = False) -> Discretization:
    problem, conditions = load(name), SOFTENED[name] if soft else {}
    made = architecture(problem, statement.ansatz(problem, conditions), model(name, 3, 2, activation=activation).network)
    return Discretization(problem, made, Rule("gauss-legendre", points), conditions)


def losses_of(name: str) -> list[str]:
    problem = problem_class(name)
    return [loss for loss in statement.formulations(problem()) if loss != SUPERVISED or problem.has("exact")]


ALL = [(name, loss) for name in PROBLEMS for loss in losses_of(name)]
LOSSES = [(name, loss, "tanh", False) for name, loss in ALL]
LOSSES += [(name, loss, "tanh", True) for name, loss in ALL if name in SOFTENED and loss != SUPERVISED]
LOSSES += [(name, loss, activation, False) for name, loss in ALL if name in WITH_ENERGY for activation in SMOOTH[1:]]
every_loss = pytest.mark.parametrize(("name", "loss", "activation", "soft"), LOSSES)
losses = pytest.mark.parametrize(("name", "loss"), ALL)
problems = pytest.mark.parametrize("name", PROBLEMS)
formulations = pytest.mark.parametrize("formulation", FORMULATIONS)


@every_loss
def test_losses_and_gradients_are_those_of_nested_differentiation(name, loss, activation, soft):
    d = discretized(name, activation, soft=soft)
    objective, theta = d.objective(loss), random_theta(d.network, 1)
    variable = theta.clone().requires_grad_()
    expected = naive.loss(d, loss, variable)
    value, gradient = objective.loss_and_gradient(theta)
    assert float(value) == pytest.approx(float(expected.detach()), rel=1e-10)
    assert_close(gradient, torch.autograd.grad(expected, variable)[0], 1e-10)
    assert_close(objective.gradient(theta), gradient, 1e-15)
    assert_close(objective.loss(theta), value, 1e-14)


@every_loss
def test_hessian_products_are_those_of_the_full_matrix(name, loss, activation, soft):
    d = discretized(name, activation, soft=soft)
    objective, theta = d.objective(loss), random_theta(d.network, 2)
    matrix = objective.hessian_product(theta, torch.eye(objective.size, dtype=torch.float64))
    expected = torch.autograd.functional.hessian(lambda t: naive.loss(d, loss, t), theta, vectorize=True)
    assert_close(matrix, expected, 1e-9)
    assert_close(matrix, matrix.T, 1e-12)
    vector = random_theta(d.network, 3)
    assert_close(objective.hessian_product(theta, vector), matrix @ vector, 1e-12)


@losses
def test_the_gradient_is_the_limit_of_difference_quotients(name, loss):
    d = discretized(name)
    objective, theta, vector = d.objective(loss), random_theta(d.network, 4), random_theta(d.network, 5)
    errors = []
    for step in (2e-3, 1e-3):
        quotient = (objective.loss(theta + step * vector) - objective.loss(theta - step * vector)) / (2 * step)
        errors.append(abs(float(quotient - objective.gradient(theta) @ vector)))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)  # second order


@losses
def test_a_batch_of_parameters_equals_one_at_a_time(name, loss):
    d = discretized(name)
    objective = d.objective(loss)
    thetas = torch.stack([random_theta(d.network, k) for k in range(6)]).reshape(2, 3, -1)
    value, gradient = objective.loss_and_gradient(thetas)
    assert value.shape == objective.loss(thetas).shape == (2, 3)
    assert gradient.shape == thetas.shape
    for index in np.ndindex(2, 3):
        alone = objective.loss_and_gradient(thetas[index])
        assert_close(value[index], alone[0], 1e-13)
        assert_close(objective.loss(thetas)[index], alone[0], 1e-13)
        assert_close(gradient[index], alone[1], 1e-12)


@losses
def test_evaluations_repeat_to_the_last_bit_and_leave_the_parameters_alone(name, loss):
    objective, theta = discretized(name).objective(loss), random_theta(discretized(name).network)
    before = theta.clone()
    first, second = objective.loss_and_gradient(theta), objective.loss_and_gradient(theta)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert torch.equal(theta, before)
    assert not theta.requires_grad
    assert not first[0].requires_grad


@problems
@pytest.mark.parametrize("soft", [False, True])
def test_measure_agrees_with_every_objective_and_keeps_the_batch(name, soft):
    if soft and name not in SOFTENED:
        return
    d = discretized(name, soft=soft)
    thetas = torch.stack([random_theta(d.network, k) for k in range(6)]).reshape(2, 3, -1)
    measured = d.measure(thetas)
    assert list(measured) == [*d.losses, *d.terms, "energy_gap", "l2_error", "h1_error", "infeasible"]
    assert all(values.shape == (2, 3) for values in measured.values())
    assert not measured["infeasible"].any()
    for loss in d.losses:
        objective = d.objective(loss)
        assert_close(measured[loss], objective.loss(thetas), 1e-13)
        terms = objective.terms(thetas)
        assert (len(terms) > 1) == (f"{loss}/interior" in d.terms)
        for short, value in terms.items():
            assert_close(measured.get(f"{loss}/{short}", measured[loss]), value, 1e-13)
    if DEEP_RITZ in d.losses:
        expected = measured["deep-ritz"] - d.energy_minimum
        assert torch.equal(measured["energy_gap"].nan_to_num(-1.0), expected.nan_to_num(-1.0))
    else:
        assert measured["energy_gap"].isnan().all()


@problems
def test_errors_are_the_relative_norms_of_nested_differentiation(name):
    d = discretized(name)
    theta = random_theta(d.network, 6)
    measured = d.measure(theta)
    if not d.problem.has("exact"):
        assert all(measured[key].isnan() for key in ("l2_error", "h1_error"))
        return
    at = place(d.problem.domain, rule=Rule("gauss-legendre", 4))
    points, weights = torch.tensor(at.points[0]), torch.tensor(at.weights)
    u, slope, _ = derivatives(naive.field(d, theta), points)
    known, known_slope, _ = derivatives(naive.exact(d.problem), points)

    def squared(values):
        return float((weights * values.detach().reshape(len(weights), -1).square().sum(1)).sum())

    assert float(measured["l2_error"]) == pytest.approx(math.sqrt(squared(u - known) / squared(known)), rel=1e-12)
    error, norm = squared(u - known) + squared(slope - known_slope), squared(known) + squared(known_slope)
    assert float(measured["h1_error"]) == pytest.approx(math.sqrt(error / norm), rel=1e-12)


@pytest.mark.parametrize("name", WITH_ENERGY)
@formulations
def test_blocks_of_points_sum_up_to_the_whole(name, formulation):
    whole, split = (discretization(model(name), memory=memory) for memory in (1000.0, 0.01))  # ten kilobytes
    a, b = whole.objective(formulation), split.objective(formulation)
    group = b.assembly.group(f"{formulation}/interior")
    assert 1 < len(list(group.blocks(group.streams))) <= group.points.count
    theta, vectors = random_theta(whole.network), torch.eye(a.size, dtype=torch.float64)[:2]
    assert_close(b.loss(theta), a.loss(theta), 1e-12)
    assert_close(b.gradient(theta), a.gradient(theta), 1e-12)
    assert_close(b.hessian_product(theta, vectors), a.hessian_product(theta, vectors), 1e-12)
    expected = whole.measure(theta[None])
    for key, values in split.measure(theta[None]).items():
        assert_close(values.double(), expected[key].double(), 1e-12)


# ---- known on paper ----

EXACT = exact(6)  # sin πx + ½ sin 4πx


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4), ("supervised", 0)])
@pytest.mark.parametrize("terms", [6, 12])
def test_in_a_sine_basis_the_condition_number_is_that_power_of_the_number_of_terms(formulation, power, terms):
    objective = SineSeries(terms).objective(formulation)
    hessian = objective.hessian_product(torch.zeros(terms, dtype=torch.float64), torch.eye(terms, dtype=torch.float64))
    k = torch.arange(1.0, terms + 1, dtype=torch.float64)
    scale = {"deep-ritz": math.pi**2 / 2, "strong-form": math.pi**4, "supervised": 1.0}[formulation]
    assert_close(hessian, scale * torch.diag(k**power), 1e-12)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert float(eigenvalues[-1] / eigenvalues[0]) == pytest.approx(terms**power, rel=1e-8)


@formulations
def test_at_the_exact_solution_losses_are_minimal_and_gradients_vanish(formulation):
    objective = SineSeries(6).objective(formulation)
    value, gradient = objective.loss_and_gradient(EXACT)
    assert float(value) == pytest.approx(objective.minimum, rel=1e-12, abs=1e-20)
    assert gradient.abs().max() < 1e-9
    for seed in range(5):
        near = EXACT + 1e-3 * torch.tensor(np.random.default_rng(seed).normal(size=6))
        assert objective.loss(near) > objective.minimum + 1e-8


def test_the_minimum_of_a_loss_is_the_energy_of_the_exact_solution_or_zero():
    d = SineSeries(6)
    assert [d.objective(f).minimum for f in FORMULATIONS] == [d.energy_minimum, 0.0, 0.0]
    assert d.energy_minimum == pytest.approx(-5 * math.pi**2 / 4, rel=1e-14)


def test_measures_of_a_known_field_are_those_on_paper():
    """u = sin πx misses ½ sin 4πx: ∫ of its square 1/8, of its slope squared 2π², of its second derivative squared 32π⁴."""
    measured = SineSeries(6).measure(EXACT.clone().index_fill_(0, torch.tensor([3]), 0.0))
    expected = {
        "deep-ritz": -(math.pi**2) / 4,
        "strong-form": 32 * math.pi**4,
        "supervised": 1 / 8,
        "energy_gap": math.pi**2,
        "l2_error": math.sqrt(1 / 5),
        "h1_error": math.sqrt((1 / 8 + 2 * math.pi**2) / (5 / 8 + 5 * math.pi**2 / 2)),
    }
    assert {name: float(measured[name]) for name in expected} == pytest.approx(expected, rel=1e-12)


def test_under_a_rule_that_is_too_coarse_the_energy_falls_below_its_minimum_and_the_gap_says_so():
    d = SineSeries(6, points=2)
    objective, zero = d.objective("deep-ritz"), torch.zeros(6, dtype=torch.float64)
    eigenvalues, vectors = torch.linalg.eigh(objective.hessian_product(zero, torch.eye(6, dtype=torch.float64)))
    free = vectors[:, eigenvalues < 1e-9]  # invisible to the rule, but not to the load
    downhill = -free @ (free.T @ objective.gradient(zero))
    measured = d.measure(downhill)
    assert measured["energy_gap"] < -1.0
    assert measured["energy_gap"] == measured["deep-ritz"] - d.energy_minimum


@pytest.mark.parametrize("name", [*WITH_ENERGY, "l_shape", "beam"])
@pytest.mark.parametrize("points", [3, 6, 20])
def test_the_energy_minimum_is_that_of_the_exact_solution_under_the_same_rule(name, points):
    d = discretized(name, points=points)
    at = place(d.problem.domain, rule=Rule("gauss-legendre", points))
    density = naive.interior(d.problem, "deep-ritz", naive.exact(d.problem), torch.tensor(at.points[0]))
    expected = float((torch.tensor(at.weights) * density[:, 0]).sum().detach())
    assert d.energy_minimum == pytest.approx(expected, rel=1e-12)
    assert d.energy_size >= abs(expected) * (1 - 1e-14)


class FreeEnds(Problem):
    """½|u'|² with nothing that holds the ends: u = N, and only derivatives of it in residual and energy."""

    domain = Interval(0, 1)

    def conditions(self):
        return ()

    def density(self, p, u):
        return 0.5 * u.x**2

    def exact(self, p):
        return p.x


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_an_output_bias_that_drops_out_has_a_zero_gradient(formulation):
    objective = Discretization(FreeEnds(), Mlp(1, 1, 4, 2), Rule("uniform", 8)).objective(formulation)
    theta = random_theta(Mlp(1, 1, 4, 2))
    value, gradient = objective.loss_and_gradient(theta)
    assert value > 0
    assert gradient[-1] == 0.0
    assert gradient[:-1].abs().max() > 1e-3
    assert not objective.hessian_product(theta, torch.eye(objective.size, dtype=torch.float64))[-1].any()


def test_losses_are_not_numbers_where_the_body_is_turned_inside_out_and_only_there():
    d = discretized("neo_hookean2d")
    mild = random_theta(d.network)
    wild = mild.clone()
    wild[d.network.layers[-1].weights] *= 500.0
    measured = d.measure(torch.stack([mild, wild]))
    at = torch.tensor(place(d.problem.domain, rule=Rule("gauss-legendre", 4)).points[0])
    slope = derivatives(naive.field(d, wild), at)[1]
    assert torch.linalg.det(torch.eye(2, dtype=torch.float64) + slope).min() < 0
    assert measured["infeasible"].tolist() == [False, True]
    for name in ("deep-ritz", "strong-form", "energy_gap"):
        assert measured[name].isnan().tolist() == [False, True]
    for name in ("supervised", "l2_error", "h1_error"):
        assert measured[name].isfinite().all()
    for formulation in FORMULATIONS:
        alone = d.objective(formulation).loss(torch.stack([mild, wild]))
        assert alone.isnan().tolist() == measured[formulation].isnan().tolist()


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "neo_hookean2d"])
def test_a_problem_whose_energy_always_exists_is_never_infeasible(name):
    d = discretized(name)
    assert d.measure(1e3 * random_theta(d.network).expand(2, -1))["infeasible"].tolist() == [False, False]


@problems
def test_another_rule_is_that_of_a_discretization_made_with_it(name):
    d, rule = discretized(name), Rule("simpson", 5)
    theta = random_theta(d.network)
    d.measure(theta)  # what is kept of the first rule must not stay
    other, made = d.with_rules(rule), Discretization(d.problem, d.network, rule)
    np.testing.assert_equal(other.energy_minimum, made.energy_minimum)
    np.testing.assert_equal(other.norms, made.norms)
    for key, value in made.measure(theta).items():
        assert_close(other.measure(theta)[key].double().nan_to_num(-1.0), value.double().nan_to_num(-1.0), 1e-14)


class Swinging(Problem):
    """Conditions with different values at the same points."""

    domain = SpaceTime(x=(0, 1), t=(0, 2))

    def conditions(self):
        return (
            Initial(lambda p: 1.0 + p.x, enforce="soft", weight=2.0),
            InitialRate(lambda p: 2.0 - p.x, enforce="soft"),
            InitialRate(0.0, order=2, enforce="soft"),
            Dirichlet("x_min", 3.0, enforce="soft", name="left"),
            Neumann("x_min", lambda p: p.t, name="inflow"),
        )

    def residual(self, p, u):
        return u.tt - u.xx


def test_conditions_at_the_same_points_keep_their_own_values():
    d = Discretization(Swinging(), Mlp(2, 1, 4, 2), Rule("gauss-legendre", 6))
    objective, theta = d.objective("strong-form"), random_theta(d.network)
    x, w = np.polynomial.legendre.leggauss(6)
    x, w = torch.tensor(0.5 * (x + 1.0)), torch.tensor(0.5 * w)
    start = torch.stack([x, torch.zeros_like(x)], 1).requires_grad_()
    side = torch.stack([torch.zeros_like(x), 2.0 * x], 1).requires_grad_()
    u = d.at(theta, start)[:, 0]
    (first,) = torch.autograd.grad(u.sum(), start, create_graph=True)
    (second,) = torch.autograd.grad(first[:, 1].sum(), start, create_graph=True)
    v = d.at(theta, side)[:, 0]
    (slope,) = torch.autograd.grad(v.sum(), side)
    expected = {
        "initial": 2.0 * (u - 1.0 - x) ** 2,
        "rate": (first[:, 1] - 2.0 + x) ** 2,
        "rate_2": second[:, 1] ** 2,
        "left": (v - 3.0) ** 2,
        "inflow": (-slope[:, 0] - 2.0 * x) ** 2,
    }
    for name, squares in expected.items():
        assert float(objective.only(name).loss(theta)) == pytest.approx(float((w * squares).sum().detach()), rel=1e-11), name
