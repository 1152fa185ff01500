"""Sharpness: closed forms of quadratics, what changes of coordinates do to each measure, and the file."""

import math

import numpy as np
import pytest
import torch
from cases import differentiable, exact_hessian, initial, small, trained, with_spectrum
from geometry_cases import RELU, Function, quadratic, relu_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import changed, of, solver

from pinnscape.curvature import sharpness, sharpness_file
from pinnscape.curvature.sharpness import ball, box, curvature, filter_scale, first_order, relative
from pinnscape.losses.objective import tensor
from pinnscape.networks.layout import Layout
from pinnscape.techniques import catalog

SETTINGS = of(
    "sharpness", checkpoints=("middle", "final"), adaptive_radius=0.02, starts=1, iterations=6, lanczos_tolerance=1e-6
)
CURVATURE = 60, SETTINGS.eigensolver


def random(count, size, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def numbers(objective, theta, layout, **changes):
    return sharpness_file.numbers(objective, theta, layout, changed(SETTINGS, **{"iterations": 60, "starts": 6} | changes), 0)


@pytest.mark.parametrize("minimum", [0.0, -4.9])
@pytest.mark.parametrize("radius", [0.01, 3.0])
def test_the_ball_at_the_minimum_of_a_quadratic_gives_half_its_largest_eigenvalue(radius, minimum):
    objective, theta = quadratic(with_spectrum([9.0, 8.0, 1.0, 0.0, -2.0]), minimum), torch.zeros(5, dtype=torch.float64)
    found = ball(objective, theta, radius, torch.ones(5, dtype=torch.float64), random(3, 5), 200)
    assert found.value == pytest.approx(0.5 * 9.0 * radius**2, rel=1e-6)
    assert found.offset.norm() == pytest.approx(radius)
    assert found.undefined == 0.0


def test_the_ball_of_a_linear_loss_is_one_gradient_step():
    slope = tensor([3.0, -4.0])
    objective, theta = Function(lambda t: t @ slope, 2), tensor([1.0, 2.0])
    assert ball(objective, theta, 0.1, tensor([1.0, 1.0]), random(2, 2), 5).value == pytest.approx(0.5)
    assert first_order(objective, theta, 0.1) == pytest.approx(0.5)
    assert ball(objective, theta, 0.1, tensor([2.0, 0.0]), random(2, 2), 5).value == pytest.approx(0.6)


def test_a_scaled_ball_is_a_ball_of_the_scaled_hessian():
    matrix, scale = with_spectrum([5.0, 3.0, -1.0, 0.5]), tensor([0.1, 2.0, 1.0, 7.0])
    found = ball(quadratic(matrix), torch.zeros(4, dtype=torch.float64), 0.3, scale, random(3, 4), 200)
    largest = torch.linalg.eigvalsh(scale[:, None] * matrix * scale)[-1]
    assert found.value == pytest.approx(0.5 * 0.3**2 * float(largest), rel=1e-6)
    assert (found.offset / scale).norm() == pytest.approx(0.3)


def test_the_box_of_a_diagonal_quadratic_is_the_sum_of_its_sides():
    values, epsilon = tensor([9.0, 4.0, 1.0, 0.0]), 1e-2
    found = box(quadratic(values.diag()), torch.zeros(4, dtype=torch.float64), epsilon, random(2, 4), 10)
    assert found.value == pytest.approx(0.5 * epsilon**2 * 14.0, rel=1e-12)


def test_the_box_widens_with_the_parameters():
    slope, theta = tensor([1.0, -2.0]), tensor([3.0, -0.5])
    found = box(Function(lambda t: t @ slope, 2), theta, 0.1, random(2, 2), 3)
    assert found.value == pytest.approx(0.1 * (4.0 * 1.0 + 1.5 * 2.0))
    np.testing.assert_allclose(found.offset, [0.4, -0.15])


def test_the_box_is_searched_inside_too_where_the_loss_falls_towards_its_corners():
    # 0.09 - (t - 0.3)² rises from 0 to its maximum at 0.3, well inside [-1, 1].
    found = box(Function(lambda t: -(t - 0.3).square().sum(-1), 1), tensor([0.0]), 1.0, random(2, 1), 40)
    assert found.value == pytest.approx(0.09, rel=1e-3)


def test_the_best_corner_of_a_convex_quadratic_is_never_exceeded_and_nearly_always_found():
    """An ascent may end in a corner that is the best in its gradient's direction alone; 16 starts seldom all do."""
    exact = []
    for seed in range(60):
        size = 2 + seed % 4
        matrix = with_spectrum(np.random.default_rng(seed).uniform(0.0, 5.0, size), seed)
        signs = tensor(np.array(np.meshgrid(*[[-1.0, 1.0]] * size)).reshape(size, -1).T)
        best = float(quadratic(matrix).loss(signs).max())
        found = box(quadratic(matrix), torch.zeros(size, dtype=torch.float64), 1.0, random(16, size), 20)
        assert found.value <= best * (1 + 1e-12)
        slope = quadratic(matrix).loss_and_gradient(found.offset)[1]
        assert float(slope @ (slope.sign() - found.offset)) == pytest.approx(
            0.0, abs=1e-9
        )  # nothing is farther along the gradient
        exact.append(found.value == pytest.approx(best, rel=1e-9))
    assert np.mean(exact) >= 0.95


@settings(max_examples=8)
@given(seed=st.integers(0, 1000), radius=st.floats(1e-3, 2.0))
def test_a_larger_ball_has_no_smaller_increase_and_the_offset_lies_within(seed, radius):
    objective, theta = Function(lambda t: t.sin().sum(-1) + t[..., 0] ** 2, 3), random(1, 3, seed)[0]
    one, two = (ball(objective, theta, r, tensor([1.0, 1.0, 1.0]), random(3, 3, seed), 15) for r in (radius, 2 * radius))
    assert one.offset.norm() <= radius * (1 + 1e-12)
    assert float(objective.loss(theta + one.offset) - objective.loss(theta)) == pytest.approx(one.value, abs=1e-12)
    assert two.value >= one.value * (1 - 1e-3)


def test_points_without_a_loss_are_left_out_and_counted():
    objective = Function(lambda t: torch.where(t.norm(dim=-1) > 1.0, torch.nan, t.square().sum(-1)), 2)
    found = ball(objective, torch.zeros(2, dtype=torch.float64), 1.5, tensor([1.0, 1.0]), random(3, 2), 40)
    assert 0.8 < found.value <= 1.0
    assert 0.0 < found.undefined < 1.0
    nowhere = ball(objective, tensor([2.0, 0.0]), 0.1, tensor([1.0, 1.0]), random(3, 2), 5)
    assert math.isnan(nowhere.value)
    assert nowhere.undefined == 1.0


def test_a_relative_sharpness_is_taken_of_the_gap():
    assert relative(0.5, 1.0) == 25.0
    ritz, shifted = (quadratic(torch.eye(3, dtype=torch.float64), m) for m in (0.0, -1.0))
    layout, theta = Layout(()), tensor([0.1, 0.0, 0.0])
    for name in ("epsilon_sharpness", "box_increase", "gap"):
        assert numbers(ritz, theta, layout)[name] == pytest.approx(numbers(shifted, theta, layout)[name])


def rescaled(theta, factor):
    first, second = RELU.layers
    result = theta.clone()
    result[first.offset : second.offset] *= factor
    result[second.weights] /= factor
    return result


@pytest.mark.parametrize("factor", [0.2, 8.0])
def test_units_of_filters_undo_a_rescaling_of_layers_and_nothing_else_does(factor):
    objective, theta = Function(relu_loss, RELU.size), 0.7 * random(1, RELU.size, 3)[0]
    other = rescaled(theta, factor)
    assert float(objective.loss(other)) == pytest.approx(float(objective.loss(theta)), rel=1e-12)
    before, after = (numbers(objective, t, RELU.layout) for t in (theta, other))
    for name in ("gap", "lambda_max_filter"):
        assert after[name] == pytest.approx(before[name], rel=1e-9)
    assert after["adaptive_sharpness"] == pytest.approx(before["adaptive_sharpness"], rel=1e-3)
    for name in ("lambda_max", "trace", "sam_sharpness", "box_increase"):
        assert abs(after[name] / before[name] - 1.0) > 0.05, name


def test_a_product_of_two_numbers_is_as_sharp_as_one_likes_in_theta_but_not_in_its_units():
    objective = Function(lambda t: (t.prod(-1) - 1.0).square(), 2)
    for a in (1.0, 10.0):
        theta = tensor([a, 1.0 / a])
        found = curvature(objective, theta, theta.abs(), *CURVATURE, 0)
        assert found.lambda_max == pytest.approx(2.0 * (a**2 + a**-2))
        assert found.lambda_max_filter == pytest.approx(4.0)


def test_nothing_changes_where_hidden_units_swap_places_and_signs():
    objective, theta = trained("deep-ritz")
    network = objective.discretization.network
    first, second, _ = network.layers
    order, signs = torch.randperm(network.width, generator=torch.Generator().manual_seed(1)), tensor([1, -1, -1, 1, 1, -1])
    other = theta.clone()
    other[first.weights] = (signs[:, None] * theta[first.weights].reshape(network.width, -1)[order]).reshape(-1)
    other[first.biases] = signs * theta[first.biases][order]
    other[second.weights] = (signs * theta[second.weights].reshape(-1, network.width)[:, order]).reshape(-1)
    assert not torch.equal(theta, other)
    before, after = (numbers(objective, t, network.layout) for t in (theta, other))
    for name in ("gap", "lambda_max", "lambda_max_filter", "trace", "sam_sharpness", "adaptive_sharpness"):
        assert after[name] == pytest.approx(before[name], rel=1e-4, abs=1e-9), name
    assert after["box_increase"] == pytest.approx(before["box_increase"], rel=1e-2)


def test_units_are_norms_of_incoming_weights_and_magnitudes_of_biases():
    theta = torch.arange(1.0, RELU.size + 1.0, dtype=torch.float64) * -1.0
    np.testing.assert_allclose(
        filter_scale(theta, RELU.layout),
        [5**0.5, 5**0.5, 5.0, 5.0, 61**0.5, 61**0.5, 7.0, 8.0, 9.0, *[(100 + 121 + 144) ** 0.5] * 3, 13.0],
    )
    assert theta[0] == -1.0


@pytest.mark.parametrize("limit", [0, 500])
def test_curvature_is_that_of_the_dense_hessian(limit):
    objective, theta = trained("deep-ritz")
    matrix, scale = exact_hessian("deep-ritz"), filter_scale(theta, objective.discretization.network.layout)
    found = curvature(objective, theta, scale, 60, solver(CURVATURE[1], dense_limit=limit), 0)
    assert found.lambda_max == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=1e-8)
    assert found.lambda_max_filter == pytest.approx(float(torch.linalg.eigvalsh(scale[:, None] * matrix * scale)[-1]), rel=1e-8)
    assert found.trace == pytest.approx(float(matrix.trace()), abs=4 * found.trace_error + 1e-8)
    assert (found.trace_error == 0.0) == (limit > 0)
    assert found.converged


@pytest.mark.parametrize("limit", [0, 500])
def test_a_point_without_an_energy_gives_nan(limit):
    discretized = small("neo_hookean2d")
    theta = 30.0 * initial(discretized)
    objective = discretized.objective("deep-ritz")
    assert not objective.loss(theta).isfinite()
    found = numbers(objective, theta, discretized.network.layout, dense_limit=limit)
    assert all(math.isnan(value) for name, value in found.items() if name not in ("converged", "box_undefined"))
    assert found["converged"] == 0.0


@pytest.mark.parametrize(
    ("problem", "seeds", "formulations"), [("poisson1d", 1, ("strong-form",)), ("neo_hookean2d", 2, ("deep-ritz",))]
)
def test_the_file_holds_every_loss_at_every_point(problem, seeds, formulations):
    runs = tiny(problem, seeds, formulations)
    data = sharpness_file.dataset(runs, SETTINGS)
    assert data["lambda_max"].dims == ("trained_on", "seed", "checkpoint", "loss")
    assert data["checkpoint"].values.tolist() == ["middle", "final"]
    assert data["trained_on"].values.tolist() == list(formulations)
    assert all({"long_name", "units"} <= set(data[name].attrs) for name in data.data_vars)
    run = runs.all[-1]
    part = data.sel(trained_on=run.trained_on, seed=run.seed, checkpoint="final", loss="strong-form")
    objective, theta = runs.objective("strong-form"), runs.tensor(run.theta())
    assert float(part["trace"]) == pytest.approx(float(torch.func.hessian(differentiable(objective))(theta).trace()))
    assert float(part["gap"]) == pytest.approx(float(objective.loss(theta)))
    assert float(part["sam_sharpness"]) >= float(part["sam_first_order"])
    if seeds == 1:
        assert data.identical(sharpness_file.dataset(runs, SETTINGS))
    rows = list(catalog.module("sharpness").metrics(data))
    assert len(rows) == len(formulations) * seeds * 2 * 3 * 5
    found = {row[:4]: row[4] for row in rows}[(run.trained_on, run.seed, "final", "sam_quadratic[strong-form]")]
    assert found == pytest.approx(float(part["sam_sharpness"]) / (0.5 * 0.05**2 * float(part["lambda_max"])))


def test_the_first_step_is_never_better_than_the_ascent():
    objective, theta = trained("strong-form")
    found = sharpness.ball(objective, theta, 0.1, torch.ones_like(theta), random(1, len(theta)), 5)
    assert found.value >= first_order(objective, theta, 0.1) > 0.0
