"""Natural gradient descent: exact toys, invariants and the published experiment."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from cases import LOSSES, initial, small
from settings_cases import model
from sine_cases import SineSeries, exact

from pinnscape.losses import gauss_newton
from pinnscape.losses.model import discretization
from pinnscape.losses.objective import tensor
from pinnscape.losses.quantities import Quantities
from pinnscape.training.natural_gradient import NaturalGradient
from pinnscape.training.optimizers import start


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_a_loss_that_is_quadratic_is_minimised_in_one_step_of_length_one(formulation):
    objective = SineSeries(6).objective(formulation)
    state = NaturalGradient(objective).step(start(objective.loss_and_gradient, tensor(np.arange(6.0))))
    assert state is not None
    assert state.rate == 1.0
    assert (state.theta - exact(6)).abs().max() < 1e-12


@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_the_direction_solves_the_projected_problem_and_descends(name, formulation):
    objective = small(name).objective(formulation)
    state = start(objective.loss_and_gradient, initial(objective.discretization))
    direction = NaturalGradient(objective, cutoff=1e-8).direction(state)
    assert direction is not None
    assert float(direction @ state.gradient) < 0
    matrix = gauss_newton.gauss_newton(objective, state.theta)
    values, vectors = torch.linalg.eigh(matrix)
    kept = vectors[:, values.abs() > 1e-8 * values.abs().max()]
    # Within the eigenvectors that count, G d = -g, up to the digits that the cutoff leaves; outside of them d = 0.
    scale = float(state.gradient.abs().max())
    assert (kept.T @ (matrix @ direction + state.gradient)).abs().max() < 1e-6 * scale
    assert (direction - kept @ (kept.T @ direction)).norm() < 1e-4 * direction.norm()


@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_every_step_lowers_the_loss_to_that_of_the_state(name, formulation):
    objective = small(name).objective(formulation)
    state, optimizer = start(objective.loss_and_gradient, initial(objective.discretization)), NaturalGradient(objective)
    for _ in range(3):
        successor = optimizer.step(state)
        assert successor is not None
        assert successor.loss < state.loss
        assert successor.loss == pytest.approx(float(objective.loss(successor.theta)), rel=1e-12)
        assert np.log2(successor.rate) == int(np.log2(successor.rate))
        torch.testing.assert_close(successor.gradient, objective.gradient(successor.theta))
        state = successor


@pytest.mark.parametrize("cutoff", [1e-4, 1e-8])
@pytest.mark.parametrize(("name", "formulation"), LOSSES)
def test_every_method_gives_the_direction_of_the_dense_one(name, formulation, cutoff, monkeypatch):
    """With a Krylov space that is the whole space, and no matrix (P, P) or (m, P)."""
    objective = small(name, points=4).objective(formulation)
    state = start(objective.loss_and_gradient, initial(objective.discretization))
    dense = NaturalGradient(objective, cutoff)
    kernel = NaturalGradient(objective, cutoff, dense_limit=max(objective.size - 1, gauss_newton.kernel_size(objective)))
    krylov = NaturalGradient(objective, cutoff, dense_limit=0, products=objective.size)
    expected = dense.direction(state)
    for function in ("least_squares", "gauss_newton"):
        monkeypatch.setattr(gauss_newton, function, None)
    monkeypatch.setattr(Quantities, "sensitivities", None)
    assert (dense.method, krylov.method) == ("dense", "krylov")
    kernel.method = "kernel"  # whatever of its sides is the smaller one
    for other in (kernel, krylov):
        found = other.direction(state)
        # What is kept has eigenvalues of at least the cutoff, whose errors are rounding errors of the largest one.
        assert (found - expected).norm() < 1e-11 / cutoff * expected.norm(), other.method


def test_the_method_is_the_first_whose_matrix_is_within_the_limit():
    objective = small("poisson2d", points=3).objective("strong-form")  # P = 37, 9 points
    found = [NaturalGradient(objective, dense_limit=limit).method for limit in (37, 36, 9, 8, 0)]
    assert found == ["dense", "kernel", "kernel", "krylov", "krylov"]
    assert NaturalGradient(small("poisson2d", points=3).objective("deep-ritz"), dense_limit=26).method == "krylov"


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_a_short_krylov_space_gives_descent_and_says_what_it_leaves(formulation):
    """That is the residual of the equation as long as no eigenvalue is cut off: it falls as the space grows."""
    objective = small("poisson2d").objective(formulation)
    state = start(objective.loss_and_gradient, initial(objective.discretization))
    left = []
    for products in (1, 3, 6):
        optimizer = NaturalGradient(objective, 0.0, dense_limit=0, products=products)
        direction = optimizer.direction(state)
        assert float(direction @ state.gradient) < 0
        successor = optimizer.step(state)
        assert successor.loss < state.loss
        residual = objective.gauss_newton_product(state.theta, direction) + state.gradient
        assert optimizer.residual == pytest.approx(float(residual.norm() / state.gradient.norm()), rel=1e-6)
        model = 0.5 * direction @ objective.gauss_newton_product(state.theta, direction) + direction @ state.gradient
        left.append(float(model))
    assert left[0] > left[1] > left[2]
    assert NaturalGradient(objective).step(state) is not None


@pytest.mark.parametrize("method", ["kernel", "krylov"])
@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_without_a_matrix_a_loss_that_is_quadratic_is_minimised_in_one_step_too(formulation, method):
    objective = SineSeries(6).objective(formulation)
    optimizer = NaturalGradient(objective, dense_limit=0)
    optimizer.method = method
    state = optimizer.step(start(objective.loss_and_gradient, tensor(np.arange(6.0))))
    assert state.rate == 1.0
    assert (state.theta - exact(6)).abs().max() < 1e-10
    assert optimizer.residual < 1e-10


def along(objective, state, cutoff, steps=12):
    """Losses (steps,) of all trials with one cutoff."""
    direction = NaturalGradient(objective, cutoff, steps).direction(state)
    assert direction is not None
    return [float(objective.loss(state.theta + 0.5**k * direction)) for k in range(steps)]


def test_the_best_of_all_step_lengths_is_taken():
    objective = small("poisson2d").objective("strong-form")
    state = start(objective.loss_and_gradient, initial(objective.discretization))
    successor = NaturalGradient(objective, 5e-3, 12).step(state)  # a cutoff so large that there is no larger one to try
    assert successor is not None
    assert successor.loss == pytest.approx(min(along(objective, state, 5e-3)), rel=1e-9)


def test_where_only_minute_steps_help_the_cutoff_is_raised():
    objective = small("poisson2d").objective("strong-form")
    state = start(objective.loss_and_gradient, initial(objective.discretization))
    plain = along(objective, state, 1e-15)
    assert 0.5 ** int(np.argmin(plain)) < 2.0**-6
    successor = NaturalGradient(objective, 1e-15, 12).step(state)
    assert successor is not None
    assert successor.rate >= 2.0**-6
    assert successor.loss == pytest.approx(
        min(min(along(objective, state, c)) for c in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3)), rel=1e-9
    )


def test_an_indefinite_gram_matrix_still_gives_a_descent_direction(monkeypatch):
    objective = SineSeries(4).objective("deep-ritz")
    monkeypatch.setattr(
        gauss_newton, "gauss_newton", lambda *_: torch.diag(torch.tensor([4.0, -2.0, 1.0, 0.0], dtype=torch.float64))
    )
    state = start(objective.loss_and_gradient, tensor(np.ones(4)))
    direction = NaturalGradient(objective).direction(state)
    assert direction is not None
    np.testing.assert_allclose(direction, -state.gradient * torch.tensor([1 / 4, 1 / 2, 1.0, 0.0]), rtol=1e-14)


def test_it_stops_at_a_minimiser():
    """Whose loss rounding makes no smaller."""
    objective = SineSeries(6).objective("strong-form")
    state = start(objective.loss_and_gradient, exact(6))
    assert NaturalGradient(objective).step(dataclasses.replace(state, loss=0.0)) is None


def test_it_stops_where_the_loss_does_not_exist():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    for formulation, limit in itertools.product(("deep-ritz", "strong-form"), (2500, len(wild) - 1, 0)):
        objective = d.objective(formulation)
        assert NaturalGradient(objective, dense_limit=limit).step(start(objective.loss_and_gradient, wild)) is None


def test_trials_without_a_loss_are_passed_over():
    """From near the limit of existence, long steps invert the body: the step taken does not."""
    d = small("neo_hookean2d")
    objective, theta = d.objective("deep-ritz"), initial(d)
    theta[d.network.layers[-1].weights] *= 4.0
    state = start(objective.loss_and_gradient, theta)
    optimizer = NaturalGradient(objective)
    direction = optimizer.direction(state)
    assert direction is not None
    trials = objective.loss(state.theta + torch.tensor([[1.0], [64.0]]) * direction)
    successor = optimizer.step(state)
    assert bool(trials.isnan().any())
    assert successor is not None
    assert successor.loss < state.loss


@pytest.mark.slow
@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_the_published_accuracy_on_poisson_2d_is_reached(formulation):
    """Network 2-32-1, u* = sin πx sin πy: a median relative L² error of 2e-7 within 500 iterations (Müller & Zeinhofer 2023).

    Not the paper's set-up in full: hard boundary conditions and Gauss-Legendre points; 100 iterations are enough.
    """
    d = discretization(model("poisson2d", 32, 1, 20))
    objective, errors = d.objective(formulation), []
    for seed in range(3):
        state, optimizer = (
            start(objective.loss_and_gradient, tensor(d.network.initial("glorot", seed))),
            NaturalGradient(objective),
        )
        for _ in range(100):
            successor = optimizer.step(state)
            if successor is None:
                break
            state = successor
        errors.append(float(d.measure(state.theta)["l2_error"]))
    assert np.median(errors) < 2e-7
