"""Losses and their derivatives against slow, obvious versions, exact facts and each other."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from naive import assert_close, derivatives, field, loss, random_theta

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.config.sections import Model
from pinnscape.losses.model import discretization, network
from pinnscape.losses.objective import Discretization, Objective, tensor
from pinnscape.networks.jets import ACTIVATIONS, Jet
from pinnscape.networks.mlp import Network
from pinnscape.problems import quadrature
from pinnscape.problems.base import Problem
from pinnscape.problems.catalog import CATALOG, problem

problems = pytest.mark.parametrize("name", CATALOG)
formulations = pytest.mark.parametrize("formulation", FORMULATIONS)


@cache
def discretized(name: str, activation: str = "tanh", points: int = 4) -> Discretization:
    entry = CATALOG[name]
    architecture = Network(entry.dimension, entry.components, 3, 2, activation)
    return Discretization(problem(name), architecture, quadrature.rule("gauss-legendre", points, entry.dimension))


def plain(name: str, formulation: str, activation: str = "tanh"):
    """The slow version of a loss, as a function of theta (P,)."""
    d, rule = discretized(name, activation), quadrature.rule("gauss-legendre", 4, CATALOG[name].dimension)
    return lambda theta: loss(d.problem, d.network, rule, formulation, theta)


@problems
@formulations
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_losses_and_gradients_are_those_of_nested_differentiation(name, formulation, activation):
    d = discretized(name, activation)
    theta = random_theta(d.network, 1)
    variable = theta.clone().requires_grad_()
    expected = plain(name, formulation, activation)(variable)
    value, gradient = Objective(d, formulation).loss_and_gradient(theta)
    assert float(value) == pytest.approx(float(expected.detach()), rel=1e-10)
    assert_close(gradient, torch.autograd.grad(expected, variable)[0], 1e-10)
    assert_close(Objective(d, formulation).gradient(theta), gradient, 1e-15)


@problems
@formulations
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_hessian_products_are_those_of_the_full_matrix(name, formulation, activation):
    objective = Objective(discretized(name, activation), formulation)
    theta = random_theta(objective.discretization.network, 2)
    matrix = objective.hessian_product(theta, torch.eye(objective.size, dtype=torch.float64))
    assert_close(matrix, torch.autograd.functional.hessian(plain(name, formulation, activation), theta), 1e-9)
    assert_close(matrix, matrix.T, 1e-12)
    vector = random_theta(objective.discretization.network, 3)
    assert_close(objective.hessian_product(theta, vector), matrix @ vector, 1e-12)


@problems
@formulations
def test_the_gradient_is_the_limit_of_difference_quotients(name, formulation):
    objective = Objective(discretized(name), formulation)
    theta, vector = random_theta(objective.discretization.network, 4), random_theta(objective.discretization.network, 5)
    errors = []
    for step in (2e-3, 1e-3):
        quotient = (objective(theta + step * vector) - objective(theta - step * vector)) / (2 * step)
        errors.append(abs(float(quotient - objective.gradient(theta) @ vector)))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)  # second order


@problems
@formulations
def test_a_batch_of_parameters_equals_one_at_a_time(name, formulation):
    objective = Objective(discretized(name), formulation)
    thetas = torch.stack([random_theta(objective.discretization.network, k) for k in range(6)]).reshape(2, 3, -1)
    value, gradient = objective.loss_and_gradient(thetas)
    assert value.shape == objective(thetas).shape == (2, 3)
    assert gradient.shape == thetas.shape
    for index in np.ndindex(2, 3):
        alone = objective.loss_and_gradient(thetas[index])
        assert_close(value[index], alone[0], 1e-13)
        assert_close(objective(thetas)[index], alone[0], 1e-13)
        assert_close(gradient[index], alone[1], 1e-12)


@problems
@formulations
def test_evaluations_repeat_to_the_last_bit_and_leave_the_parameters_alone(name, formulation):
    objective = Objective(discretized(name), formulation)
    theta = random_theta(objective.discretization.network)
    before = theta.clone()
    first, second = objective.loss_and_gradient(theta), objective.loss_and_gradient(theta)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert torch.equal(theta, before)
    assert not theta.requires_grad
    assert not first[0].requires_grad


@problems
def test_measure_agrees_with_every_objective_and_keeps_the_batch(name):
    d = discretized(name)
    thetas = torch.stack([random_theta(d.network, k) for k in range(6)]).reshape(2, 3, -1)
    measured = d.measure(thetas)
    assert list(measured) == [*FORMULATIONS, "energy_gap", "l2_error", "h1_error", "infeasible"]
    assert all(values.shape == (2, 3) for values in measured.values())
    assert not measured["infeasible"].any()
    for formulation in FORMULATIONS:
        assert_close(measured[formulation], Objective(d, formulation)(thetas), 1e-13)
    assert_close(measured["energy_gap"], measured["deep-ritz"] - d.energy_minimum, 1e-14)


@problems
def test_errors_are_the_relative_norms_of_nested_differentiation(name):
    d = discretized(name)
    theta = random_theta(d.network, 6)
    u, slope, _ = derivatives(field(d.problem, d.network, theta), d.points)
    exact, exact_slope, _ = derivatives(d.problem.exact, d.points)

    def squared(values):
        return float((d.weights * values.detach().reshape(len(d.weights), -1).square().sum(1)).sum())

    measured = d.measure(theta)
    assert float(measured["l2_error"]) == pytest.approx(math.sqrt(squared(u - exact) / squared(exact)), rel=1e-12)
    error, norm = squared(u - exact) + squared(slope - exact_slope), squared(exact) + squared(exact_slope)
    assert float(measured["h1_error"]) == pytest.approx(math.sqrt(error / norm), rel=1e-12)


class SineSeries(Discretization):
    """u = Σ θ_k sin kπx for k = 1 ... K in place of a network: linear in its parameters."""

    def __init__(self, terms: int, points: int = 40) -> None:
        super().__init__(problem("poisson1d"), Network(1, 1, 1, 1), quadrature.rule("gauss-legendre", points, 1))
        self.wavenumbers = math.pi * torch.arange(1.0, terms + 1, dtype=torch.float64)

    def jet(self, theta, order):
        s, c = torch.sin(self.points * self.wavenumbers), torch.cos(self.points * self.wavenumbers)
        value, slope, bend = (theta @ basis.T for basis in (s, self.wavenumbers * c, -(self.wavenumbers**2) * s))
        return Jet(value.unsqueeze(-1), slope[..., None, None], bend.unsqueeze(-1))


EXACT = torch.tensor([1.0, 0.0, 0.0, 0.5, 0.0, 0.0], dtype=torch.float64)  # sin πx + ½ sin 4πx


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4), ("supervised", 0)])
@pytest.mark.parametrize("terms", [6, 12])
def test_in_a_sine_basis_the_condition_number_is_that_power_of_the_number_of_terms(formulation, power, terms):
    objective = Objective(SineSeries(terms), formulation)
    hessian = objective.hessian_product(torch.zeros(terms, dtype=torch.float64), torch.eye(terms, dtype=torch.float64))
    k = torch.arange(1.0, terms + 1, dtype=torch.float64)
    scale = {"deep-ritz": math.pi**2 / 2, "strong-form": math.pi**4, "supervised": 1.0}[formulation]
    assert_close(hessian, scale * torch.diag(k**power), 1e-12)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert float(eigenvalues[-1] / eigenvalues[0]) == pytest.approx(terms**power, rel=1e-8)


@formulations
def test_at_the_exact_solution_losses_are_minimal_and_gradients_vanish(formulation):
    objective = Objective(SineSeries(6), formulation)
    value, gradient = objective.loss_and_gradient(EXACT)
    assert float(value) == pytest.approx(objective.minimum, rel=1e-12, abs=1e-20)
    assert gradient.abs().max() < 1e-9
    for seed in range(5):
        assert objective(EXACT + 1e-3 * torch.tensor(np.random.default_rng(seed).normal(size=6))) > objective.minimum + 1e-8


def test_the_minimum_of_a_loss_is_the_energy_of_the_exact_solution_or_zero():
    d = SineSeries(6)
    assert [Objective(d, f).minimum for f in FORMULATIONS] == [d.energy_minimum, 0.0, 0.0]
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
    objective, zero = Objective(d, "deep-ritz"), torch.zeros(6, dtype=torch.float64)
    eigenvalues, vectors = torch.linalg.eigh(objective.hessian_product(zero, torch.eye(6, dtype=torch.float64)))
    free = vectors[:, eigenvalues < 1e-9]  # invisible to the rule, but not to the load
    downhill = -free @ (free.T @ objective.gradient(zero))
    measured = d.measure(downhill)
    assert measured["energy_gap"] < -1.0
    assert measured["energy_gap"] == measured["deep-ritz"] - d.energy_minimum


@problems
@pytest.mark.parametrize("points", [3, 6, 20])
def test_the_energy_minimum_is_that_of_the_exact_solution_under_the_same_rule(name, points):
    d = discretized(name, points=points)
    density = d.problem.density(d.points, d.exact.value, d.exact.gradient)
    expected = (d.weights * (density - (d.load * d.exact.value).sum(-1))).sum()
    assert d.energy_minimum == pytest.approx(float(expected), rel=1e-12)


@problems
def test_another_rule_is_that_of_a_discretization_made_with_it(name):
    d, rule = discretized(name), quadrature.rule("simpson", 5, discretized(name).problem.dimension)
    theta = random_theta(d.network)
    d.measure(theta)  # what is kept of the first rule must not stay
    other, made = d.with_rule(rule), Discretization(d.problem, d.network, rule)
    assert other.energy_minimum == made.energy_minimum
    for key, value in made.measure(theta).items():
        assert_close(other.measure(theta)[key].double(), value.double(), 1e-14)


def test_a_strong_form_hessian_at_zero_residual_is_that_of_the_squared_jacobian():
    """H = 2 Jᵀ W J with J the derivative of the residual in the parameters."""

    class Network0(Problem):
        """Whose exact solution is a network."""

        dimension = 1

        def density(self, x, u, du):
            return 0.5 * (du * du).sum((-2, -1)) + 0.25 * (u * u * u * u).sum(-1)

        def exact(self, x):
            return field(self, architecture, truth)(x)

    architecture = Network(1, 1, 3, 1)
    truth = random_theta(architecture)
    d = Discretization(Network0(), architecture, quadrature.rule("gauss-legendre", 12, 1))
    jacobian = torch.autograd.functional.jacobian(lambda t: d.residual(d.jet(t, d.second)).squeeze(-1), truth)
    hessian = Objective(d, "strong-form").hessian_product(truth, torch.eye(10, dtype=torch.float64))
    assert_close(hessian, 2 * jacobian.T @ (d.weights.unsqueeze(1) * jacobian), 1e-11)


class FreeEnds(Problem):
    """½|u'|² with nothing that holds the ends: u = N, and only derivatives of it in residual and energy."""

    dimension = 1

    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1))

    def exact(self, x):
        return x

    def distance(self, x):
        return torch.ones_like(x)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_an_output_bias_that_drops_out_has_a_zero_gradient(formulation):
    objective = Objective(Discretization(FreeEnds(), Network(1, 1, 4, 2), quadrature.rule("uniform", 8, 1)), formulation)
    theta = random_theta(objective.discretization.network)
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
    u = d.jet(wild, "gradient")
    assert torch.linalg.det(torch.eye(2, dtype=torch.float64) + u.gradient).min() < 0
    assert measured["infeasible"].tolist() == [False, True]
    for name in ("deep-ritz", "strong-form", "energy_gap"):
        assert measured[name].isnan().tolist() == [False, True]
    for name in ("supervised", "l2_error", "h1_error"):
        assert measured[name].isfinite().all()
    for formulation in FORMULATIONS:
        alone = Objective(d, formulation)(torch.stack([mild, wild]))
        assert alone.isnan().tolist() == measured[formulation].isnan().tolist()


@problems
def test_a_problem_whose_energy_always_exists_is_never_inverted(name):
    if name != "neo_hookean2d":
        d = discretized(name)
        assert d.measure(1e3 * random_theta(d.network).expand(2, -1))["infeasible"].tolist() == [False, False]


def test_an_unknown_formulation_is_refused_with_those_known():
    with pytest.raises(ValueError, match=r"^`name` must be one of deep-ritz, strong-form, supervised, not 'ritz'$"):
        Objective(discretized("poisson1d"), "ritz")


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (2, 1), (3, 2)])
def test_a_network_that_does_not_fit_the_problem_is_refused(inputs, outputs):
    rule = quadrature.rule("uniform", 2, 2)
    with pytest.raises(ValueError, match=r"^`network` must map 2 inputs to 2 outputs$"):
        Discretization(problem("neo_hookean2d"), Network(inputs, outputs, 3, 1), rule)


def test_parameters_from_a_file_become_double_precision_tensors():
    made = tensor(np.arange(3, dtype="float32"))
    assert made.dtype == torch.float64
    assert made.tolist() == [0.0, 1.0, 2.0]


@problems
def test_settings_of_a_study_become_the_discretization_they_name(name):
    settings = Model.of({
        "network": {"width": 6, "depth": 3, "activation": "sin", "initialization": "glorot"},
        "quadrature": {"rule": "simpson", "points": 5},
        "parameters": {"mu": 2.0, "lambda": 3.0} if name == "neo_hookean2d" else {},
    })  # fmt: skip
    entry, made = CATALOG[name], discretization(name, settings)
    assert made.network == network(name, settings.network) == Network(entry.dimension, entry.components, 6, 3, "sin")
    expected = quadrature.rule("simpson", 5, entry.dimension)
    np.testing.assert_array_equal(made.points, expected.points)
    np.testing.assert_array_equal(made.weights, expected.weights)
    assert type(made.problem).__name__ == entry.cls
    if name == "neo_hookean2d":
        assert (made.problem.mu, made.problem.lambda_) == (2.0, 3.0)
    assert str(Objective(made, "deep-ritz").device) == "cpu"
