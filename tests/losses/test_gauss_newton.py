"""Residuals, Jacobians and energy Gram matrices against nested differentiation and what is known on paper."""

import math

import pytest
import torch
from cases import LOSSES, PROBLEMS, initial, small
from gauss_newton_cases import jacobian, residuals
from naive import assert_close, field, random_theta
from sine_cases import SineSeries, exact

from pinnscape.curvature import dense
from pinnscape.losses import gauss_newton, local
from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import ACTIVATIONS
from pinnscape.networks.mlp import Network
from pinnscape.problems import quadrature
from pinnscape.problems.base import Problem
from pinnscape.problems.catalog import problem

SQUARES = [(problem, formulation) for problem, formulation in LOSSES if formulation != "deep-ritz"]
LIMIT = 2e4  # bytes: so little that the points are split into blocks


def split(name: str) -> Discretization:
    """As ``small``, with the points in several parts."""
    d = small(name)
    rule = quadrature.rule("gauss-legendre", 8, d.problem.dimension)
    made = Discretization(d.problem, d.network, rule, memory=LIMIT)
    assert len(made.parts) > 1
    return made


@pytest.mark.parametrize(("name", "formulation"), SQUARES)
def test_the_squared_residual_is_the_loss_and_its_derivative_the_gradient(name, formulation):
    objective = Objective(small(name), formulation)
    theta = initial(objective.discretization)
    r, j = residuals(objective, theta), jacobian(objective, theta)
    d = objective.discretization
    assert r.shape == (len(d.points) * len(d.problem.components),)
    assert j.shape == (len(r), objective.size)
    loss, gradient = objective.loss_and_gradient(theta)
    assert float(r @ r) == pytest.approx(float(loss), rel=1e-12)
    assert_close(2.0 * j.T @ r, gradient, 1e-11)
    expected = torch.autograd.functional.jacobian(lambda t: residuals(objective, t), theta)
    assert_close(j, expected, 1e-11)


@pytest.mark.parametrize("points", [3, 8, 40])  # fewer rows than parameters, and many more
@pytest.mark.parametrize("formulation", ["strong-form", "supervised"])
def test_least_squares_with_fewer_rows_are_those_of_the_jacobian(formulation, points, monkeypatch):
    d = Discretization(
        problem("semilinear2d", {}), Network(2, 1, 3, 1), quadrature.rule("gauss-legendre", points, 2), memory=LIMIT
    )
    objective, theta = Objective(d, formulation), random_theta(d.network)
    j, r = jacobian(objective, theta), residuals(objective, theta)
    largest = []
    plain = gauss_newton.sensitivities
    monkeypatch.setattr(gauss_newton, "sensitivities", lambda *args: largest.append(plain(*args)) or largest[-1])
    rows, values = gauss_newton.least_squares(objective, theta)
    assert max(block.numel() for block in largest) * 8 <= LIMIT
    assert len(rows) <= 2 * (objective.size + 1)
    assert (len(rows) < len(j)) == (len(j) > 2 * (objective.size + 1))
    assert_close(rows.T @ rows, j.T @ j, 1e-12)
    assert_close(rows.T @ values, j.T @ r, 1e-12)
    assert float(values @ values) == pytest.approx(float(r @ r), rel=1e-12)
    assert_close(torch.linalg.svdvals(rows)[:9], torch.linalg.svdvals(j)[:9], 1e-13)


@pytest.mark.parametrize("name", ["poisson1d", "neo_hookean2d"])
@pytest.mark.parametrize("formulation", ["strong-form", "supervised"])
def test_points_in_several_parts_give_the_rows_of_one(name, formulation):
    whole, parts = Objective(small(name), formulation), Objective(split(name), formulation)
    theta = initial(whole.discretization)
    assert_close(jacobian(parts, theta), jacobian(whole, theta), 1e-13)
    assert_close(residuals(parts, theta), residuals(whole, theta), 1e-13)
    assert_close(
        gauss_newton.energy_gram(parts.discretization, theta), gauss_newton.energy_gram(whole.discretization, theta), 1e-12
    )


def quantities(objective: Objective, theta: torch.Tensor) -> torch.Tensor:
    """B (q, P), formed."""
    found = local.quantities(objective.formulation)
    d, order = objective.discretization, objective.order
    return torch.cat([gauss_newton.sensitivities(part, theta, order, found).flatten(0, 1) for part in d.parts])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_products_with_the_gauss_newton_part_are_those_of_the_dense_matrix(name, formulation, activation):
    objective = Objective(small(name, activation=activation), formulation)
    theta, random = initial(objective.discretization), torch.Generator().manual_seed(0)
    vectors = torch.randn(3, objective.size, dtype=torch.float64, generator=random)
    expected = vectors @ gauss_newton.gauss_newton(objective, theta)
    assert_close(objective.gauss_newton_product(theta, vectors), expected, 1e-12)
    assert_close(objective.gauss_newton_product(theta, vectors[1]), expected[1], 1e-12)


@pytest.mark.parametrize("make", [small, split])
@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_what_takes_the_place_of_the_sensitivities_needs_none_of_them(name, formulation, make, monkeypatch):
    objective = Objective(make(name), formulation)
    theta, random = initial(objective.discretization), torch.Generator().manual_seed(0)
    rows = quantities(objective, theta)
    weights = torch.randn(2, len(rows), dtype=torch.float64, generator=random)
    vectors = torch.randn(2, objective.size, dtype=torch.float64, generator=random)
    slopes, moduli = gauss_newton.slopes_and_moduli(objective, theta)
    monkeypatch.setattr(gauss_newton, "sensitivities", None)
    assert len(rows) == gauss_newton.kernel_size(objective)
    assert_close(gauss_newton.kernel(objective, theta), rows @ rows.T, 1e-12)
    assert_close(gauss_newton.pull_back(objective, theta, weights), weights @ rows, 1e-12)
    assert_close(gauss_newton.pull_back(objective, theta, slopes.reshape(1, -1))[0], objective.gradient(theta), 1e-10)
    bent = (moduli @ (rows @ vectors.T).unflatten(0, moduli.shape[:2])).flatten(0, 1)
    assert_close(objective.gauss_newton_product(theta, vectors), (rows.T @ bent).T, 1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("order", ["value", "gradient", "laplacian", "hessian"])
def test_the_kernel_of_any_derivatives_and_activation_is_the_square_of_the_sensitivities(order, activation):
    """Of quantities that use all of a jet; blocks of points give the rows of one."""
    d = small("neo_hookean2d", activation=activation)
    theta = initial(d)

    def everything(_, u):
        return torch.cat([getattr(u, name).flatten(1) for name in ("value", order) if u.has(name) or name == "value"], -1)

    class Loss(Objective):
        order = None

    Loss.order = order
    rows = gauss_newton.sensitivities(d, theta, order, everything).flatten(0, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "quantities", lambda _: everything)
        assert_close(gauss_newton.kernel(Loss(d, "supervised"), theta), rows @ rows.T, 1e-12)
        patch.setattr(d, "memory", 1.0)
        assert_close(gauss_newton.kernel(Loss(d, "supervised"), theta), rows @ rows.T, 1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
def test_both_routes_to_sensitivities_agree(name):
    d = small(name)
    theta = initial(d)
    fast = gauss_newton.sensitivities(d, theta, d.second, lambda d, u: d.residual(u))
    assert_close(fast, gauss_newton.automatic(d, theta, d.second, lambda d, u: d.residual(u), chunk=7), 1e-11)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gram_matrix_is_the_second_derivative_of_the_energy_along_the_tangent_space(name):
    """d²/ds dt of E(u + s φᵢ + t φⱼ) by differentiating the energy in linearised parameters."""
    d = small(name)
    theta = initial(d)
    base, tangents = d.jet(theta, "gradient"), []
    for order in ("value", "gradient"):
        tangents.append(torch.autograd.functional.jacobian(lambda t, o=order: getattr(d.jet(t, "gradient"), o), theta))

    def energy(v):
        density = d.problem.density(d.points, base.value + tangents[0] @ v, base.gradient + tangents[1] @ v)
        return density @ d.weights

    expected = torch.autograd.functional.hessian(energy, torch.zeros_like(theta))
    gram = gauss_newton.energy_gram(d, theta)
    assert_close(gram, expected, 1e-11)
    assert torch.equal(gram, gram.T)


@pytest.mark.parametrize("name", ["poisson1d", "poisson2d"])
def test_for_poisson_the_gram_matrix_holds_the_inner_products_of_gradients(name):
    d = small(name)
    theta = initial(d)
    slopes = torch.autograd.functional.jacobian(lambda t: d.jet(t, "gradient").gradient, theta)
    expected = torch.einsum("n,ncdi,ncdj->ij", d.weights, slopes, slopes)
    assert_close(gauss_newton.energy_gram(d, theta), expected, 1e-12)


class Network0(Problem):
    """½|u'|² + ¼u⁴, whose exact solution is a network."""

    dimension = 1
    network = Network(1, 1, 3, 1)

    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1)) + 0.25 * (u * u * u * u).sum(-1)

    def exact(self, x):
        return field(self, self.network, random_theta(self.network))(x)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_where_the_residual_vanishes_the_hessian_is_the_gauss_newton_part_and_elsewhere_not(formulation):
    d = Discretization(Network0(), Network0.network, quadrature.rule("gauss-legendre", 60, 1))
    objective, truth = Objective(d, formulation), random_theta(Network0.network)
    # For Deep Ritz up to the error of the quadrature in the weak form of the equation.
    assert_close(gauss_newton.gauss_newton(objective, truth), dense.hessian(objective, truth), 1e-10)
    elsewhere = truth + 0.3 * random_theta(Network0.network, 5)
    difference = gauss_newton.gauss_newton(objective, elsewhere) - dense.hessian(objective, elsewhere)
    assert difference.abs().max() > 1e-3 * gauss_newton.gauss_newton(objective, elsewhere).abs().max()


def test_with_uniform_weights_it_is_two_over_n_times_the_squared_jacobian_of_the_plain_residual():
    n = 30
    d = Discretization(Network0(), Network0.network, quadrature.rule("uniform", n, 1))
    truth = random_theta(Network0.network)
    plain = torch.autograd.functional.jacobian(lambda t: d.residual(d.jet(t, d.second)).squeeze(-1), truth)
    objective = Objective(d, "strong-form")
    assert_close(dense.hessian(objective, truth), 2.0 / n * plain.T @ plain, 1e-11)
    assert_close(gauss_newton.gauss_newton(objective, truth), 2.0 / n * plain.T @ plain, 1e-11)


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4), ("supervised", 0)])
@pytest.mark.parametrize("terms", [6, 12])
def test_in_a_sine_basis_the_gauss_newton_part_has_that_power_of_the_terms_as_condition_number(formulation, power, terms):
    objective = Objective(SineSeries(terms), formulation)
    k = torch.arange(1.0, terms + 1, dtype=torch.float64)
    scale = {"deep-ritz": math.pi**2 / 2, "strong-form": math.pi**4, "supervised": 1.0}[formulation]
    matrix = gauss_newton.gauss_newton(objective, exact(terms))
    assert_close(matrix, scale * torch.diag(k**power), 1e-12)
    values = torch.linalg.eigvalsh(matrix)
    assert float(values[-1] / values[0]) == pytest.approx(terms**power, rel=1e-8)
    assert_close(matrix, dense.hessian(objective_of(objective, terms), exact(terms)), 1e-12)


def objective_of(objective: Objective, terms: int):
    """With the number of terms as the size, which the network that stands in does not have."""

    class Sized(Objective):
        size = terms

    return Sized(objective.discretization, objective.name)


def test_where_the_body_is_inverted_nothing_exists_but_the_misfit():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    assert bool(d.measure(wild)["infeasible"])
    strong, supervised = Objective(d, "strong-form"), Objective(d, "supervised")
    assert residuals(strong, wild).isnan().all()
    assert jacobian(strong, wild).isnan().any(1).all()
    assert gauss_newton.gauss_newton(strong, wild).isnan().any()
    assert gauss_newton.energy_gram(d, wild).isnan().any()
    for objective in (strong, Objective(d, "deep-ritz")):
        assert objective.gauss_newton_product(wild, wild).isnan().any()
    assert jacobian(supervised, wild).isfinite().all()


def test_a_loss_that_is_no_sum_of_squares_is_refused():
    objective = Objective(small("poisson1d"), "deep-ritz")
    for function in (residuals, jacobian):
        with pytest.raises(
            ValueError, match=r"^`objective` must be a sum of squares: strong-form or supervised, not deep-ritz$"
        ):
            function(objective, initial(objective.discretization))
