"""Straight lines: positions, losses along them and the monotone violation, against closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.connectivity import interpolation
from pinnscape.files import store
from pinnscape.techniques import catalog

SETTINGS = 5, 0.5  # points, extension


@given(st.integers(2, 400), st.floats(0.0, 2.0))
def test_both_ends_are_positions_exactly_and_the_extension_is_covered(points, extension):
    alpha = interpolation.grid(points, extension)
    assert ((alpha >= 0) & (alpha <= 1)).sum() == points
    assert 0.0 in alpha
    assert 1.0 in alpha
    step = 1 / (points - 1)
    assert -extension - step < alpha[0] <= -extension + 1e-9
    assert 1 + extension - 1e-9 <= alpha[-1] < 1 + extension + step
    np.testing.assert_allclose(np.diff(alpha), step)


def test_an_extension_that_fits_is_not_widened():
    np.testing.assert_allclose(interpolation.grid(41, 0.5), np.linspace(-0.5, 1.5, 81), atol=1e-15)


@pytest.mark.parametrize(
    ("points", "extension", "said"),
    [(1, 0.5, "`points` must be at least 2"), (3, -0.1, "`extension` must be at least 0, not -0.1")],
)
def test_impossible_positions_are_refused(points, extension, said):
    with pytest.raises(ValueError, match=said):
        interpolation.grid(points, extension)


def test_the_line_meets_both_points_to_the_last_bit():
    a, b = torch.rand(2, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [1e-9]])
    points = interpolation.line(a, b, np.array([-0.5, 0.0, 0.25, 1.0]))
    assert torch.equal(points[1], a)
    assert torch.equal(points[3], b)
    torch.testing.assert_close(points[0], a - 0.5 * (b - a))
    torch.testing.assert_close(points[2], a + 0.25 * (b - a))


def test_violation_of_a_double_well():
    # (x² - 1)² from x = -1 to 1: rises from 0 to 1 and falls again.
    alpha = interpolation.grid(101, 0.5)
    losses = ((2 * alpha - 1) ** 2 - 1) ** 2
    assert interpolation.monotone_violation(alpha, losses) == pytest.approx(1.0, abs=1e-14)
    assert np.isnan(interpolation.relative_violation(alpha, losses))  # nothing was gained


def test_violation_counts_neither_what_is_beyond_the_ends_nor_a_fall():
    alpha = np.array([-0.5, 0.0, 0.5, 1.0, 1.5])
    assert interpolation.monotone_violation(alpha, np.array([9.0, 4.0, 3.0, 1.0, 9.0])) == 0.0
    assert interpolation.monotone_violation(alpha, np.array([0.0, 4.0, 3.0, 1.0, 9.0])) == 0.0


def test_violation_is_the_largest_rise_after_the_lowest_point_so_far_and_of_negative_losses_too():
    alpha = np.linspace(0, 1, 6)
    losses = np.array([-1.0, -4.0, -2.0, -5.0, -4.5, -6.0])
    assert interpolation.monotone_violation(alpha, losses) == 2.0
    assert interpolation.relative_violation(alpha, losses) == pytest.approx(2.0 / 5.0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_violation_is_that_of_all_pairs_of_positions(values):
    losses = np.array(values)
    every = [losses[j] - losses[i] for j in range(len(losses)) for i in range(j + 1)]
    assert interpolation.monotone_violation(np.arange(len(losses)) / (len(losses) - 1), losses) == max(every)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.floats(-1e3, 1e3))
def test_violation_does_not_depend_on_an_offset_of_the_loss(values, offset):
    alpha, losses = np.arange(len(values)) / (len(values) - 1), np.array(values)
    shifted = interpolation.monotone_violation(alpha, losses + offset)
    np.testing.assert_allclose(shifted, interpolation.monotone_violation(alpha, losses), atol=1e-9)


def test_a_loss_that_does_not_exist_on_the_way_has_no_violation():
    alpha, losses = np.linspace(-0.5, 1.5, 5), np.array([[np.nan, 2.0, 1.0, 0.0, np.nan], [0.0, 2.0, np.nan, 0.0, 0.0]])
    np.testing.assert_array_equal(interpolation.monotone_violation(alpha, losses), [0.0, np.nan])


@pytest.mark.parametrize("problem", ["poisson1d", "neo_hookean2d"])
def test_the_file_holds_the_losses_at_both_ends_of_every_line(problem):
    runs = tiny(problem)
    data = interpolation.dataset(runs, *SETTINGS)
    assert data["value"].dims == ("trained_on", "seed", "loss", "alpha")
    assert data["pair_value"].dims == ("trained_on", "pair", "loss", "alpha")
    assert (data["first_seed"].item(), data["second_seed"].item()) == (0, 1)
    for run in runs.all:
        own = data.sel(trained_on=run.trained_on, seed=run.seed)
        between = data.sel(trained_on=run.trained_on).isel(pair=0)
        for name in FORMULATIONS:
            loss = runs.objective(name).loss
            initial, final = (float(loss(runs.tensor(run.theta(point)))) for point in ("init", "final"))
            assert own["value"].sel(loss=name, alpha=0.0) == pytest.approx(initial, rel=1e-10)
            assert own["value"].sel(loss=name, alpha=1.0) == pytest.approx(final, rel=1e-10)
            assert between["pair_value"].sel(loss=name, alpha=float(run.seed)) == pytest.approx(final, rel=1e-10)
        error = runs.discretization.measure(runs.tensor(run.theta()))["h1_error"]
        assert own["h1_error"].sel(alpha=1.0) == pytest.approx(float(error), rel=1e-10)
        assert between["pair_h1_error"].sel(alpha=float(run.seed)) == pytest.approx(float(error), rel=1e-10)
    for name in FORMULATIONS:  # each line is measured with the formula
        violation = interpolation.monotone_violation(data["alpha"].values, data["value"].sel(loss=name).values)
        np.testing.assert_array_equal(data["violation"].sel(loss=name).values, violation)


def test_one_seed_and_one_formulation_give_a_file_without_pairs(tmp_path):
    data = interpolation.dataset(tiny("poisson1d", 1, ("strong-form",)), *SETTINGS)
    assert dict(data.sizes) == {"trained_on": 1, "seed": 1, "loss": 3, "alpha": 9, "pair": 0}
    about = {"case": "poisson1d", "trained_on": "strong-form", "seed": 0, "configuration": {}}
    store.write(tmp_path / "interpolation.nc", data, stage="interpolation", title="t", **about)
    assert store.read(tmp_path / "interpolation.nc", "interpolation")["pair_value"].shape == (1, 0, 3, 9)


def test_metrics_are_the_violations_of_each_loss():
    data = interpolation.dataset(tiny("poisson1d"), *SETTINGS)
    data["violation"].loc[{"trained_on": "deep-ritz", "seed": 1, "loss": "strong-form"}] = 7.0
    rows = {row[:4]: row[4] for row in catalog.module("interpolation").metrics(data)}
    assert len(rows) == 3 * 2 * 3 * 2
    assert rows["deep-ritz", 1, "final", "monotone_violation[strong-form]"] == 7.0
    relative = data["relative_violation"].sel(trained_on="supervised", seed=0, loss="deep-ritz")
    found = rows["supervised", 0, "final", "monotone_violation_relative[deep-ritz]"]
    np.testing.assert_array_equal(found, float(relative))
