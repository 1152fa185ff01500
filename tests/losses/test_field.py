"""Losses made of terms in torch: against closed forms and nested automatic differentiation."""

import math

import numpy as np
import pytest
import torch
from cases import initial, small
from equation_cases import NESTED, XT, beam, convection, convection_terms, gauss, mean

from pinnscape.common.errors import ProblemError
from pinnscape.losses.assembly import Assembly
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.terms import Ansatz, Term
from pinnscape.networks.architectures import Mlp, Modified
from pinnscape.problems.field import Unknowns
from pinnscape.problems.functions import sin
from pinnscape.problems.points import PointSet

SMALL = Mlp(2, 1, 4, 2)


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def random(size: int, seed: int = 0, *shape: int) -> torch.Tensor:
    return 0.5 * torch.tensor(np.random.default_rng(seed).standard_normal((*shape, size)))


def small_convection(**more) -> tuple[FieldObjective, torch.Tensor]:
    made = convection(SMALL, interior=20, boundary=6, **more)
    return FieldObjective("convection", made, ("interior", "initial", "periodic")), random(SMALL.size)


@pytest.mark.parametrize("name", NESTED)
def test_equations_have_the_losses_of_nested_differentiation(name):
    make, terms, nested = NESTED[name]
    made = make(Mlp(1 if name == "beam" else 2, 1, 5, 2))
    objective = FieldObjective(name, made, terms)
    theta, v = random(objective.size).requires_grad_(), random(objective.size, 2)
    loss = nested(made, theta)
    (gradient,) = torch.autograd.grad(loss, theta, create_graph=True)
    (product,) = torch.autograd.grad(gradient @ v, theta)
    theta = theta.detach()
    close(objective.loss(theta), loss.detach())
    close(objective.gradient(theta), gradient.detach(), 1e-11)
    close(objective.hessian_product(theta, v), product, 1e-10)


def test_the_exact_beam_has_the_energy_of_the_closed_form_and_no_residual():
    made = beam(Mlp(1, 1, 4, 1), points=8)
    exact = Ansatz(lambda x: (x * (1.0 - x)) ** 2 / 24.0, lambda x: x**2)
    made = Assembly(made.solution.network, made.solution.unknowns, list(made.terms.values()), exact)
    found = made.measure(torch.zeros(made.solution.network.size, dtype=torch.float64))
    assert float(found["energy"]) == pytest.approx(-1.0 / 1440.0, rel=1e-12)
    assert float(found["strong"]) == pytest.approx(0.0, abs=1e-24)
    middle = made.at(
        torch.zeros(1, made.solution.network.size, dtype=torch.float64), torch.tensor([[0.5]], dtype=torch.float64)
    )
    assert middle.shape == (1, 1, 1)
    assert float(middle) == pytest.approx(1.0 / 384.0, rel=1e-14)


def test_soft_terms_of_simple_functions_have_closed_forms():
    """Of u = 2 + 3x: the mean of squares over equal points, and an integral over (0, 1)."""
    nodes, weights = gauss(3)
    points = mean(np.array([[0.0, 0.5], [1.0, 0.0], [0.5, 1.0]]), target=np.array([1.0, 5.0, 3.0]))
    interval = PointSet(np.concatenate([nodes, 0.0 * nodes], 1)[None], 2.0 * weights)
    terms = [
        Term("data", "squared", lambda p, u, f: u - f["target"], points, weight=10.0),
        Term("two", "squared", lambda p, u, f: (u.x, p.t * u), points),
        Term("energy", "energy", lambda p, u, f: u * u.x, interval),
        Term("constant", "energy", lambda p, u, f: 7, interval),
    ]
    made = Assembly(SMALL, XT, terms, Ansatz(lambda x: 2.0 + 3.0 * x[:, :1]))
    found = made.measure(torch.zeros(2, SMALL.size, dtype=torch.float64))
    assert [round(float(v[1]), 12) for v in found.values()] == [
        round(10.0 * (1.0 + 0.0 + 0.25) / 3.0, 12),
        round(9.0 + (1.0 + 0.0 + 12.25) / 3.0, 12),
        21.0,
        14.0,
    ]
    assert all(v.shape == (2,) for v in found.values())


def test_terms_add_up_and_can_be_taken_alone():
    objective, theta = small_convection()
    terms = objective.terms(theta)
    assert list(terms) == ["interior", "initial", "periodic"]
    close(sum(terms.values()), objective.loss(theta))
    gradients = sum(objective.only(name).gradient(theta) for name in terms)
    close(gradients, objective.gradient(theta))
    products = sum(objective.only(name).hessian_product(theta, theta) for name in terms)
    close(products, objective.hessian_product(theta, theta))
    both = objective.only("initial", "interior")
    close(both.loss(theta), terms["initial"] + terms["interior"])
    assert both.minimum == 0.0  # squares vanish at a solution
    with pytest.raises(ValueError, match=r"^the loss convection has no term boundary; it has interior, initial, periodic$"):
        objective.only("boundary")


def test_weights_multiply_terms_and_their_derivatives():
    terms = convection_terms(20, 6)
    heavy = [Term(t.name, t.kind, t.local, t.points, 100.0 if t.name == "initial" else 1.0) for t in terms]
    one, other = (
        FieldObjective("convection", Assembly(SMALL, XT, ts, parameters={"beta": 30.0}), ("interior", "initial"))
        for ts in (terms, heavy)
    )
    theta = random(SMALL.size)
    close(other.loss(theta) - one.loss(theta), 99.0 * one.terms(theta)["initial"])
    for name in ("gradient", "jacobian"):
        initial = getattr(other.only("initial"), name)(theta)
        close(initial, (100.0 if name == "gradient" else 10.0) * getattr(one.only("initial"), name)(theta))
    close(other.only("initial").hessian_product(theta, theta), 100.0 * one.only("initial").hessian_product(theta, theta))
    close(other.assembly.measure(theta)["initial"], 100.0 * one.assembly.measure(theta)["initial"])


def test_residuals_jacobian_and_gauss_newton_products_belong_together():
    objective, theta = small_convection()
    residuals = objective.residuals(theta)
    assert {name: len(r) for name, r in residuals.items()} == {"interior": 20, "initial": 6, "periodic": 6}
    r, jacobian = torch.cat(list(residuals.values())), objective.jacobian(theta)
    close(r @ r, objective.loss(theta))
    close(2.0 * jacobian.T @ r, objective.gradient(theta))
    vectors = random(objective.size, 3, 2)
    close(objective.gauss_newton_product(theta, vectors), 2.0 * vectors @ jacobian.T @ jacobian)
    close(objective.gauss_newton_product(theta, vectors[0]), 2.0 * jacobian.T @ (jacobian @ vectors[0]))
    leaf = theta.clone().requires_grad_()
    group = objective.assembly.group("interior")
    outputs, _ = group("interior", group.solve(leaf, group.streams, slice(None)), group.streams, slice(None))
    for k in (0, 7):
        (row,) = torch.autograd.grad(outputs[0][k], leaf, retain_graph=True)
        close(jacobian[k], row / math.sqrt(20.0))


def test_several_residuals_of_a_point_are_rows_one_after_the_other():
    points = mean(np.random.default_rng(0).random((5, 2)))
    made = Assembly(SMALL, XT, [Term("pair", "squared", lambda p, u, f: (u, u.x + u.t), points)])
    objective, theta = FieldObjective("pair", made, ("pair",)), random(SMALL.size)
    jacobian = objective.jacobian(theta)
    assert jacobian.shape == (10, SMALL.size)
    alone = [
        FieldObjective("one", Assembly(SMALL, XT, [Term("one", "squared", local, points)]), ("one",)).jacobian(theta)
        for local in (lambda p, u, f: u, lambda p, u, f: u.x + u.t)
    ]
    close(jacobian[0::2], alone[0])
    close(jacobian[1::2], alone[1])


def test_an_energy_is_no_sum_of_squares_and_has_a_gram_matrix():
    d = small("poisson2d")
    objective, theta = d.objective("deep-ritz"), initial(d)
    for name in ("residuals", "jacobian"):
        with pytest.raises(
            ValueError, match=r"^the loss deep-ritz is no sum of squares: its term deep-ritz/interior is an energy$"
        ):
            getattr(objective, name)(theta)
    made = d.assembly
    points = made.terms["deep-ritz/interior"].points
    slopes = Term("slopes", "squared", lambda p, u, f: u.gradient, points)
    half = FieldObjective(
        "half", Assembly(made.solution.network, made.solution.unknowns, [slopes], made.solution.ansatz), ("slopes",)
    )
    vectors = random(objective.size, 4, 3)
    close(objective.gauss_newton_product(theta, vectors), 0.5 * half.gauss_newton_product(theta, vectors))


def test_a_term_without_the_unknown_has_no_derivatives():
    points = mean(np.random.default_rng(0).random((5, 2)))
    made = Assembly(
        SMALL,
        XT,
        [Term("still", "squared", lambda p, u, f: sin(p.x), points), Term("none", "energy", lambda p, u, f: 2.0, points)],
    )
    objective, theta = FieldObjective("still", made, ("still", "none")), random(SMALL.size)
    assert float(objective.loss(theta)) > 2.0
    assert not objective.gradient(theta).any()
    assert not objective.hessian_product(theta, theta).any()
    assert not objective.gauss_newton_product(theta, theta).any()
    assert not objective.only("still").jacobian(theta).any()


@pytest.mark.parametrize("network", [SMALL, Modified(2, 1, 4, 2)])
def test_blocks_of_points_sum_up_to_the_whole(network):
    whole, split = (
        FieldObjective(
            "convection",
            Assembly(network, XT, convection_terms(20, 6), parameters={"beta": 2.0}, memory=memory),
            ("interior", "initial", "periodic"),
        )
        for memory in (1e9, 1e4)
    )
    group = split.assembly.group("interior")
    assert 1 < len(list(group.blocks(group.streams))) <= 20
    theta, vectors = random(network.size), random(network.size, 1, 2)
    for name in ("loss", "gradient", "jacobian"):
        close(getattr(split, name)(theta), getattr(whole, name)(theta))
    for name in ("hessian_product", "gauss_newton_product"):
        close(getattr(split, name)(theta, vectors), getattr(whole, name)(theta, vectors))
    close(split.measure(theta)["interior"], whole.measure(theta)["interior"])
    close(torch.cat(list(split.residuals(theta).values())), torch.cat(list(whole.residuals(theta).values())))


def test_everything_is_batched_over_parameters():
    objective, _ = small_convection()
    thetas = random(objective.size, 5, 2, 3)
    together, gradients = objective.loss_and_gradient(thetas)
    measured = objective.measure(thetas)
    assert together.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        close(together[i, j], objective.loss(thetas[i, j]))
        close(gradients[i, j], objective.gradient(thetas[i, j]))
        close(measured["periodic"][i, j], objective.terms(thetas[i, j])["periodic"])


def test_where_a_term_does_not_exist_it_is_nan_and_the_others_are_not():
    points = mean(np.random.default_rng(0).random((5, 2)))
    terms = [
        Term("root", "energy", lambda p, u, f: u * u, points, exists=lambda p, u, f: u > -1.0),
        Term("square", "squared", lambda p, u, f: u.x, points, exists=lambda p, u, f: u > -1.0),
        Term("always", "squared", lambda p, u, f: u, points),
    ]
    made = Assembly(SMALL, XT, terms)
    thetas = torch.zeros(2, SMALL.size, dtype=torch.float64)
    thetas[1, -1] = -3.0  # the last bias
    found = made.measure(thetas)
    assert found["exists"].tolist() == [True, False]
    assert found["root"].isnan().tolist() == found["square"].isnan().tolist() == [False, True]
    assert found["always"].tolist() == [0.0, pytest.approx(9.0)]
    for name in ("root", "square"):
        objective = FieldObjective(name, made, (name,))
        assert objective.loss(thetas[1]).isnan()
        for product in (
            objective.gradient,
            lambda t, o=objective: o.hessian_product(t, t),
            lambda t, o=objective: o.gauss_newton_product(t, t),
        ):
            assert product(thetas[1]).isnan().all()
            assert product(thetas[0]).isfinite().all()
    assert FieldObjective("square", made, ("square",)).residuals(thetas[1])["square"].isnan().all()


def test_points_can_be_changed():
    objective, theta = small_convection()
    fresh = convection(SMALL, interior=33, boundary=6, seed=1)
    moved = objective.assembly.with_points({objective.assembly.terms["interior"].points: fresh.terms["interior"].points})
    found, other = moved.measure(theta), fresh.measure(theta)
    close(found["interior"], other["interior"])
    close(found["initial"], objective.assembly.measure(theta)["initial"])
    assert moved.terms["interior"].points.count == 33


def test_what_cancels_costs_nothing_where_symbols_see_it_and_no_error_where_they_do_not():
    points = mean(np.random.default_rng(0).random((5, 2)))
    term = Term("residual", "squared", lambda p, u, f: u.t + 0 * u.xxxx, points)
    made = Assembly(Mlp(2, 1, 4, 1, "relu"), XT, [term])
    plain = Assembly(Mlp(2, 1, 4, 1, "relu"), XT, [Term("residual", "squared", lambda p, u, f: u.t, points)])
    theta = random(made.solution.network.size)
    close(made.measure(theta)["residual"], plain.measure(theta)["residual"])


def test_terms_that_need_derivatives_which_the_activation_lacks_are_refused():
    points = mean(np.random.default_rng(0).random((5, 2)))
    for name, local, order in (("relu", lambda p, u, f: u.t - u.xx, 2), ("relu3", lambda p, u, f: u.t + u.xxxx, 4)):
        with pytest.raises(ProblemError) as caught:
            Assembly(Mlp(2, 1, 4, 1, name), XT, [Term("residual", "squared", local, points)])
        assert str(caught.value) == (
            f"tests/losses/test_field.py: term residual: needs derivatives of order {order} of the network, but the activation {name} has "
            f"{order - 1}; choose a smoother one"
        )
    Assembly(Mlp(2, 1, 4, 1, "relu3"), XT, [Term("residual", "squared", lambda p, u, f: u.t + u.xxx, points)])


def test_faulty_descriptions_are_refused():
    points = mean(np.random.default_rng(0).random((5, 2)))
    value = Term("value", "squared", lambda p, u, f: u, points)
    with pytest.raises(ValueError, match="`terms` must have different names, and there must be one at least, not value, value"):
        Assembly(SMALL, XT, [value, value])
    with pytest.raises(ValueError, match="`network` must map 1 inputs to 1 outputs, not 2 to 1"):
        Assembly(SMALL, Unknowns(("x",)), [value])
    with pytest.raises(ProblemError, match="term energy: gives 2 values; an energy has one"):
        Assembly(SMALL, XT, [Term("energy", "energy", lambda p, u, f: (u, u), points)])
    with pytest.raises(ValueError, match="`names` must be one or more of the terms value, not none"):
        FieldObjective("loss", Assembly(SMALL, XT, [value]), ())
    with pytest.raises(ValueError, match="`kind` of the term a must be energy or squared, not 'mean'"):
        Term("a", "mean", lambda p, u, f: u, points)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`weight` of the term a must be finite, not nan"):
        Term("a", "squared", lambda p, u, f: u, points, math.nan)
    with pytest.raises(ValueError, match=r"`weights` must be \(n,\), here \(5,\), not \(4,\)"):
        PointSet(points.points, points.weights[:4])
    with pytest.raises(ValueError, match="`points` must be float64, not float32"):
        PointSet(points.points.astype(np.float32), points.weights)
    with pytest.raises(ValueError, match=r"`points` must be \(sites, n, d\) with at least one point, not \(5, 2\)"):
        PointSet(points.points[0], points.weights)
    with pytest.raises(ValueError, match="`data` must have columns whose names are identifiers, not 'a b'"):
        PointSet(points.points, points.weights, {"a b": points.weights})


def test_the_protocol():
    objective, theta = small_convection()
    assert objective.size == len(theta) == SMALL.size
    assert objective.layout == SMALL.layout
    assert objective.layout.permutable
    assert (objective.name, objective.device.type, objective.dtype) == ("convection", "cpu", torch.float64)
    assert math.isnan(objective.minimum)
    assert objective.with_minimum(0.5).minimum == 0.5
    assert objective.is_squared
    assert objective.fresh is None
    assert 1 <= objective.batch <= 4_000_000
    assert objective.at(theta, torch.rand(7, 2, dtype=torch.float64)).shape == (7, 1)
