"""Planes through three points: geometry, passes of known height, and the planes of small trainings."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import applied, of

from pinnscape.common.formulations import FORMULATIONS, PHYSICS
from pinnscape.connectivity.curves import bezier, points
from pinnscape.connectivity.trained_paths import Training
from pinnscape.landscape.three_points import frame, pass_height, square_grid
from pinnscape.techniques import catalog

SETTINGS = of("three_points", pairs=3, points=15, steps=8, learning_rate=0.05, decay=0.1, perturbation=0.1, check=4, nodes=4)


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_three_points_lie_where_their_coordinates_say(seed, size):
    a, b, c = torch.tensor(np.random.default_rng(seed).standard_normal((3, size)))
    axes, corners = frame(a, b, c)
    torch.testing.assert_close(a + torch.tensor(corners) @ axes, torch.stack([a, b, c]))
    length = float((b - a).norm())
    torch.testing.assert_close(axes @ axes.T, length**2 * torch.eye(2, dtype=torch.float64), atol=1e-9 * length**2, rtol=0)
    assert corners[2, 1] >= 0


def test_points_on_one_line_get_a_second_axis_and_equal_points_are_refused():
    a, b = torch.zeros(5, dtype=torch.float64), torch.arange(1.0, 6.0, dtype=torch.float64)
    axes, corners = frame(a, b, 0.3 * b)
    np.testing.assert_allclose(corners, [[0, 0], [1, 0], [0.3, 0]], atol=1e-12)
    assert float(axes[1].norm()) == pytest.approx(float(b.norm()))
    assert abs(float(axes[0] @ axes[1])) < 1e-9
    with pytest.raises(ValueError, match="are the same"):
        frame(a, a, b)


@given(st.floats(-3, 3), st.floats(0, 3), st.floats(0.05, 1), st.integers(30, 80))
def test_the_grid_covers_the_corners_and_has_the_first_two_as_nodes(p, q, margin, points):
    corners = np.array([[0, 0], [1, 0], [p, q]])
    x, y = square_grid(corners, margin, points)
    assert 0.0 in x
    assert 1.0 in x
    assert 0.0 in y
    assert len(x) == len(y) == points
    step = x[1] - x[0]
    np.testing.assert_allclose(np.diff(y), step)
    for axis, values in zip((x, y), corners.T, strict=True):
        assert axis[0] - step <= values.min()
        assert values.max() <= axis[-1] + step


def test_a_third_point_far_away_is_still_covered():
    x, y = square_grid(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 40.0]]), 0.25, 6)
    assert y[-1] >= 40.0
    assert 0.0 in x
    assert 1.0 not in x


def test_the_pass_between_two_wells_has_the_height_of_the_saddle():
    x, y = np.linspace(-1.5, 1.5, 61), np.linspace(-0.5, 1.5, 41)
    table = (x[:, None] ** 2 - 1) ** 2 + 4 * (y + x[:, None] ** 2 - 1) ** 2  # minima (±1, 0), pass (0, 1) of height 1
    ends = [(int(np.argmin(abs(x - end))), int(np.argmin(abs(y)))) for end in (-1, 1)]
    height = pass_height(table, *ends)
    assert 1.0 <= height < 1.05
    wall = np.where(np.arange(61)[:, None] == 30, np.nan, table)
    assert np.isnan(pass_height(wall, *ends))
    assert pass_height(table, ends[0], ends[0]) == table[ends[0]]


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_pass_is_the_least_maximum_over_all_paths(seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 6, (3, 3)).astype(float)
    table[rng.random((3, 3)) < 0.15] = np.nan
    start, end = (0, 0), (2, 2)
    nodes = list(itertools.product(range(3), range(3)))
    best = np.inf  # of all sets of nodes that connect both: reachable at each level
    for level in np.unique(table[np.isfinite(table)]):
        reached, todo = set(), [start] if table[start] <= level else []
        while todo:
            node = todo.pop()
            reached.add(node)
            near = [n for n in nodes if max(abs(n[0] - node[0]), abs(n[1] - node[1])) == 1]
            todo += [n for n in near if table[n] <= level and n not in reached and n not in todo]
        if end in reached:
            best = min(best, level)
    found = pass_height(table, start, end)
    assert found == best or (np.isnan(found) and np.isinf(best))


def test_planes_of_runs_hold_the_losses_at_their_points():
    runs = tiny("poisson2d", 2)
    data = applied("three_points", runs, SETTINGS)
    assert data["seeds_gap"].dims == ("trained_on", "pair", "loss", "column", "row")
    assert data["physics_gap"].dims == ("seed", "loss", "column", "row")
    for seed in (0, 1):
        own = data.sel(seed=seed)
        row = int(np.flatnonzero(own["physics_y"] == 0)[0])
        for position, name in enumerate(PHYSICS):
            column = int(np.flatnonzero(own["physics_x"] == position)[0])
            measured = runs.discretization.measure(runs.tensor(runs.run(name, seed).theta()))
            expected = [float(measured[loss]) - runs.objective(loss).minimum for loss in FORMULATIONS]
            np.testing.assert_allclose(own["physics_gap"].values[:, column, row], expected, rtol=1e-9, atol=1e-12)
    assert (data["physics_pass"].values >= 0).all()


def test_the_curve_of_the_file_lies_where_the_trained_curve_does():
    runs = tiny("poisson1d", 2, ("deep-ritz",))
    data = applied("three_points", runs, SETTINGS)
    assert data.sizes["seed"] == 0  # no strong form, no plane of both
    a, b = (runs.tensor(runs.run("deep-ritz", seed).theta()) for seed in (0, 1))
    control = bezier(runs.objective("deep-ritz"), a, b, Training.of(SETTINGS, 101))
    np.testing.assert_array_equal(data["seeds_control"][0, 0], control)
    axes, _ = frame(a, b, points("bezier", control, np.array([0.5]))[0])
    found = a + torch.tensor(data["seeds_curve"].values[0, 0]) @ axes
    torch.testing.assert_close(found, points("bezier", control, data["t"].values), atol=1e-10, rtol=1e-9)


def test_metrics_and_studies_of_one_seed():
    runs = tiny("poisson1d", 2)
    data = applied("three_points", runs, SETTINGS)
    rows = {row[:4]: row[4] for row in catalog.module("three_points").metrics(data)}
    assert len(rows) == 2 * 3 * 3 + 2 * 3 * 2
    assert rows["strong-form", 1, "final", "plane_pass[physics, deep-ritz]"] == float(data["physics_pass"][1, 0])
    alone = applied("three_points", tiny("poisson1d", 1), SETTINGS)
    assert alone.sizes["pair"] == 0
    assert {row[3].split(",")[0] for row in catalog.module("three_points").metrics(alone)} == {"plane_pass[physics"}
