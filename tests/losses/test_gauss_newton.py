"""Residuals, Jacobians and energy Gram matrices against nested differentiation and what is known on paper."""

import math

import pytest
import torch
from cases import LOSSES, PROBLEMS, initial, small
from naive import assert_close, forward, random_theta
from settings_cases import model
from sine_cases import SineSeries, exact

from pinnscape.curvature import dense
from pinnscape.losses import gauss_newton
from pinnscape.losses.assembly import Assembly
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import discretization
from pinnscape.losses.quantities import Quantities
from pinnscape.losses.terms import Term
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.language import Dirichlet, Interval, Problem
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule

SQUARES = [(problem, formulation) for problem, formulation in LOSSES if formulation != "deep-ritz"]
LIMIT = 2e4  # bytes: so little that the points are split into blocks
SMOOTH = [name for name, activation in ACTIVATIONS.items() if activation.exist == math.inf]
SOFT = {"enforce": "soft", "weight": 3.0}
# Losses of several terms, one of them with two sites, and an energy with a squared term.
SEVERAL = {
    ("convection", "strong-form"): {"initial": SOFT, "periodic": SOFT},
    ("wave", "strong-form"): {"boundary": SOFT, "initial": SOFT, "rate": SOFT},
    ("poisson2d", "deep-ritz"): {"boundary": SOFT},
}


def split(name: str) -> Discretization:
    """As ``small``, with the points in several parts."""
    made = discretization(model(name), memory=LIMIT / 1e6)
    group = made.assembly.group("strong-form/interior")
    assert len(list(group.blocks(group.streams))) > 1
    return made


def several(name: str, loss: str) -> FieldObjective:
    return discretization(model(name, conditions=SEVERAL[name, loss])).objective(loss)


def residuals(objective: FieldObjective, theta: torch.Tensor) -> torch.Tensor:
    """All residuals (m,), one term after the other."""
    return torch.cat(list(objective.residuals(theta).values()))


def local(objective: FieldObjective, theta: torch.Tensor) -> torch.Tensor:
    """All local quantities (q,), to be differentiated."""
    whole = slice(None)
    terms = gauss_newton.quantities(objective)
    return torch.cat([q.of(q.group.solve(theta, q.streams, whole), whole).flatten() for q in terms])


def sensitivities(objective: FieldObjective, theta: torch.Tensor) -> torch.Tensor:
    """B (q, P), formed."""
    terms = gauss_newton.quantities(objective)
    return torch.cat([q.sensitivities(theta, rows).flatten(0, 1) for q in terms for rows in q.pieces(len(theta))])


def random(rows: int, size: int) -> torch.Tensor:
    return torch.randn(rows, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "formulation"), [*SQUARES, ("convection", None), ("wave", None)])
def test_the_squared_residual_is_the_loss_and_its_derivative_the_gradient(name, formulation):
    objective = small(name).objective(formulation) if formulation else several(name, "strong-form")
    d = objective.discretization
    theta = initial(d)
    r, j = residuals(objective, theta), objective.jacobian(theta)
    counts = [d.count(f"{objective.name}/{term}") for term in objective.short_names]
    assert r.shape == (sum(counts) * len(d.problem.components),)
    assert j.shape == (len(r), objective.size)
    loss, gradient = objective.loss_and_gradient(theta)
    assert float(r @ r) == pytest.approx(float(loss), rel=1e-12)
    assert_close(2.0 * j.T @ r, gradient, 1e-11)
    assert_close(r, local(objective, theta), 1e-14)
    assert_close(j, torch.autograd.functional.jacobian(lambda t: local(objective, t), theta), 1e-11)


@pytest.mark.parametrize("points", [3, 8, 40])  # fewer rows than parameters, and many more
@pytest.mark.parametrize("formulation", ["strong-form", "supervised"])
def test_least_squares_with_fewer_rows_are_those_of_the_jacobian(formulation, points, monkeypatch):
    d = Discretization(load("semilinear2d"), Mlp(2, 1, 3, 1), Rule("gauss-legendre", points), memory=LIMIT)
    objective, theta = d.objective(formulation), random_theta(d.network)
    j, r = objective.jacobian(theta), residuals(objective, theta)
    largest, plain = [], Quantities.sensitivities
    monkeypatch.setattr(Quantities, "sensitivities", lambda *args: largest.append(plain(*args)) or largest[-1])
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
    whole, parts = (make(name).objective(formulation) for make in (small, split))
    theta = initial(small(name))
    assert_close(parts.jacobian(theta), whole.jacobian(theta), 1e-13)
    assert_close(residuals(parts, theta), residuals(whole, theta), 1e-13)
    energies = (make(name).objective("deep-ritz") for make in (small, split))
    one, other = (gauss_newton.gauss_newton(energy, theta) for energy in energies)
    assert_close(other, one, 1e-12)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_products_with_the_gauss_newton_part_are_those_of_the_dense_matrix(name, formulation, activation):
    objective = small(name, activation=activation).objective(formulation)
    theta, vectors = initial(small(name)), random(3, objective.size)
    expected = vectors @ gauss_newton.gauss_newton(objective, theta)
    assert_close(objective.gauss_newton_product(theta, vectors), expected, 1e-12)
    assert_close(objective.gauss_newton_product(theta, vectors[1]), expected[1], 1e-12)


@pytest.mark.parametrize(("name", "loss"), SEVERAL)
def test_the_gauss_newton_part_of_several_terms_is_the_sum_of_theirs(name, loss):
    objective = several(name, loss)
    theta, vectors = initial(objective.discretization), random(3, objective.size)
    matrix = gauss_newton.gauss_newton(objective, theta)
    parts = [gauss_newton.gauss_newton(objective.only(term), theta) for term in objective.short_names]
    assert len(parts) > 1
    assert_close(matrix, sum(parts), 1e-12)
    assert_close(objective.gauss_newton_product(theta, vectors), vectors @ matrix, 1e-12)


@pytest.mark.parametrize("make", [small, split, None], ids=["small", "split", "several"])
@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_what_takes_the_place_of_the_sensitivities_needs_none_of_them(name, formulation, make, monkeypatch):
    cases = list(SEVERAL)
    objective = make(name).objective(formulation) if make else several(*cases[LOSSES.index((name, formulation)) % len(cases)])
    theta = initial(objective.discretization)
    rows = sensitivities(objective, theta)
    weights, vectors = random(2, len(rows)), random(2, objective.size)
    found = gauss_newton.slopes_and_moduli(objective, theta)
    slopes = torch.cat([slope.flatten() for slope, _ in found])
    monkeypatch.setattr(Quantities, "sensitivities", None)
    assert len(rows) == gauss_newton.kernel_size(objective)
    assert_close(gauss_newton.kernel(objective, theta), rows @ rows.T, 1e-12)
    assert_close(gauss_newton.pull_back(objective, theta, weights), weights @ rows, 1e-12)
    assert_close(gauss_newton.pull_back(objective, theta, slopes.reshape(1, -1))[0], objective.gradient(theta), 1e-10)
    along = (rows @ vectors.T).split([len(m) * m.shape[1] for _, m in found])
    bent = torch.cat([(m @ a.unflatten(0, m.shape[:2])).flatten(0, 1) for (_, m), a in zip(found, along, strict=True)])
    assert_close(objective.gauss_newton_product(theta, vectors), (rows.T @ bent).T, 1e-12)


ORDERS = {
    "value": lambda u: (),
    "gradient": lambda u: (*u["u_1"].gradient, *u["u_2"].gradient),
    "laplacian": lambda u: (u["u_1"].laplacian, u["u_2"].laplacian),
    "hessian": lambda u: (u["u_1"].xx, u["u_1"].xy, u["u_1"].yy, u["u_2"].xx, u["u_2"].xy, u["u_2"].yy),
}


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("order", ORDERS)
def test_the_kernel_of_any_derivatives_and_activation_is_the_square_of_the_sensitivities(order, activation):
    """Of quantities that use all derivatives of an order; blocks of points give the rows of one."""
    d = small("neo_hookean2d", activation=activation)
    theta, solution = initial(d), d.assembly.solution
    term = Term("all", "squared", lambda p, u, f: (*(1.0 * v for v in u), *ORDERS[order](u)), d.assembly.groups[0].points)
    whole, parts = (
        FieldObjective(
            "all", Assembly(d.network, solution.unknowns, [term], solution.ansatz, solution.parameters, memory=memory), ("all",)
        )
        for memory in (1e9, 1.0)
    )
    rows = sensitivities(whole, theta)
    assert len(rows) == 64 * {"value": 2, "gradient": 6, "laplacian": 4, "hessian": 8}[order]
    assert_close(gauss_newton.kernel(whole, theta), rows @ rows.T, 1e-12)
    assert_close(gauss_newton.kernel(parts, theta), rows @ rows.T, 1e-12)


@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_both_routes_to_sensitivities_agree(name, formulation):
    (term,), theta = gauss_newton.quantities(small(name).objective(formulation)), initial(small(name))
    rows = slice(3, 8)
    assert_close(term.sensitivities(theta, rows), term._automatic(theta, rows), 1e-11)


@pytest.mark.parametrize("name", [*PROBLEMS, "beam"])
def test_the_gram_matrix_is_the_second_derivative_of_the_energy_along_the_tangent_space(name):
    """d²/ds dt of E(u + s φᵢ + t φⱼ) by differentiating the energy in linearised parameters."""
    d = small(name)
    objective, theta = d.objective("deep-ritz"), initial(d)
    group, whole = d.assembly.group("deep-ritz/interior"), slice(None)
    streams = group.needed["deep-ritz/interior"]
    base = group.solve(theta, streams, whole)
    tangent = torch.autograd.functional.jacobian(lambda t: group.solve(t, streams, whole), theta)

    def energy(v):
        return group.integral("deep-ritz/interior", base + tangent @ v, streams, whole)[0]

    expected = torch.autograd.functional.hessian(energy, torch.zeros_like(theta))
    gram = gauss_newton.gauss_newton(objective, theta)
    assert_close(gram, expected, 1e-11)
    assert torch.equal(gram, gram.T)


@pytest.mark.parametrize("name", ["poisson1d", "poisson2d"])
def test_for_poisson_the_gram_matrix_holds_the_inner_products_of_gradients(name):
    d = small(name)
    theta, whole = initial(d), slice(None)
    group = d.assembly.group("deep-ritz/interior")
    streams = group.needed["deep-ritz/interior"]
    slopes = torch.autograd.functional.jacobian(lambda t: group.solve(t, streams, whole)[1 : 1 + d.network.inputs], theta)
    expected = torch.einsum("n,dsnci,dsncj->ij", group.weights, slopes, slopes)
    assert_close(gauss_newton.gauss_newton(d.objective("deep-ritz"), theta), expected, 1e-12)


NETWORK = Mlp(1, 1, 3, 1)


class Network0(Problem):
    """½|u'|² + ¼u⁴, whose exact solution is a network."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2 + 0.25 * u**4

    def exact(self, p):
        return 4.0 * p.x * (1.0 - p.x) * forward(NETWORK, random_theta(NETWORK), p.x.unsqueeze(1))[:, 0]


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_where_the_residual_vanishes_the_hessian_is_the_gauss_newton_part_and_elsewhere_not(formulation):
    d = Discretization(Network0(), NETWORK, Rule("gauss-legendre", 60))
    objective, truth = d.objective(formulation), random_theta(NETWORK)
    assert objective.loss(truth) == pytest.approx(objective.minimum, abs=1e-20 if formulation != "deep-ritz" else 1e-12)
    # For Deep Ritz up to the error of the quadrature in the weak form of the equation.
    assert_close(gauss_newton.gauss_newton(objective, truth), dense.hessian(objective, truth), 1e-10)
    elsewhere = truth + 0.3 * random_theta(NETWORK, 5)
    difference = gauss_newton.gauss_newton(objective, elsewhere) - dense.hessian(objective, elsewhere)
    assert difference.abs().max() > 1e-3 * gauss_newton.gauss_newton(objective, elsewhere).abs().max()


def test_with_uniform_weights_it_is_two_over_n_times_the_squared_jacobian_of_the_plain_residual():
    n = 30
    d = Discretization(Network0(), NETWORK, Rule("uniform", n))
    truth, group = random_theta(NETWORK), d.assembly.group("strong-form/interior")

    def plain(theta):
        streams = group.needed["strong-form/interior"]
        return group("strong-form/interior", group.solve(theta, streams, slice(None)), streams, slice(None))[0][0]

    jacobian = torch.autograd.functional.jacobian(plain, truth)
    objective = d.objective("strong-form")
    assert_close(dense.hessian(objective, truth), 2.0 / n * jacobian.T @ jacobian, 1e-11)
    assert_close(gauss_newton.gauss_newton(objective, truth), 2.0 / n * jacobian.T @ jacobian, 1e-11)


@pytest.mark.parametrize(("formulation", "power"), [("deep-ritz", 2), ("strong-form", 4), ("supervised", 0)])
@pytest.mark.parametrize("terms", [6, 12])
def test_in_a_sine_basis_the_gauss_newton_part_has_that_power_of_the_terms_as_condition_number(formulation, power, terms):
    objective = SineSeries(terms).objective(formulation)
    k = torch.arange(1.0, terms + 1, dtype=torch.float64)
    scale = {"deep-ritz": math.pi**2 / 2, "strong-form": math.pi**4, "supervised": 1.0}[formulation]
    matrix = gauss_newton.gauss_newton(objective, exact(terms))
    assert_close(matrix, scale * torch.diag(k**power), 1e-12)
    values = torch.linalg.eigvalsh(matrix)
    assert float(values[-1] / values[0]) == pytest.approx(terms**power, rel=1e-8)
    assert_close(matrix, dense.hessian(objective, exact(terms)), 1e-12)


def test_where_the_body_is_inverted_nothing_exists_but_the_misfit():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    assert bool(d.measure(wild)["infeasible"])
    energy, strong, supervised = (d.objective(loss) for loss in ("deep-ritz", "strong-form", "supervised"))
    inverted = residuals(strong, wild).isnan()
    assert inverted.any()
    assert torch.equal(strong.jacobian(wild).isnan().all(1), inverted)
    for objective in (strong, energy):
        assert gauss_newton.gauss_newton(objective, wild).isnan().any()
        assert objective.gauss_newton_product(wild, wild).isnan().any()
    assert supervised.jacobian(wild).isfinite().all()


def test_a_loss_that_is_no_sum_of_squares_is_refused():
    objective = small("poisson1d").objective("deep-ritz")
    for function in (objective.residuals, objective.jacobian, lambda theta: gauss_newton.least_squares(objective, theta)):
        with pytest.raises(
            ValueError, match=r"^the loss deep-ritz is no sum of squares: its term deep-ritz/interior is an energy$"
        ):
            function(initial(small("poisson1d")))
