"""Minima, saddles and rings of surfaces: known functions, invariances, gudhi against the join tree, and the file."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.landscape.files import surface_dataset
from pinnscape.landscape.topology import join_tree, on_boundary, persistence
from pinnscape.landscape.topology_file import dataset
from pinnscape.techniques import catalog

pytest.importorskip("gudhi")

AXIS = np.linspace(-1.5, 1.5, 61)  # holds -1, 0 and 1
X, Y = np.meshgrid(AXIS, AXIS, indexing="ij")
# Minima at (-1, 0) and (1, 0) of about 0, of which the tilt lifts one by 0.2 and the saddle at the middle by 0.1.
WELLS = (X**2 - 1) ** 2 + 2 * Y**2
TILTED = WELLS + 0.1 * (X + 1)
SETTINGS = 1e-3, 1.0

# Many ties and gaps: what goes wrong, goes wrong there.
fields = arrays(float, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.sampled_from([0.0, 1, 2, 3, 4, 5, np.nan]))


def sorted_pairs(pairs):
    return sorted(map(tuple, np.asarray(pairs).tolist()))


def pairs_of(tree):
    return sorted_pairs(np.stack([tree.birth, tree.death], -1))


def test_two_wells_have_two_minima_and_one_saddle_of_known_height():
    tree = join_tree(WELLS)
    assert len(tree) == 2
    assert sorted(AXIS[tree.minimum[:, 0]]) == pytest.approx([-1, 1])
    assert AXIS[tree.minimum[:, 1]] == pytest.approx([0, 0], abs=1e-12)
    assert tree.death[0] == np.inf
    assert tree.death[1] == pytest.approx(1.0)  # f(0, 0)
    assert AXIS[tree.saddle[1]] == pytest.approx([0, 0], abs=1e-12)
    assert tree.parent.tolist() == [-1, 0]
    assert tree.saddle[0].tolist() == [-1, -1]
    assert tree.mean_height() == pytest.approx(1.0, abs=1e-12)


def test_the_higher_of_two_wells_ends_at_the_saddle():
    tree = join_tree(TILTED)
    assert AXIS[tree.minimum[:, 0]] == pytest.approx([-1, 1])
    assert tree.birth == pytest.approx([0.0, 0.2], abs=1e-9)
    # The tilt moves the saddle to x = 0.025, the nearest grid point is 0 or 0.05: f is known there.
    assert tree.death[1] == pytest.approx(max(TILTED[30, 30], TILTED[31, 30]))
    assert tree.pruned(0.5).pruned(0.5).birth == pytest.approx([0.0, 0.2], abs=1e-9)
    assert len(tree.pruned(1.0)) == 1


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_convex_bowl_along_the_grid_has_one_minimum(diagonal):
    assert len(join_tree((X - 0.31) ** 2 + 7 * (Y + 0.22) ** 2, diagonal=diagonal)) == 1
    assert np.isnan(join_tree(X**2 + Y**2).mean_height())


def test_a_convex_valley_across_the_grid_has_one_minimum_above_the_threshold():
    valley = (X + 2 * Y) ** 2 + 1e-3 * (X - Y) ** 2
    assert len(join_tree(valley)) > 1  # stairs: why pairs need a threshold
    assert len(join_tree(valley).pruned(1e-3 * np.ptp(valley))) == 1


def test_a_ring_is_found_and_closes_at_its_highest_point():
    distance = np.hypot(X, Y)
    components, rings = persistence((distance - 1) ** 2 + 0.1 * X)
    assert len(components) >= 1
    widest = rings[np.argmax(rings[:, 1] - rings[:, 0])]
    assert widest[0] == pytest.approx(0.1, abs=0.01)  # on the circle at x = 1
    assert widest[1] == pytest.approx(1.0, abs=0.02)  # the middle
    around_nothing = np.where(distance < 0.5, np.nan, distance)
    ((birth, death),) = persistence(around_nothing)[1]
    assert birth == pytest.approx(0.5, abs=0.1)  # the hole never fills
    assert death == np.inf


@given(fields, st.booleans())
def test_pairs_of_components_are_the_branches_of_the_join_tree(values, diagonal):
    tree = join_tree(values, diagonal=diagonal)
    assert pairs_of(tree) == sorted_pairs(persistence(values, diagonal=diagonal)[0])
    for k in range(len(tree)):
        assert values[tuple(tree.minimum[k])] == tree.birth[k]
        if tree.parent[k] >= 0:
            assert values[tuple(tree.saddle[k])] == tree.death[k]
            assert tree.birth[tree.parent[k]] <= tree.birth[k]
            assert tree.death[tree.parent[k]] >= tree.death[k]
            assert tree.parent[k] < k


@given(fields, st.sampled_from([0.5, 2.0, 8.0]), st.integers(-9, 9))
def test_pairs_follow_shifts_scales_and_transposition(values, scale, shift):
    expected = sorted_pairs(scale * np.array(pairs_of(join_tree(values))).reshape(-1, 2) + shift)
    assert pairs_of(join_tree(scale * values + shift)) == expected
    assert pairs_of(join_tree(values.T)) == pairs_of(join_tree(values))
    assert pairs_of(join_tree(values[::-1])) == pairs_of(join_tree(values))


@given(fields)
def test_minima_do_not_depend_on_a_monotone_map_of_the_values(values):
    tree, mapped = join_tree(values), join_tree(np.exp(values))
    assert sorted_pairs(tree.minimum) == sorted_pairs(mapped.minimum)
    assert sorted_pairs(tree.saddle) == sorted_pairs(mapped.saddle)


def test_parts_without_a_path_between_them_never_join():
    values = WELLS.copy()
    values[30] = np.nan
    tree = join_tree(values)
    assert tree.death.tolist() == [np.inf, np.inf]
    assert tree.parent.tolist() == [-1, -1]
    assert len(join_tree(np.full((3, 4), np.nan))) == 0


def test_edges_of_the_grid():
    assert on_boundary(np.array([[0, 2], [1, 1], [2, 3], [1, 4]]), (4, 5)).tolist() == [True, False, False, True]


# ---- the file ----


def surface(losses, energy_minimum=0.0, plane="random", **variables):
    axes = {"alpha": ("alpha", AXIS), "beta": ("beta", AXIS)}
    measured = dict(zip(FORMULATIONS, losses, strict=True))
    measured |= {name: np.zeros(X.shape) for name in ("energy_gap", "l2_error", "h1_error", "infeasible")}
    found = xr.Dataset(attrs={"kind": plane, "normalization": "filter", "bias": "row", "axis_unit": "filter norms"})
    family = SimpleNamespace(losses=tuple(FORMULATIONS), terms=(), measures=(), energy_minimum=energy_minimum)
    return surface_dataset(found, axes, measured, family).assign(variables).assign_attrs(method="grid")


def test_the_file_counts_pairs_above_the_threshold_and_measures_them_from_the_exact_minimum():
    holes = np.where(X > 1.2, np.nan, TILTED)
    surfaces = {
        ("strong-form", 4, "random"): surface([TILTED - 5.0, X**2 + Y**2, holes], energy_minimum=-5.5),
        ("deep-ritz", 4, "random"): surface([WELLS, np.full(X.shape, np.nan), WELLS]),
        ("deep-ritz", 2, "random"): surface([X, X + 3 * Y, WELLS]),
    }
    data = dataset(surfaces, *SETTINGS)
    assert list(data["trained_on"].values) == ["deep-ritz", "strong-form"]
    assert data["seed"].values.tolist() == [2, 4]
    assert data["birth"].dims == ("trained_on", "seed", "plane", "loss", "pair")
    own = data.sel(trained_on="strong-form", seed=4, plane="random")
    assert own["minima"].values.tolist() == [2, 1, 2]
    assert own["birth"].sel(loss="deep-ritz").values == pytest.approx([0.5, 0.7])
    assert own["death"].sel(loss="deep-ritz").values == pytest.approx([np.inf, 1.6], abs=0.01)
    assert own["minimum_alpha"].sel(loss="deep-ritz").values == pytest.approx([-1, 1])
    assert own["smad"].sel(loss="deep-ritz") == pytest.approx(0.9, abs=0.01)
    extent = np.ptp(TILTED)
    assert own["smad_relative"].sel(loss="deep-ritz") == pytest.approx(float(own["smad"].sel(loss="deep-ritz")) / extent)
    assert own["threshold"].sel(loss="deep-ritz") == pytest.approx(1e-3 * extent)
    assert np.isnan(own["birth"].sel(loss="strong-form", pair=1))
    assert np.isnan(data["minima"].sel(trained_on="strong-form", seed=2)).all()  # no such surface
    assert np.isnan(data["minima"].sel(trained_on="deep-ritz", seed=4, loss="strong-form")).all()  # no value anywhere
    slope = data.sel(trained_on="deep-ritz", seed=2, plane="random", loss="deep-ritz")
    assert (float(slope["minima"]), float(slope["minima_inside"])) == (1, 0)
    assert all("long_name" in v.attrs and v.attrs["units"] == "1" for v in data.data_vars.values())


def test_pairs_within_twice_the_error_of_a_spectral_surface_do_not_count(monkeypatch):
    plain = surface([WELLS, WELLS, WELLS])
    resolved = plain.assign(resolution=("loss", [0.51, 0.49, 0.0]))
    monkeypatch.setattr("pinnscape.landscape.resampling.resampled", lambda _: resolved)
    data = dataset({("deep-ritz", 0, "random"): plain}, *SETTINGS)
    assert data["minima"].squeeze().values.tolist() == [1, 2, 2]


def test_no_surface_gives_an_empty_file():
    data = dataset({}, *SETTINGS)
    assert data["birth"].shape == (0, 0, 0, 0, 0)
    assert list(catalog.module("topology").metrics(data)) == []


def test_metrics_are_the_numbers_of_each_surface():
    data = dataset({("deep-ritz", 3, "random"): surface([TILTED, WELLS, X**2 + Y**2])}, *SETTINGS)
    rows = {metric: (f, s, c, value) for f, s, c, metric, value in catalog.module("topology").metrics(data)}
    assert rows["minima[random, deep-ritz]"] == ("deep-ritz", 3, "final", 2.0)
    assert rows["smad[random, strong-form]"][3] == pytest.approx(1 / np.ptp(WELLS))
    assert np.isnan(rows["smad[random, supervised]"][3])
    assert {f"minima_inside[random, {loss}]" for loss in FORMULATIONS} <= set(rows)
