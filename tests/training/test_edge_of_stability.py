"""Trainings at constant step sizes: thresholds on quadratics, where they are exact, and the records."""

import math

import numpy as np
import pytest
import torch
from cases import Quadratic, differentiable, initial, small, with_spectrum
from hypothesis import given
from hypothesis import strategies as st
from settings_cases import changed, of

from pinnscape.training.constant_adam import ConstantAdam, momentum_step
from pinnscape.training.edge_of_stability import adam, follow
from pinnscape.training.edge_of_stability import gradient_descent as descend
from pinnscape.training.gradient_descent import GradientDescent
from pinnscape.training.optimizers import Adam, start

SETTINGS = of("stability", steps=200, record_every=10, lanczos_steps=50, lanczos_tolerance=1e-9)
SPECTRUM = [10.0, 4.0, 1.0, 0.1]


class Bowl(Quadratic):
    """½ θᵀ A θ with its gradient."""

    minimum = 0.0

    def loss_and_gradient(self, theta):
        gradient = theta @ self.matrix
        return 0.5 * (gradient * theta).sum(-1), gradient


def _theta(size=4):
    return torch.tensor(np.random.default_rng(1).standard_normal(size))


def test_gradient_descent_on_a_quadratic_is_the_power_of_one_minus_eta_lambda():
    bowl, theta = Bowl(torch.diag(torch.tensor(SPECTRUM, dtype=torch.float64))), _theta()
    optimizer, state = GradientDescent(bowl.loss_and_gradient, 0.15), start(bowl.loss_and_gradient, theta)
    for _ in range(7):
        state = optimizer.step(state)
    np.testing.assert_allclose(state.theta, theta.numpy() * (1 - 0.15 * np.array(SPECTRUM)) ** 7, rtol=1e-12)
    assert state.rate == 0.15
    assert state.loss == pytest.approx(float(bowl.loss_and_gradient(state.theta)[0]))


@given(st.floats(0.1, 1000.0), st.integers(0, 20))
def test_just_below_two_over_lambda_it_converges_and_just_above_it_diverges(largest, seed):
    bowl = Bowl(with_spectrum([largest, 0.3 * largest, 0.1 * largest], seed))
    settings = changed(SETTINGS, divergence=10.0, lanczos_tolerance=1e-6)
    for factor, diverges in ((0.99, False), (1.01, True)):
        rate = factor * 2.0 / largest
        found = descend(bowl, _theta(3), rate, changed(settings, steps=400, record_every=200), 0)  # type: ignore[arg-type]
        assert math.isfinite(found["diverged"]) == diverges
        if not diverges:
            assert found["gap"][-1] < 1e-2 * found["gap"][0]
            np.testing.assert_allclose(found["sharpness"], largest, rtol=1e-6)


def test_a_divergence_is_recorded_and_what_follows_is_nan():
    bowl = Bowl(with_spectrum(SPECTRUM))
    found = descend(bowl, _theta(), 0.3, SETTINGS, 0)  # type: ignore[arg-type]
    step = int(found["diverged"])
    gap, optimizer, state = found["gap"], GradientDescent(bowl.loss_and_gradient, 0.3), start(bowl.loss_and_gradient, _theta())
    for _ in range(step):
        previous, state = state, optimizer.step(state)
    assert previous.loss <= 1e6 * gap[0] < state.loss
    known = (step - 1) // 10 + 1
    assert np.isfinite(gap[:known]).all()
    assert np.isnan(gap[known:]).all()
    assert np.isnan(found["sharpness"][known:]).all()
    assert found["rising"][known - 1] == 1.0  # every step raises the loss


def test_a_loss_that_ceases_to_exist_is_a_divergence():
    class Cliff(Bowl):
        def loss_and_gradient(self, theta):
            loss, gradient = super().loss_and_gradient(theta)
            return torch.where(theta.abs().max() > 50, torch.nan, loss), gradient

    bowl = Cliff(torch.eye(2, dtype=torch.float64))
    found = descend(bowl, torch.ones(2, dtype=torch.float64), 3.0, SETTINGS, 0)  # type: ignore[arg-type]
    assert found["diverged"] == 6.0  # 2⁶ > 50
    nowhere = descend(bowl, torch.full((2,), 99.0, dtype=torch.float64), 3.0, SETTINGS, 0)  # type: ignore[arg-type]
    assert nowhere["diverged"] == 0.0
    assert np.isnan(nowhere["gap"]).all()
    assert np.isnan(adam(bowl, torch.full((2,), 99.0, dtype=torch.float64), 3.0, SETTINGS, 0)["preconditioned"]).all()


@pytest.mark.parametrize(("factor", "diverges"), [(0.99, False), (1.01, True)])
def test_with_a_frozen_preconditioner_momentum_is_stable_up_to_38_over_eta(factor, diverges):
    matrix = with_spectrum(SPECTRUM, 5)
    diagonal = torch.tensor([0.5, 2.0, 1.0, 8.0], dtype=torch.float64)
    scaled = matrix / (diagonal[:, None] * diagonal).sqrt()
    largest = float(torch.linalg.eigvalsh(scaled)[-1])
    rate = factor * 38.0 / largest
    theta, mean = _theta(), torch.zeros(4, dtype=torch.float64)
    for _ in range(4000):
        theta, mean = momentum_step(theta, mean, matrix @ theta, diagonal, rate)
        if theta.norm() > 1e6:
            break
    assert (float(theta.norm()) > 1e6) == diverges
    assert diverges or float(theta.norm()) < 1e-6


def test_constant_adam_takes_the_steps_of_adam_at_a_constant_rate():
    objective = small().objective("deep-ritz")
    ours, reference = ConstantAdam(objective.loss_and_gradient, 0.02), Adam(objective.loss_and_gradient, 30, 0.02)
    a = b = start(objective.loss_and_gradient, initial(small()))
    assert ours.preconditioner is None
    for _ in range(30):
        a, b = ours.step(a), reference.step(b)
    np.testing.assert_allclose(a.theta, b.theta, rtol=1e-9, atol=1e-12)


def test_the_preconditioner_is_what_turns_the_mean_of_the_gradients_into_the_step():
    bowl = Bowl(with_spectrum(SPECTRUM))
    optimizer, state = ConstantAdam(bowl.loss_and_gradient, 0.1), start(bowl.loss_and_gradient, _theta())
    gradients, before = [], state
    for _ in range(5):
        gradients.append(state.gradient)
        before, state = state, optimizer.step(state)
    mean = sum(0.1 * 0.9 ** (4 - i) * g for i, g in enumerate(gradients))
    assert optimizer.preconditioner is not None
    np.testing.assert_allclose(before.theta - state.theta, 0.1 * mean / optimizer.preconditioner, rtol=1e-9)


def test_adam_on_a_quadratic_comes_to_its_threshold_and_records_the_preconditioned_eigenvalue():
    # As the gradients shrink, so does D, until the preconditioned eigenvalue reaches 38/η (Cohen et al. 2022).
    matrix, rate = with_spectrum(SPECTRUM, 2), 0.2
    settings = changed(SETTINGS, steps=9000, record_every=300)
    found = adam(Bowl(matrix), _theta(), rate, settings, 0)  # type: ignore[arg-type]
    np.testing.assert_allclose(found["sharpness"], 10.0, rtol=1e-8)
    assert np.isnan(found["preconditioned"][0])
    assert found["preconditioned"][1] < 0.5 * 38 / rate
    assert np.median(found["preconditioned"][-6:]) == pytest.approx(38 / rate, rel=0.05)
    assert np.nanmax(found["residual"]) < 1e-8


def test_the_recorded_preconditioned_eigenvalue_is_that_of_the_dense_matrix():
    objective, theta = small().objective("strong-form"), initial(small())
    found = adam(objective, theta, 0.01, changed(SETTINGS, steps=6, record_every=3), 0)
    optimizer, state = ConstantAdam(objective.loss_and_gradient, 0.01), start(objective.loss_and_gradient, theta)
    for _ in range(6):
        state = optimizer.step(state)
    hessian = torch.func.hessian(differentiable(objective))(state.theta)
    assert optimizer.preconditioner is not None
    root = optimizer.preconditioner.sqrt()
    assert found["preconditioned"][-1] == pytest.approx(
        float(torch.linalg.eigvalsh(hessian / (root[:, None] * root))[-1]), rel=1e-6
    )
    assert found["sharpness"][-1] == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=1e-6)
    assert found["gap"][-1] == pytest.approx(state.loss - objective.minimum, rel=1e-9)


def test_the_share_of_rising_steps_counts_those_since_the_last_record():
    class Script:
        losses = iter([1.0, 2.0, 3.0, 2.0, 1.0, 1.5])

        def step(self, state):
            return type(state)(state.theta, next(self.losses), state.gradient, 1.0)

    bowl = Bowl(torch.eye(2, dtype=torch.float64))
    settings = changed(SETTINGS, steps=7, record_every=3)  # the seventh step is after the last record and is not taken
    found = follow(bowl, Script(), torch.ones(2, dtype=torch.float64), settings, lambda _: {"sharpness": (1.0, 0.0, 0.0)})
    np.testing.assert_allclose(found["rising"], [np.nan, 2 / 3, 1 / 3])
    np.testing.assert_allclose(found["gap"], [1.0, 3.0, 1.5])
