"""Barriers on straight lines, against closed forms and with copies of a network."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny

from pinnscape.connectivity import barriers, profiles
from pinnscape.files import store
from pinnscape.networks.matching import apply, random_matching
from pinnscape.techniques import catalog
from pinnscape.training.runs import Run, Runs

SETTINGS = 9, 2, 0  # points, starts, seed


def test_the_barrier_is_measured_from_the_chord():
    t = np.linspace(0, 1, 101)
    # x² (1 - x)² + chord: 1/16 above the chord in the middle, whatever the chord.
    losses = -3 + 2 * t + t**2 * (1 - t) ** 2
    assert profiles.barrier(t, losses) == pytest.approx(1 / 16, abs=1e-14)


def test_a_convex_loss_has_no_barrier_and_a_line_beyond_the_ends_does_not_count():
    t = np.linspace(-0.5, 1.5, 21)
    assert profiles.barrier(t, (t - 0.4) ** 2) == 0.0


def test_a_barrier_without_a_height_is_missing():
    t = np.linspace(0, 1, 3)
    np.testing.assert_array_equal(profiles.barrier(t, np.array([[0.0, np.nan, 0.0], [0.0, 2.0, 0.0]])), [np.nan, 2.0])


def test_both_ends_are_needed():
    with pytest.raises(ValueError, match="must contain 0 and 1"):
        profiles.barrier(np.linspace(0.1, 1, 5), np.zeros(5))


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=9), st.floats(-50, 50), st.floats(-50, 50))
def test_an_affine_change_of_the_loss_changes_no_barrier(values, offset, slope):
    t, losses = np.arange(len(values)) / (len(values) - 1), np.array(values)
    expected = profiles.barrier(t, losses)
    assert expected >= 0.0
    np.testing.assert_allclose(profiles.barrier(t, losses + offset + slope * t), expected, atol=1e-10)


def with_a_copy(runs: Runs) -> Runs:
    """The second seed is the first one with its units permuted and flipped."""
    (first,) = runs.all
    final = first.checkpoints["checkpoint"].values == "final"
    hidden = random_matching(first.layout.layers, True, np.random.default_rng(0))
    theta = first.checkpoints["theta"].values.copy()
    theta[final] = apply(first.layout.layers, first.theta(), hidden)
    checkpoints = first.checkpoints.assign(theta=(("checkpoint", "parameter"), theta))
    return replace(runs, all=(first, Run(first.trained_on, 1, checkpoints, first.training)))


def test_between_a_network_and_its_permuted_copy_alignment_removes_the_barrier():
    data = barriers.dataset(with_a_copy(tiny("poisson2d", 1, ("deep-ritz",))), *SETTINGS).squeeze()
    assert (data["barrier"].sel(path="straight") > 1e-3).all()
    np.testing.assert_allclose(data["barrier"].sel(path="aligned"), 0.0, atol=1e-10)
    assert data["distance"].sel(path="aligned") < 1e-14
    assert data["moved"] > 0


@pytest.mark.parametrize("problem", ["poisson1d", "neo_hookean2d"])
def test_the_file_holds_both_lines_of_every_pair(problem):
    runs = tiny(problem, 3, ("deep-ritz", "strong-form"))
    data = barriers.dataset(runs, *SETTINGS)
    assert data["value"].dims == ("trained_on", "pair", "path", "loss", "alpha")
    assert data["value"].shape == (2, 3, 2, 3, 9)
    assert list(zip(data["first_seed"].values, data["second_seed"].values, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert (data["distance"].sel(path="aligned") <= data["distance"].sel(path="straight")).all()
    # The aligned copy has the losses of the point itself.
    straight, aligned = (data["value"].sel(path=path, alpha=1.0).values for path in ("straight", "aligned"))
    np.testing.assert_allclose(aligned, straight, rtol=1e-8)
    second = runs.run("strong-form", 2)
    loss = float(runs.objective("strong-form").loss(runs.tensor(second.theta())))
    assert straight[1, 2, 1] == pytest.approx(loss, rel=1e-10)
    initial = [runs.objective("strong-form").loss(runs.tensor(runs.run("strong-form", s).theta("init"))) for s in (0, 2)]
    found = data["relative_barrier"].sel(trained_on="strong-form", loss="strong-form").isel(pair=1)
    barrier = data["barrier"].sel(trained_on="strong-form", loss="strong-form").isel(pair=1)
    np.testing.assert_allclose(found, barrier / np.mean([float(value) for value in initial]), rtol=1e-10)


def test_one_seed_gives_a_file_without_pairs(tmp_path):
    data = barriers.dataset(tiny("poisson1d", 1, ("strong-form",)), *SETTINGS)
    assert data.sizes == {"trained_on": 1, "pair": 0, "path": 2, "loss": 3, "alpha": 9, "unit": 8}
    about = {"case": "poisson1d", "trained_on": "strong-form", "seed": 0, "configuration": {}}
    store.write(tmp_path / "barriers.nc", data, stage="barriers", title="t", **about)
    assert list(catalog.module("barriers").metrics(store.read(tmp_path / "barriers.nc", "barriers"))) == []


def test_metrics_are_means_over_the_pairs_of_a_seed_and_missing_where_one_is():
    data = barriers.dataset(tiny("poisson1d", 3, ("deep-ritz",)), *SETTINGS)
    data["barrier"].loc[{"path": "aligned", "loss": "deep-ritz"}] = [[1.0, 2.0, np.nan]]
    rows = {row[:4]: row[4] for row in catalog.module("barriers").metrics(data)}
    assert rows["deep-ritz", 0, "final", "barrier[aligned, deep-ritz]"] == 1.5
    assert np.isnan(rows["deep-ritz", 1, "final", "barrier[aligned, deep-ritz]"])
    ratio = data["distance"].sel(path="aligned") / data["distance"].sel(path="straight")
    assert rows["deep-ritz", 2, "final", "alignment_distance"] == pytest.approx(float(ratio[0, 1:].mean()))
