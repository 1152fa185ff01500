"""Local learning coefficients against closed forms, regular and singular, and the file."""

import math

import numpy as np
import pytest
import torch
from cases import with_spectrum
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from scipy.signal import lfilter
from settings_cases import changed, of

from pinnscape.curvature import dense, learning_coefficient
from pinnscape.curvature.langevin import Chains
from pinnscape.curvature.learning_coefficient import batch_error, estimate, local_learning_coefficient, quadratic, split_r_hat
from pinnscape.linalg import eigen
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.objective import tensor
from pinnscape.techniques import catalog

CHAINS = {"chains": 16, "burn_in": 160, "steps": 400}
SETTINGS = of(
    "learning_coefficient", inverse_temperatures=(100.0, 10.0), localization=50.0, chains=2, burn_in=20, steps=40, thinning=5,
    dense_limit=2500, eigenpairs=5,
)  # fmt: skip
NO_PAIRS = lambda size: (torch.zeros(0, dtype=torch.float64), torch.zeros(0, size, dtype=torch.float64))


class Toy:
    """A loss given by a function of theta (..., P)."""

    def __init__(self, function):
        self.function = function

    def loss_and_gradient(self, theta):
        theta = theta.detach().requires_grad_()
        loss = self.function(theta)
        return loss.detach(), torch.autograd.grad(loss.sum(), theta)[0]


def measure(function, size, inverse_temperature, gamma, pairs=None, seed=0):
    how = of("learning_coefficient", localization=gamma, **CHAINS)
    pairs = NO_PAIRS(size) if pairs is None else pairs
    return local_learning_coefficient(Toy(function), tensor(np.zeros(size)), pairs, inverse_temperature, how, seed)


def agrees(found, expected):
    """Within four of its errors, and the errors small enough to tell."""
    return abs(found.learning_coefficient - expected) < 4 * found.standard_error < 0.25 * expected


@pytest.mark.parametrize("preconditioned", [True, False])
def test_half_the_number_of_parameters_for_a_regular_minimum(preconditioned):
    """With γ → 0, whatever the eigenvalues are, and from the curvature as from nothing."""
    matrix = with_spectrum(np.geomspace(0.1, 10, 20))
    pairs = eigen.decompose(matrix) if preconditioned else None
    found = measure(lambda t: 0.5 * ((t @ matrix) * t).sum(-1), 20, 1e3, 1e-6 if preconditioned else 0.1, pairs)
    assert agrees(found, 10.0)
    assert found.left == 0
    assert found.r_hat < 1.1


def test_the_closed_form_with_localisation_and_flat_directions():
    values = np.array([10.0, 1.0, 0.1, 0.01, 0.0, 0.0])
    matrix = with_spectrum(values)
    found = measure(lambda t: 0.5 * ((t @ matrix) * t).sum(-1), 6, 100.0, 5.0, eigen.decompose(matrix))
    expected = 0.5 * np.sum(100 * values / (100 * values + 5))
    assert quadratic(tensor(values), 100.0, 5.0) == pytest.approx(expected)
    assert agrees(found, expected)


@pytest.mark.parametrize("size", [1, 6])
def test_a_quarter_for_each_fourth_power(size):
    """L = Σ w⁴ has λ = P/4 at every temperature. Untruncated drifts miss the tails of this one: they find 0.2 for P = 1."""
    assert agrees(measure(lambda t: t.pow(4).sum(-1), size, 1e4, 1e-2), 0.25 * size)


def test_a_crossing_of_two_valleys():
    """L = (a b)²: one dimension of the integral by hand, the other by quadrature. λ = ½ is reached as 1/log(nβ) only."""
    inverse, gamma = 100.0, 1.0
    a = np.linspace(-8, 8, 4001)
    weight = np.exp(-0.5 * gamma * a**2) / np.sqrt(gamma + 2 * inverse * a**2)
    expected = np.average(inverse * a**2 / (gamma + 2 * inverse * a**2), weights=weight)
    assert expected == pytest.approx(0.354, abs=1e-3)
    assert agrees(measure(lambda t: (t[..., 0] * t[..., 1]).square(), 2, inverse, gamma, seed=1), expected)


@settings(max_examples=8)
@given(st.floats(1e-3, 1e3))
def test_units_of_the_loss_do_not_matter(factor):
    """nβ per unit of the loss: a loss times c at a temperature times c gives the same chains."""
    how = of("learning_coefficient", localization=1.0, chains=2, burn_in=12, steps=20)
    zero = tensor(np.zeros(2))
    a, b = (
        local_learning_coefficient(Toy(lambda t, c=c: c * t.pow(4).sum(-1)), zero, NO_PAIRS(2), 50.0 / c, how, 0)
        for c in (1.0, factor)
    )
    np.testing.assert_allclose(a.trace, b.trace, rtol=1e-6)


def test_a_chain_that_leaves_is_flagged():
    """At a saddle the loss falls away: E[L] < L(theta*), and the estimate is negative, not hidden."""
    found = measure(lambda t: t[..., 1] ** 2 - t[..., 0] ** 2 + 0.05 * t[..., 0] ** 4, 2, 20.0, 1.0)
    assert found.left == 1
    assert found.learning_coefficient < 0
    assert found.lowest < -50


def test_errors_cover_the_truth_of_correlated_chains():
    """Autoregressive chains of known mean: the error of the mean is right within 20 %, and not that of independent draws."""
    rng, rho, n = np.random.default_rng(0), 0.9, 1000
    means, errors = [], []
    for _ in range(200):
        chain = lfilter([1.0], [1.0, -rho], rng.standard_normal((4, n + 200)))
        means.append(chain[:, 200:].mean())
        errors.append(batch_error(chain[:, 200:]))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.2)


def test_r_hat():
    rng = np.random.default_rng(0)
    same = rng.standard_normal((4, 2000))
    assert split_r_hat(same) == pytest.approx(1.0, abs=0.01)
    assert split_r_hat(same + np.arange(4)[:, None]) > 1.3  # chains that disagree
    assert split_r_hat(same + np.linspace(0, 4, 2000)) > 1.3  # chains that drift together
    assert math.isnan(split_r_hat(np.full((4, 10), np.nan)))


def test_diagnostics_of_given_chains():
    """Loss 3 at the point, nβ = 2; one chain at 4 then 6, the other at 3.5 throughout."""
    losses = tensor(np.array([[4.0] * 10 + [6.0] * 10, [3.5] * 20]))
    chains = Chains(losses, 3.0 * torch.ones(2, 20, dtype=torch.float64), tensor(np.array([0.5, 0.7])), 0.1)
    found = estimate(chains, 3.0, 2.0)
    assert found.chains.tolist() == [4.0, 1.0]
    assert (found.learning_coefficient, found.drift, found.lowest, found.distance) == (2.5, 2.0, 1.0, 3.0)
    assert found.left == 0
    assert estimate(chains, 5.5, 2.0).left == 1


@pytest.fixture(scope="module")
def measured():
    return learning_coefficient.dataset(tiny(seeds=1), SETTINGS)


def test_the_file(measured):
    assert measured["learning_coefficient"].dims == ("trained_on", "seed", "inverse_temperature")
    assert measured["trace"].dims == ("trained_on", "seed", "inverse_temperature", "chain", "sample")
    assert measured["inverse_temperature"].values.tolist() == [100.0, 10.0]
    assert measured["sample"].values.tolist() == list(range(0, 40, 5))
    assert all({"long_name", "units"} <= set(v.attrs) for v in measured.data_vars.values())
    assert measured.attrs["localization"] == 50.0
    np.testing.assert_allclose(measured["chain_estimate"].mean("chain"), measured["learning_coefficient"])


def test_temperatures_are_per_gap_of_the_zero_network(measured):
    """For Poisson's equation, of the energy norm, the load and the solution: ½·π²/2, π⁴ and ¼."""
    runs = tiny(seeds=1)
    assert measured["scale"].values[:, 0] == pytest.approx([math.pi**2 / 4, math.pi**4, 0.25], rel=1e-6)
    objective, theta = runs.objective("strong-form"), runs.tensor(runs.run("strong-form", 0).theta())
    values = torch.linalg.eigvalsh(dense.hessian(objective, theta)).clamp(min=0) * 100.0 / math.pi**4
    own = measured.sel(trained_on="strong-form", seed=0, inverse_temperature=100.0)
    assert float(own["quadratic"]) == pytest.approx(float((0.5 * values / (values + 50.0)).sum()), rel=1e-5)
    assert float(own["relative_gap"]) == pytest.approx(float(objective.loss(theta)) / math.pi**4, rel=1e-5)


def test_many_parameters_take_the_leading_eigenpairs(measured):
    few = learning_coefficient.dataset(tiny(seeds=1, formulations=("supervised",)), changed(SETTINGS, dense_limit=1))
    own = {"trained_on": "supervised", "seed": 0}
    assert few["quadratic"].isnull().all()
    assert 0 < float(few["quadratic_at_least"].sel(own)[0]) <= float(measured["quadratic"].sel(own)[0])
    assert np.isfinite(few["learning_coefficient"]).all()


def test_a_point_without_a_loss_gives_nan(monkeypatch):
    runs = tiny("poisson1d", 1, ("supervised",))
    monkeypatch.setattr(TorchGroup, "on", lambda self, name, theta, rows: theta.sum(-1) * math.nan)
    found = learning_coefficient.dataset(runs, SETTINGS)
    for name in ("learning_coefficient", "standard_error", "quadratic", "trace", "left", "acceptance"):
        assert found[name].isnull().all()


def test_metrics(measured):
    one = measured.copy(deep=True)
    one["left"][0, 0, 0] = 1.0
    rows = {row[:4]: row[4] for row in catalog.module("learning_coefficient").metrics(one)}
    assert len(rows) == 3 * 2 * 4
    assert math.isnan(rows["deep-ritz", 0, "final", "learning_coefficient[100]"])
    assert rows["strong-form", 0, "final", "learning_coefficient[10]"] == float(one["learning_coefficient"][1, 0, 1])
    assert rows["supervised", 0, "final", "quadratic_coefficient[100]"] == float(one["quadratic"][2, 0, 0])
