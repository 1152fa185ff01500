"""Searches for critical points against functions whose critical points are all known, and the file."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import initial, small, with_spectrum
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import changed, of

from pinnscape.landscape.critical_points import KINDS, _moves, counts, descend, indices, kind, newton, search
from pinnscape.landscape.critical_points_file import dataset, levels, random_starts
from pinnscape.linalg import eigen
from pinnscape.losses.group import TorchGroup
from pinnscape.losses.objective import tensor
from pinnscape.techniques import catalog
from pinnscape.training.runs import Runs

HOW = of("critical_points", steps=200, history_size=10, hessians=10, dense_limit=100)
SETTINGS = of("critical_points", snapshots=3, random=1, goal=0.01, steps=15, history_size=10, hessians=1, dense_limit=100)


class Toy:
    """A loss given by a function of theta (..., P)."""

    name = "toy"

    def __init__(self, function, size):
        self.function, self.size = function, size

    def loss_and_gradient(self, theta):
        theta = theta.detach().requires_grad_()
        loss = self.function(theta)
        return loss.detach(), torch.autograd.grad(loss.sum(), theta)[0]

    def gradient(self, theta):
        return self.loss_and_gradient(theta)[1]

    def hessian_product(self, theta, vectors):
        return vectors @ torch.func.hessian(self.function)(theta)


class Wells:
    """unit · Σ (t² - 1)² of three variables: 27 critical points in {-1, 0, 1}³, the index is the number of zeros."""

    name, size = "wells", 3

    def __init__(self, unit=1.0):
        self.unit = unit

    def loss_and_gradient(self, theta):
        return self.unit * (theta.square() - 1).square().sum(-1), self.gradient(theta)

    def gradient(self, theta):
        return self.unit * 4 * theta * (theta.square() - 1)

    def hessian_product(self, theta, vectors):
        return self.unit * (12 * theta.square() - 4) * vectors


WELLS = Wells()
FLAT = Toy(
    lambda t: t[..., 0].pow(3) / 3 + t[..., 0] + t[..., 1].square(), 2
)  # no critical point: ∂₀L = 1 + θ₀² ≥ 1, least at 0


@settings(max_examples=40)
@given(st.lists(st.floats(-1.6, 1.6), min_size=3, max_size=3))
def test_every_found_point_is_a_known_one_with_its_index(theta):
    """Where ∂²L = 12 t² - 4 vanishes, t = ±1/√3, ½‖g‖² has maxima: searches may end nowhere there, but not at a wrong point."""
    found = search(WELLS, tensor(np.array(theta)), HOW, 1e-9)
    if KINDS[kind(found, 1e-9, 1e-3)] != "critical":
        assert min(abs(abs(t) - 1 / math.sqrt(3)) for t in found.theta.tolist()) < 1e-3
        return
    known = found.theta.round()
    np.testing.assert_allclose(found.theta, known, atol=1e-8)
    zeros = int((known == 0).sum())
    assert found.loss == pytest.approx(zeros, abs=1e-8)
    assert counts(found.eigenvalues, 3, 1e-6) == (zeros, 0)
    np.testing.assert_allclose(found.eigenvalues, [8.0] * (3 - zeros) + [-4.0] * zeros, atol=1e-6)


def test_all_known_points_are_found():
    generator = np.random.default_rng(0)
    points = [search(WELLS, tensor(theta), HOW, 1e-9) for theta in generator.uniform(-1.5, 1.5, (150, 3))]
    assert len({tuple(p.theta.round().int().tolist()) for p in points if p.gradient_norm <= 1e-9}) == 27


@pytest.mark.parametrize("how", [HOW, changed(HOW, hessians=0)])
def test_a_gradient_flat_point_is_not_taken_for_a_critical_one(how):
    found = search(FLAT, tensor(np.array([0.3, 0.5])), how, 1e-8)
    assert found.gradient_norm == pytest.approx(1.0)
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-3)
    assert found.slope < 1e-2
    assert KINDS[kind(found, 1e-8, 1e-2)] == "gradient-flat"


def test_slow_is_not_gradient_flat():
    """On the way to the minimum of an ill-conditioned bowl H g is minute beside |H| |g|, yet ‖g‖ falls to zero along it."""
    values = np.array([1.0, 1e-8])
    bowl = Toy(lambda t: 0.5 * (tensor(values) * t.square()).sum(-1), 2)
    found = search(bowl, tensor(np.array([0.0, 1.0])), changed(HOW, steps=0, hessians=0), 1e-12)
    assert found.rate / found.curvature == pytest.approx(1e-8)
    assert found.slope == pytest.approx(1.0)
    assert KINDS[kind(found, 1e-12, 0.1)] == "none"


def test_indefinite_quadratics_take_one_newton_step():
    """Of condition 1e6: the saddle at zero, which descent of the loss would leave, with the inertia of the matrix."""
    values = np.array([1e3, 1.0, -1e-3, -2.0])
    matrix = with_spectrum(values)
    saddle = Toy(lambda t: 0.5 * ((t @ matrix) * t).sum(-1), 4)
    theta, taken, found = newton(saddle, tensor(np.ones(4)), 5, 1e-9, HOW.eigensolver)
    assert taken == 1
    np.testing.assert_allclose(theta, 0.0, atol=1e-8)
    np.testing.assert_allclose(found, np.sort(values)[::-1], rtol=1e-6)


def test_descent_never_raises_the_gradient_and_stops_at_the_goal():
    theta = tensor(np.array([0.7, 1.3, -0.2]))
    norms = [float(WELLS.gradient(descend(WELLS, theta, n, 10, 1e-6)[0]).norm()) for n in range(8)]
    assert all(b <= a for a, b in pairwise(norms))
    last, steps = descend(WELLS, theta, 1000, 10, 1e-6)
    assert float(WELLS.gradient(last).norm()) <= 1e-6
    assert steps < 50


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_units_of_the_loss_do_not_matter(unit):
    """A line search with absolute tolerances would stop at once where ½‖g‖² is of order 1e-24."""
    theta = tensor(np.array([0.8, 1.3, -0.2]))
    found, expected = search(Wells(unit), theta, HOW, 1e-9 * unit), search(WELLS, theta, HOW, 1e-9)
    assert found.steps == expected.steps > 3
    np.testing.assert_allclose(found.theta, expected.theta, atol=1e-8)
    np.testing.assert_allclose(found.slope, expected.slope, rtol=1e-2)


def test_a_region_without_a_loss_is_not_entered():
    """L = √t + 1/√t, NaN for t < 0, has its minimum at 1; the first steps from 0.05 overshoot."""
    root = Toy(lambda t: (t.sqrt() + 1 / t.sqrt()).sum(-1), 1)
    found = search(root, tensor(np.array([0.05])), HOW, 1e-9)
    assert found.theta.item() == pytest.approx(1.0)
    nowhere = search(root, tensor(np.array([-1.0])), HOW, 1e-9)
    assert math.isnan(nowhere.loss)
    assert math.isnan(nowhere.gradient_norm)
    assert math.isnan(nowhere.rate)
    assert len(nowhere.eigenvalues) == 0
    assert KINDS[kind(nowhere, 1e-9, math.inf)] == "no-loss"


@pytest.mark.parametrize("how", [HOW, changed(HOW, hessians=0), changed(HOW, steps=0)])
def test_a_masked_region_without_slope_is_not_entered(how):
    """Where a mask makes a loss NaN, its gradient is zero. Newton's step from 0 to the minimum at 1 leads there."""
    masked = Toy(lambda t: torch.where(t < 0.5, (t - 1).square(), torch.nan).sum(-1), 1)
    assert masked.gradient(tensor(np.ones(1))) == 0
    found = search(masked, tensor(np.zeros(1)), how, 1e-9)
    assert 0 < found.theta.item() < 0.5
    assert found.loss == pytest.approx((found.theta.item() - 1) ** 2)
    assert KINDS[kind(found, 1e-9, 1e-3)] == "none"


def test_steps_are_the_damped_and_the_truncated_solutions():
    """Each candidate s solves min |H s + g|² + μ² |s|², or is the Newton step within the larger eigenspaces."""
    matrix, gradient = with_spectrum([5.0, 1e-3, -1e-5, -2.0]), tensor(np.array([1.0, -2.0, 3.0, 0.5]))
    moves = _moves(*eigen.decompose(matrix), gradient)
    for damping in (1.0, 1e-2, 1e-4):
        rows = torch.cat([matrix, 5.0 * damping * torch.eye(4, dtype=torch.float64)])
        expected = torch.linalg.lstsq(rows, torch.cat([-gradient, torch.zeros(4)])[:, None]).solution[:, 0]
        assert float((moves - expected).norm(dim=-1).min()) < 1e-9 * float(expected.norm())
    for cut, fraction in ((1e-12, 1.0), (1e-4, 0.5), (1e-2, 0.05)):
        expected = -fraction * torch.linalg.pinv(matrix, rtol=cut, hermitian=True) @ gradient
        assert float((moves - expected).norm(dim=-1).min()) < 1e-9 * float(expected.norm())


def test_a_start_that_is_critical_stays():
    found = search(WELLS, tensor(np.zeros(3)), HOW, 1e-9)
    assert (found.steps, found.hessians, found.gradient_norm) == (0, 0, 0.0)
    assert math.isnan(found.rate)
    assert counts(found.eigenvalues, 3, 1e-6) == (3, 0)


def test_many_parameters_have_the_ends_of_their_spectrum_alone():
    found = search(WELLS, tensor(np.array([0.8, 1.3, -0.2])), changed(HOW, dense_limit=2), 1e-9)
    np.testing.assert_allclose(found.eigenvalues, [8.0, -4.0], atol=1e-5)
    assert all(math.isnan(number) for number in counts(found.eigenvalues, 3, 1e-6))
    assert indices(found, 3, 1e-6) == (2, 0, 2)  # 8, -4, -4: of three parameters, a Lanczos process sees everything


def test_zero_eigenvalues_are_neither_sign():
    assert counts(tensor(np.array([2.0, 1e-9, -1e-9, -1.0, -3e-6])), 5, 1e-6) == (2, 2)
    assert counts(tensor(np.zeros(4)), 4, 1e-6) == (0, 4)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form", "supervised"])
def test_the_best_multiple_of_the_distance_function_is_a_saddle(formulation):
    """A network that is constant, u = c D: with zero weights and the best bias the gradient vanishes, whatever the loss, as the constant is the only
    function that the network can add to first order. Its gap is a quadrature away, and a search from near there returns to that loss.
    """
    discretized = small(width=2)
    objective = discretized.objective(formulation)
    constants = torch.zeros(3, objective.size, dtype=torch.float64)
    constants[:, -1] = tensor(np.array([-1.0, 0.0, 1.0]))
    low, middle, high = objective.loss(constants).tolist()  # of a quadratic of the bias
    best = 0.5 * (low - high) / (low + high - 2 * middle)
    lowest = middle - (high - low) ** 2 / 8 / (low + high - 2 * middle)
    point = constants[0].clone()
    point[-1] = best
    unit = float(objective.gradient(initial(discretized)).norm())
    assert float(objective.gradient(point).norm()) < 1e-12 * unit
    found = search(objective, point + 0.02 * tensor(np.random.default_rng(0).standard_normal(objective.size)), HOW, 1e-6 * unit)
    assert found.gradient_norm <= 1e-6 * unit
    assert found.loss - objective.minimum == pytest.approx(lowest - objective.minimum, rel=1e-4)


def test_levels_count_equal_losses_once():
    gaps = np.array([1.0, np.nan, 2.0, 1.0005, 1e-9, 2e-9, -1e-9])
    assert levels(gaps, 1e-3).tolist() == [3, -1, 4, 3, 1, 2, 0]
    assert levels(np.array([0.0, 0.0]), 0.0).tolist() == [0, 0]


def test_random_starts_are_drawn_as_initial_points_are():
    run = tiny("poisson1d", 1).all[0]
    theta = run.snapshots[0]
    drawn = random_starts(theta, run.layout, 4000, [1.0, 2.0], [0, 15, 0])
    assert drawn.shape == (8000, len(theta))
    np.testing.assert_array_equal(drawn[4000:], 2 * drawn[:4000])
    for layer in run.layout.layers:
        root_mean_square = np.sqrt(np.mean(theta[layer.weights] ** 2))
        np.testing.assert_allclose(drawn[:4000, layer.weights].std(0), root_mean_square, rtol=0.06)
        np.testing.assert_array_equal(drawn[:4000, layer.biases], np.tile(theta[layer.biases], (4000, 1)))
    assert random_starts(theta, run.layout, 2, [], [0]).shape == (0, len(theta))


@pytest.fixture(scope="module")
def measured():
    return dataset(tiny("poisson1d", 1), SETTINGS)


def test_the_file(measured):
    runs = tiny("poisson1d", 1)
    assert measured["gap"].dims == ("trained_on", "seed", "start")
    assert measured["eigenvalue"].dims == ("trained_on", "seed", "start", "eigen")
    assert measured["origin"].dims == ("start",)
    assert measured["origin"].values.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(measured["scale"], [np.nan] * 3 + [1.0, 2.0])
    assert all({"long_name", "units"} <= set(v.attrs) for v in measured.data_vars.values())
    assert measured["kind"].attrs["flag_meanings"].split() == list(KINDS)
    for run in runs.all:
        own, objective = measured.sel(trained_on=run.trained_on, seed=run.seed), runs.objective(run.trained_on)
        first, unit = runs.tensor(run.snapshots[0]), float(objective.gradient(runs.tensor(run.snapshots[0])).norm())
        assert own["start_step"].values[[0, 2]].tolist() == [0, run.steps[-1]]
        assert float(own["start_gap"][0]) == pytest.approx(float(objective.loss(first)) - objective.minimum)
        assert float(own["start_gradient"][0]) == pytest.approx(unit)
        np.testing.assert_allclose(own["relative_gradient"] * unit, own["gradient_norm"])
        assert (own["gradient_norm"] < own["start_gradient"]).all()
        assert ((own["kind"] == KINDS.index("critical")) == (own["relative_gradient"] <= 0.01)).all()
        assert ((own["level"] >= 0) == (own["kind"] == KINDS.index("critical"))).all()
        bound = 1e-6 * np.abs(own["eigenvalue"]).max("eigen")
        np.testing.assert_array_equal(own["index"], (own["eigenvalue"] < -bound).sum("eigen"))
        np.testing.assert_array_equal(own["zero"], (abs(own["eigenvalue"]) <= bound).sum("eigen"))
        np.testing.assert_allclose(own["index_fraction"], own["index"] / runs.discretization.network.size)
    assert 0 < (measured["level"] >= 0).sum() < measured["level"].size  # both kinds of ends are there


def test_gaps_within_the_quadrature_error_are_one_level(measured, monkeypatch):
    assert (measured["quadrature_error"].sel(trained_on=["strong-form", "supervised"]) == 0).all()
    assert (measured["quadrature_error"].sel(trained_on="deep-ritz") > 0).all()
    runs = Runs(
        tiny("poisson1d", 1).discretization, tuple(run for run in tiny("poisson1d", 1).all if run.trained_on == "deep-ritz")
    )
    quick = changed(SETTINGS, goal=1e9, steps=1)  # every start is critical
    assert dataset(runs, quick)["level"].values.max() > 0
    monkeypatch.setattr(Runs, "gap_errors", lambda self, formulation, thetas: np.full(len(thetas), 1e9))
    assert (dataset(runs, quick)["level"] == 0).all()


def test_missing_snapshots_large_networks_and_no_random_starts():
    """More snapshots asked for than there are, and more parameters than the limit."""
    runs = Runs(tiny("poisson1d", 1).discretization, tiny("poisson1d", 1).all[-1:])
    count = len(runs.all[0].steps)
    found = dataset(runs, changed(SETTINGS, snapshots=count + 1, scales=[], steps=2, dense_limit=1))
    assert found.sizes["start"] == count + 1
    assert found["kind"].values[0, 0, -1] == KINDS.index("no-loss")
    assert np.isfinite(found["gap"].values[0, 0, :-1]).all()
    assert math.isnan(found["gap"].values[0, 0, -1])
    assert found.sizes["eigen"] == 2
    assert found["index"].isnull().all()
    np.testing.assert_array_equal(found["eigenvalue"].isel(eigen=0), found["largest"])


def test_starts_without_a_loss_are_nan(monkeypatch):
    runs = tiny("poisson1d", 1)
    monkeypatch.setattr(TorchGroup, "on", lambda self, name, theta, rows: theta.sum(-1) * math.nan)
    found = dataset(runs, SETTINGS)
    assert (found["kind"] == KINDS.index("no-loss")).all()
    for name in ("gap", "gradient_norm", "index", "eigenvalue", "slope", "start_gap"):
        assert found[name].isnull().all()
    rows = {row[3]: row[4] for row in catalog.module("critical_points").metrics(found)}
    assert math.isnan(rows["critical_share"])
    assert math.isnan(rows["critical_index_fraction"])
    assert rows["critical_minima"] == 0


def test_metrics(measured):
    one = measured.sel(trained_on=["supervised"]).copy(deep=True)
    one["kind"][0, 0] = [3, 3, 3, 1, 2]
    one["level"][0, 0] = [0, 1, 2, -1, -1]
    one["index_fraction"][0, 0] = [0.0, 0.1, 0.3, 0.9, 0.9]
    rows = {row[:4]: row[4] for row in catalog.module("critical_points").metrics(one)}
    expected = {"critical_share": 0.6, "gradient_flat_share": 0.2, "critical_index_spearman": 1.0, "critical_index_fraction": 0.1,
                "critical_losses": 3, "critical_minima": 1}  # fmt: skip
    assert rows == {("supervised", 0, "all", name): pytest.approx(value) for name, value in expected.items()}
    one["kind"][0, 0, :1] = 0
    rows = {row[3]: row[4] for row in catalog.module("critical_points").metrics(one)}
    assert math.isnan(rows["critical_index_spearman"])
    assert rows["critical_share"] == 0.5
    assert rows["critical_minima"] == 0
