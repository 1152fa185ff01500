"""Intrinsic dimension: the toy of Li et al. (2018), nested subspaces, the threshold, and the file."""

import math

import numpy as np
import pytest
import torch
import xarray as xr
from cases import Quadratic, initial, small, with_spectrum
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import changed, of

from pinnscape.losses.objective import tensor
from pinnscape.techniques import catalog
from pinnscape.training import intrinsic_dimension
from pinnscape.training.intrinsic_dimension import basis, dataset, least, train

LBFGS = of("intrinsic_dimension", steps=200, gradient_tolerance=1e-10)
SETTINGS = changed(LBFGS, dimensions=(1, 3, 8, 4000), bases=2, levels=(1.5, 1e-9), steps=20)


class GroupedSum:
    """1,000 parameters in 10 groups of 100, whose sums must be 1, ..., 10: the toy of Li et al. (2018, sec. 2), of intrinsic dimension 10."""

    minimum, size, target = 0.0, 1000, torch.arange(1.0, 11.0, dtype=torch.float64)

    def loss_and_gradient(self, theta):
        misfit = theta.reshape(10, 100).sum(1) - self.target
        return misfit.square().sum(), 2 * misfit.repeat_interleave(100)


class Square(Quadratic):
    minimum = 0.0

    def loss_and_gradient(self, theta):
        return 0.5 * theta @ self.matrix @ theta, self.matrix @ theta


class Nowhere:
    minimum, size = 0.0, 4

    def loss_and_gradient(self, theta):
        return theta.sum() * math.nan, theta * math.nan


@pytest.fixture(scope="module")
def toy():
    dimensions, seeds = range(1, 16), range(3)
    objective, origin = GroupedSum(), torch.zeros(1000, dtype=torch.float64)
    losses = np.array([
        [train(objective, origin, tensor(basis(1000, d, [0, k])), LBFGS)[0].loss for k in seeds] for d in dimensions
    ])  # fmt: skip
    return np.array(dimensions), losses


def test_ten_conditions_have_the_intrinsic_dimension_ten_exactly(toy):
    dimensions, losses = toy
    for k in range(3):
        assert least(dimensions, losses[:, [k]], 1e-10) == (10.0, 9.0)
    assert (losses[dimensions < 10] > 1e-3).all()
    assert (losses[dimensions >= 10] < 1e-12).all()


def test_in_every_subspace_the_toy_comes_down_to_least_squares(toy):
    """Independent of any optimiser: what remains of (1, ..., 10) outside the image of the d columns, summed over groups."""
    dimensions, losses = toy
    for i, d in enumerate(dimensions):
        columns = basis(1000, d, [0, 1]).reshape(d, 10, 100).sum(2).T
        rest = np.arange(1.0, 11.0) - columns @ np.linalg.lstsq(columns, np.arange(1.0, 11.0), rcond=None)[0]
        assert losses[i, 1] == pytest.approx(rest @ rest, rel=1e-6, abs=1e-12)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 5))
def test_directions_have_length_one_and_subspaces_are_nested(size, dimension, seed):
    rows = basis(size, dimension, [seed, 1])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(rows, basis(size, dimension + 3, [seed, 1])[:dimension])
    assert not np.allclose(np.abs(rows), np.abs(basis(size, dimension, [seed, 2]))) or size == 1


def test_directions_are_gaussian_before_they_are_normalised():
    """Uniform on the sphere: √P times an entry is nearly normal, with fourth moment 3 (1.8 for a cube, 1 for signs)."""
    entries = math.sqrt(2000) * basis(2000, 50, 0)
    assert np.mean(entries**4) == pytest.approx(3.0, abs=0.1)
    assert np.abs(np.mean(entries)) < 0.02


def test_the_subspace_goes_through_the_origin_and_not_through_zero():
    """½|theta|² restricted to theta_0 + z p is least at theta_0 minus its component along p."""
    origin, row = tensor(np.array([3.0, 4.0, 0.0])), tensor(np.array([[1.0, 0.0, 0.0]]))
    state, steps = train(Square(tensor(np.eye(3))), origin, row, LBFGS)
    assert state.loss == pytest.approx(8.0)
    assert float(state.theta[0]) == pytest.approx(-3.0)
    assert 0 < steps < 10


@given(st.integers(0, 20))
def test_a_larger_subspace_never_does_worse_on_a_quadratic(seed):
    matrix, origin = with_spectrum([1.0, 2.0, 5.0, 10.0, 10.0, 20.0], seed), tensor(np.linspace(-1, 2, 6))
    rows = tensor(basis(6, 6, seed))
    losses = [train(Square(matrix), origin, rows[:d], LBFGS)[0].loss for d in range(1, 7)]
    assert (np.diff(losses) <= 1e-9).all()
    assert losses[-1] == pytest.approx(0.0, abs=1e-9)


def test_steps_are_limited():
    matrix, origin = with_spectrum(np.geomspace(1, 1e4, 30)), tensor(np.ones(30))
    short, steps = train(Square(matrix), origin, tensor(np.eye(30)), changed(LBFGS, steps=3))
    longer, _ = train(Square(matrix), origin, tensor(np.eye(30)), changed(LBFGS, steps=30))
    assert steps == 3
    assert longer.loss < short.loss


def test_a_loss_that_does_not_exist_at_the_origin_stays_nan():
    state, steps = train(Nowhere(), torch.ones(4, dtype=torch.float64), tensor(basis(4, 2, 0)), LBFGS)
    assert math.isnan(state.loss)
    assert steps == 0


@pytest.mark.parametrize(
    ("errors", "level", "expected"),
    [
        ([[3, 3], [2, 2], [1, 1]], 2, (4, 2)),  # equality reaches
        ([[1, 1], [2, 2], [1, 1]], 1, (2, 0)),  # not monotone: the least counts
        ([[3, 3], [3, 0], [1, 1]], 1.4, (8, 4)),  # the median 1.5 of two bases, not the better one
        ([[3, 3], [1, np.nan], [2, 2]], 2, (8, 4)),  # a failure does not leave the median
        ([[np.nan, 1, 1], [1, 1, 1], [1, 1, 1]], 1, (2, 0)),
    ],
)
def test_the_intrinsic_dimension_is_the_least_that_reaches_the_level(errors, level, expected):
    assert least([2, 4, 8], np.array(errors, float), level) == expected


def test_a_level_that_no_dimension_reaches_gives_nan():
    value, failed = least([2, 4], np.ones((2, 3)), 0.5)
    assert math.isnan(value)
    assert failed == 4
    value, failed = least([], np.ones((0, 3)), 0.5)
    assert math.isnan(value)
    assert failed == 0


@pytest.fixture(scope="module")
def measured():
    return intrinsic_dimension.dataset(tiny(seeds=2), SETTINGS)


def test_the_file_has_every_run_and_the_dimensions_that_fit(measured):
    assert measured["l2_error"].dims == ("trained_on", "seed", "dimension", "basis")
    assert measured["dimension"].values.tolist() == [1, 3, 8]  # 4000 is above P
    assert measured["trained_on"].values.tolist() == list(tiny(seeds=2).formulations)
    assert all({"long_name", "units"} <= set(v.attrs) for v in measured.data_vars.values())
    assert measured.attrs["parameters"] == tiny(seeds=2).discretization.network.size
    assert (measured["steps"] <= 20).all()


def test_the_file_holds_what_a_training_in_the_subspace_gives(measured):
    runs = tiny(seeds=2)
    objective, origin = runs.objective("strong-form"), runs.tensor(runs.run("strong-form", 1).theta("init"))
    rows = tensor(basis(objective.size, 3, [1, intrinsic_dimension._STREAM, 1]))
    state, steps = train(objective, origin, rows, SETTINGS)
    own = measured.sel(trained_on="strong-form", seed=1, dimension=3, basis=1)
    assert float(own["loss"]) == state.loss < float(objective.loss(origin))
    assert float(own["steps"]) == steps
    assert float(own["l2_error"]) == float(runs.discretization.measure(origin + state.theta @ rows)["l2_error"])


def test_the_gap_of_an_energy_is_above_that_of_the_exact_solution(measured):
    own = measured.sel(trained_on="deep-ritz")
    minimum = tiny(seeds=2).discretization.energy_minimum
    np.testing.assert_allclose(own["gap"], own["loss"] - minimum, rtol=1e-12)
    assert (own["loss"] < 0).any()
    assert (own["full_gap"] > 0).all()
    for name in ("quadrature_error", "full_quadrature_error"):
        assert (own[name] > 0).all()
        assert (measured[name].sel(trained_on=["strong-form", "supervised"]) == 0).all()


def test_levels_of_the_file(measured):
    """1.5 is above the error of any sensible function, 1e-9 below that of any of this network."""
    assert (measured["intrinsic_dimension"].sel(level=1.5) == 1).all()
    assert measured["intrinsic_dimension"].sel(level=1e-9).isnull().all()
    assert (measured["failed_dimension"].sel(level=1e-9) == 8).all()


def test_one_seed_of_one_formulation_and_no_dimension_that_fits():
    found = intrinsic_dimension.dataset(tiny("poisson1d", 1, ("supervised",)), changed(SETTINGS, dimensions=[4000]))
    assert dict(found["l2_error"].sizes) == {"trained_on": 1, "seed": 1, "dimension": 0, "basis": 2}
    assert found["intrinsic_dimension"].isnull().all()
    assert np.isfinite(found["full_l2_error"]).all()


def test_metrics(measured):
    rows = {row[:4]: row[4] for row in catalog.module("intrinsic_dimension").metrics(measured)}
    assert len(rows) == 3 * 2 * 5
    assert rows["deep-ritz", 1, "init", "intrinsic_dimension[1.5]"] == 1.0
    assert math.isnan(rows["supervised", 0, "init", "intrinsic_dimension[1e-09]"])
    assert rows["deep-ritz", 1, "init", "intrinsic_share[1.5]"] == 1.0 / measured.attrs["parameters"]
    expected = float(measured["full_l2_error"].sel(trained_on="supervised", seed=1))
    assert rows["supervised", 1, "init", "full_l2_error"] == expected


def test_the_dataset_survives_a_file(measured, tmp_path):
    measured.to_netcdf(tmp_path / "x.nc")
    assert xr.load_dataset(tmp_path / "x.nc").identical(measured)


def test_training_all_parameters_is_training_in_the_whole_space_without_an_identity_matrix():
    objective = small("poisson1d").objective("deep-ritz")
    origin = initial(objective.discretization)
    identity = torch.eye(objective.size, dtype=torch.float64)
    (expected, steps), (state, taken) = (train(objective, origin, rows, SETTINGS) for rows in (identity, None))
    assert taken == steps > 0
    np.testing.assert_allclose(state.theta, expected.theta, rtol=1e-6, atol=1e-9)


def test_a_measurement_allocates_nothing_of_the_size_of_a_square_matrix(monkeypatch):
    runs = tiny("poisson1d", 1, ("deep-ritz",))
    monkeypatch.setattr(torch, "eye", None)
    assert np.isfinite(dataset(runs, changed(SETTINGS, steps=3))["full_loss"]).all()
