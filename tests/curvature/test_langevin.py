"""The Metropolis-adjusted Langevin algorithm: exact densities whatever the step and the preconditioner."""

import math

import numpy as np
import pytest
import torch
from cases import with_spectrum
from hypothesis import given
from hypothesis import strategies as st

from pinnscape.curvature.langevin import Localised, Preconditioner, sample
from pinnscape.losses.objective import tensor


def identity(size, gamma):
    """No preconditioning."""
    return Preconditioner(torch.zeros(0, size, dtype=torch.float64), torch.zeros(0, dtype=torch.float64), gamma)


def quadratic(matrix):
    return lambda theta: (0.5 * ((theta @ matrix) * theta).sum(-1), theta @ matrix)


def half_line(theta):
    """½ theta², and nothing where theta < 0."""
    loss = torch.where((theta < 0).any(-1), torch.nan, 0.5 * theta.square().sum(-1))
    return loss, torch.where(theta < 0, torch.nan, theta)


@given(st.floats(-2, 2), st.integers(0, 20))
def test_powers_of_the_preconditioner_are_those_of_its_matrix(exponent, seed):
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((5, 5)))[0]
    curvatures = np.array([3.0, 7.0, 0.5, 2.0, 2.0])
    dense = (basis * curvatures**-exponent) @ basis.T
    found = Preconditioner(tensor(basis.T[:3]), tensor(curvatures[:3]), 2.0).power(exponent, torch.eye(5, dtype=torch.float64))
    np.testing.assert_allclose(found, dense, rtol=1e-10, atol=1e-10)


def test_the_refined_preconditioner_has_the_curvature_of_a_normal_density():
    """Gradients nβ H delta of draws delta ~ N(0, (nβ H + γ)⁻¹) give nβ H + γ back, flat directions included."""
    curvatures, gamma = np.array([400.0, 30.0, 3.0, 0.0, 0.0]), 2.0
    basis = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0]
    delta = np.random.default_rng(0).standard_normal((40_000, 5)) / np.sqrt(curvatures + gamma)
    refined = identity(5, gamma).refined([tensor((curvatures * delta) @ basis.T)])
    expected = (basis * (curvatures + gamma)) @ basis.T
    np.testing.assert_allclose(refined.power(-1.0, torch.eye(5, dtype=torch.float64)), expected, atol=0.03 * 400)
    np.testing.assert_allclose(refined.curvatures, curvatures + gamma, rtol=0.03)


@pytest.mark.parametrize("seed", [0, 1])
def test_moments_of_a_normal_density(seed):
    """The mean squared distance is the trace of the covariance (nβ A + γ)⁻¹."""
    matrix = with_spectrum([50.0, 8.0, 1.0, 0.0, 0.0])
    density = Localised(quadratic(matrix), tensor(np.arange(5) * 0.0), 4.0, 3.0)
    chains = sample(density, identity(5, 3.0), 40, 120, 250, seed)
    expected = float(torch.linalg.inv(4.0 * matrix + 3.0 * torch.eye(5, dtype=torch.float64)).trace())
    assert float(chains.distances.square().mean()) == pytest.approx(expected, rel=0.05)
    assert float(chains.losses.mean()) == pytest.approx(0.5 * sum(x / (4 * x + 3) for x in (50, 8, 1)), rel=0.07)
    assert 0.4 < float(chains.acceptance.mean()) < 0.75


def test_the_centre_need_not_be_a_minimum():
    """With L = theta, the density is normal about centre - nβ/γ: E[L] = centre - nβ/γ."""
    density = Localised(lambda theta: (theta.sum(-1), torch.ones_like(theta)), tensor(np.array([5.0])), 6.0, 2.0)
    chains = sample(density, identity(1, 2.0), 40, 120, 250, 0)
    assert float(chains.losses.mean()) == pytest.approx(2.0, abs=0.05)
    assert float((chains.losses - 2.0).square().mean()) == pytest.approx(0.5, rel=0.1)


def test_points_without_a_loss_are_rejected():
    """½ x² on x ≥ 0: E[L] is still ½, though a third of the proposals are outside, and no chain ever leaves."""
    chains = sample(Localised(half_line, tensor(np.array([0.5])), 1.0, 1e-12), identity(1, 1.0), 60, 120, 350, 0)
    assert bool(chains.losses.isfinite().all())
    # The localisation is about 0.5 with next to no strength.
    assert float(chains.losses.mean()) == pytest.approx(0.5, rel=0.06)


def test_a_chain_that_cannot_start_is_nan():
    chains = sample(Localised(half_line, tensor(np.array([-1.0])), 1.0, 1.0), identity(1, 1.0), 3, 10, 20, 0)
    assert chains.losses.shape == (3, 20)
    assert bool(chains.losses.isnan().all() and chains.distances.isnan().all() and chains.acceptance.isnan().all())
    assert math.isnan(chains.step)


def test_equal_seeds_give_equal_chains_and_others_do_not():
    density = Localised(quadratic(with_spectrum([3.0, 1.0])), tensor(np.zeros(2)), 1.0, 1.0)
    a, b, c = (sample(density, identity(2, 1.0), 2, 20, 20, seed).losses for seed in ([1, 2], [1, 2], [1, 3]))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert not torch.equal(a[0], a[1])
