"""Basins: radii and volumes of quadratics, losses that do not exist, and the file."""

import math

import numpy as np
import pytest
import torch
from cases import with_spectrum
from geometry_cases import Function, quadratic
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import changed, of

from pinnscape.landscape import basin, basin_file
from pinnscape.landscape.basin import log_volume, radii, rays
from pinnscape.losses.objective import tensor
from pinnscape.techniques import catalog

SCAN = np.geomspace(1e-3, 1e2, 40)
SETTINGS = of("basin", fraction=0.1, rays=5, steps=9)


def origin(size):
    return torch.zeros(size, dtype=torch.float64)


def ball(size, radius):
    """Logarithm of the volume of a ball, from the recurrence V_P = V_{P-2} · 2 π r² / P."""
    volume = [1.0, 2.0 * radius]
    for p in range(2, size + 1):
        volume.append(volume[p - 2] * 2.0 * math.pi * radius**2 / p)
    return math.log(volume[size])


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), level=st.floats(1e-4, 10.0), minimum=st.sampled_from([0.0, -4.9]))
def test_the_radius_of_a_quadratic_is_known_along_each_ray(seed, level, minimum):
    matrix, unit = with_spectrum([9.0, 2.0, 0.5], seed), rays(3, 6, seed)
    exact = np.sqrt(2 * level / np.einsum("ki,ij,kj->k", unit, matrix.numpy(), unit))
    found = radii(quadratic(matrix, minimum), origin(3), tensor(unit), level, SCAN, 1e-9)
    np.testing.assert_allclose(found, exact, rtol=1e-8)


@pytest.mark.parametrize("size", [1, 2, 5, 337])
def test_the_volume_of_an_isotropic_quadratic_is_that_of_a_ball(size):
    found = radii(
        quadratic(4.0 * torch.eye(size, dtype=torch.float64)), origin(size), tensor(rays(size, 8, 0)), 0.5, SCAN, 1e-13
    )
    np.testing.assert_allclose(found, 0.5, rtol=1e-12)
    volume = log_volume(found, size)
    assert volume.log == pytest.approx(ball(size, 0.5) if size < 300 else 337 * math.log(0.5) + ball(337, 1.0), abs=1e-8)
    assert volume.error == pytest.approx(0.0, abs=1e-9)
    assert volume.effective == pytest.approx(8.0)


def test_the_volume_of_an_ellipsoid_is_approached_within_its_error():
    values, level = np.array([9.0, 4.0, 1.0]), 0.5
    exact = ball(3, math.sqrt(2 * level)) - 0.5 * np.log(values).sum()
    found = radii(quadratic(with_spectrum(values)), origin(3), tensor(rays(3, 20000, 1)), level, SCAN, 1e-6)
    volume = log_volume(found, 3)
    assert volume.error < 0.02
    assert abs(volume.log - exact) < 4 * volume.error
    few = [log_volume(found[i : i + 200], 3) for i in range(0, 20000, 200)]
    spread = np.std([v.log for v in few], ddof=1)
    assert np.mean([v.error for v in few]) == pytest.approx(spread, rel=0.25)


def test_volumes_neither_overflow_nor_hide_that_one_ray_rules():
    volume = log_volume(np.array([1.0, 2.0, 1e3]), 500)
    assert volume.effective == pytest.approx(1.0)
    assert volume.log == pytest.approx(500 * math.log(1e3) - math.log(3) + 250 * math.log(math.pi) - math.lgamma(251))


def test_the_first_crossing_counts_even_if_the_loss_falls_again():
    objective = Function(lambda t: t.sin().square().sum(-1), 1)  # first above 1/2 at π/4, and again and again
    found = radii(objective, origin(1), tensor([[1.0], [-1.0], [2.0]]), 0.5, np.geomspace(0.01, 100, 60), 1e-10)
    np.testing.assert_allclose(found, [math.pi / 4, math.pi / 4, math.pi / 8], rtol=1e-9)


def test_where_the_loss_does_not_exist_the_level_is_crossed():
    objective = Function(lambda t: torch.where(t[..., 0] > 0.3, torch.nan, 0.0 * t[..., 0]), 1)
    found = radii(objective, origin(1), tensor([[1.0], [-1.0]]), 1.0, SCAN, 1e-8)
    assert found[0] == pytest.approx(0.3)
    assert found[1] == math.inf
    assert math.isnan(log_volume(found, 1).log)


@pytest.mark.parametrize("level", [math.nan, -0.1])
def test_a_point_above_the_level_has_no_basin(level):
    found = radii(quadratic(torch.eye(2, dtype=torch.float64)), origin(2), tensor(rays(2, 3, 0)), level, SCAN, 1e-3)
    assert np.isnan(found).all()


def test_a_crossing_before_the_scan_is_found():
    found = radii(quadratic(torch.eye(2, dtype=torch.float64)), origin(2), tensor(rays(2, 3, 0)), 0.5e-8, SCAN, 1e-8)
    np.testing.assert_allclose(found, 1e-4, rtol=1e-7)


@pytest.mark.parametrize(
    ("problem", "seeds", "formulations"),
    [("neo_hookean2d", 1, ("deep-ritz",)), ("poisson1d", 2, ("strong-form", "supervised"))],
)
def test_the_file_has_radii_at_which_the_level_is_crossed(problem, seeds, formulations):
    runs = tiny(problem, seeds, formulations)
    data = basin_file.dataset(runs, SETTINGS)
    assert data["radius"].dims == ("trained_on", "seed", "loss", "kind", "ray")
    assert data.sizes["seed"] == seeds
    assert all({"long_name", "units"} <= set(data[name].attrs) for name in data.data_vars)
    run = runs.all[-1]
    objective = runs.objective(run.trained_on)
    gaps = [float(objective.loss(runs.tensor(run.theta(c)))) - objective.minimum for c in ("init", "final")]
    part = data.sel(trained_on=run.trained_on, seed=run.seed, loss=run.trained_on)
    level = gaps[1] + 0.1 * (gaps[0] - gaps[1])
    assert float(part["level"]) == pytest.approx(level)
    unit = basin.rays(len(run.theta()), 5, [run.seed, 12])
    for factor, side in ((0.999, -1), (1.001, 1)):
        points = run.theta() + factor * part["radius"].sel(kind="sphere").values[:, None] * unit
        outside = ~(objective.loss(runs.tensor(points)).numpy() - objective.minimum <= level)
        assert outside.all() if side > 0 else not outside.any()
    assert float(part["log_volume"]) == float(part["log_volume_bound"])
    rows = {row[:4]: row[4] for row in catalog.module("basin").metrics(data)}
    assert len(rows) == len(formulations) * seeds * 3 * (2 * 4 + 3)
    key = (run.trained_on, run.seed, "final", f"basin_radius_median[{run.trained_on}, sphere]")
    assert rows[key] == pytest.approx(float(np.median(part["radius"].sel(kind="sphere"))))


def test_quartiles_among_censored_rays_are_unknown():
    runs = tiny("poisson1d", 1, ("supervised",))
    data = basin_file.dataset(runs, changed(SETTINGS, kinds=["sphere"])).copy(deep=True)
    data["radius"][...] = [np.inf, 3.0, 1.0, np.inf, 2.0]
    rows = {row[3]: row[4] for row in catalog.module("basin").metrics(data) if "[deep-ritz" in row[3]}
    assert rows["basin_radius_low[deep-ritz, sphere]"] == 2.0
    assert rows["basin_radius_median[deep-ritz, sphere]"] == 3.0
    assert math.isnan(rows["basin_radius_high[deep-ritz, sphere]"])


def test_unit_rays_are_uniform():
    unit = rays(3, 20000, 5)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0)
    np.testing.assert_allclose(unit.T @ unit / len(unit), np.eye(3) / 3, atol=0.01)
    assert not np.array_equal(rays(3, 4, 0), rays(3, 4, 1))
