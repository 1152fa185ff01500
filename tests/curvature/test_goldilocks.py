"""Convexity of random subspaces: known spectra, scaling, and the file."""

import math

import numpy as np
import pytest
import torch
from cases import differentiable, small, trained, with_spectrum
from geometry_cases import quadratic
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import of

from pinnscape.curvature import goldilocks
from pinnscape.curvature.goldilocks import basis, convexity, projected
from pinnscape.losses.objective import tensor
from pinnscape.techniques import catalog

SETTINGS = of("goldilocks", dimension=4, draws=2, radii=3)


@pytest.mark.parametrize("scale", [1.0, 1e-9, -2.0])
def test_a_multiple_of_the_identity_is_as_convex_as_can_be(scale):
    objective, rows = quadratic(scale * torch.eye(20, dtype=torch.float64)), tensor(basis(20, 9, 0))
    ratio, share = convexity(projected(objective, torch.zeros(20, dtype=torch.float64), rows))
    assert ratio == pytest.approx(math.copysign(3.0, scale))
    assert share == (scale > 0)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), dimension=st.integers(1, 6), low=st.floats(-3.0, 1.0), width=st.floats(0.1, 5.0))
def test_subspaces_lie_within_the_spectrum(seed, dimension, low, width):
    values = np.random.default_rng(seed).uniform(low, low + width, 12)
    matrix = projected(
        quadratic(with_spectrum(values, seed)), torch.zeros(12, dtype=torch.float64), tensor(basis(12, dimension, seed))
    )
    eigenvalues = torch.linalg.eigvalsh(matrix).numpy()
    ratio, share = convexity(matrix)
    assert values.min() - 1e-12 <= eigenvalues[0]
    assert eigenvalues[-1] <= values.max() + 1e-12
    assert abs(ratio) <= math.sqrt(dimension) + 1e-12
    assert share == pytest.approx(np.mean(eigenvalues > 0))
    assert (share == 1.0) or values.min() <= 0
    assert ratio == pytest.approx(eigenvalues.sum() / np.sqrt((eigenvalues**2).sum()))


def test_the_whole_space_has_the_spectrum_itself():
    values = np.array([3.0, 1.0, -1.0, -0.5])
    matrix = projected(quadratic(with_spectrum(values)), torch.zeros(4, dtype=torch.float64), tensor(basis(4, 4, 3)))
    assert convexity(matrix) == (pytest.approx(2.5 / np.linalg.norm(values)), 0.5)


def test_a_network_is_projected_like_its_dense_hessian():
    objective, theta = trained("deep-ritz")
    rows = tensor(basis(len(theta), 5, 1))
    dense = rows @ torch.func.hessian(differentiable(objective))(theta) @ rows.T
    np.testing.assert_allclose(projected(objective, theta, rows), dense, atol=1e-10)


def test_bases_are_orthonormal_and_differ_by_seed():
    rows = basis(30, 7, [0, 1])
    np.testing.assert_allclose(rows @ rows.T, np.eye(7), atol=1e-14)
    assert not np.allclose(rows, basis(30, 7, [0, 2]))


def test_what_is_not_finite_or_zero_has_no_ratio():
    assert all(math.isnan(value) for value in convexity(torch.full((3, 3), torch.nan)))
    ratio, share = convexity(torch.zeros(3, 3, dtype=torch.float64))
    assert math.isnan(ratio)
    assert share == 0.0


@pytest.mark.parametrize(
    ("problem", "seeds", "formulations"),
    [("neo_hookean2d", 1, ("supervised",)), ("poisson2d", 2, ("deep-ritz", "strong-form"))],
)
def test_the_file_holds_the_scaled_initial_points(problem, seeds, formulations):
    runs = tiny(problem, seeds, formulations)
    data = goldilocks.dataset(runs, SETTINGS)
    assert data["trace_ratio"].dims == ("trained_on", "seed", "loss", "scale", "draw")
    assert all({"long_name", "units"} <= set(data[name].attrs) for name in data.data_vars)
    run = runs.all[-1]
    part = data.sel(trained_on=run.trained_on, seed=run.seed)
    np.testing.assert_allclose(part["radius"], np.linalg.norm(run.theta("init")) * np.array([0.1, 1.0, 10.0]))
    np.testing.assert_allclose(part["norm"].sel(checkpoint="final"), np.linalg.norm(run.theta()))
    rows = runs.tensor(basis(small(problem).network.size, 4, [run.seed, 13, 1]))
    exact = convexity(projected(runs.objective("strong-form"), runs.tensor(0.1 * run.theta("init")), rows))
    point = part.sel(loss="strong-form").isel(scale=0, draw=1)
    assert (float(point["trace_ratio"]), float(point["positive_share"])) == exact
    if problem == "neo_hookean2d":  # ten times the parameters invert the material
        assert part["trace_ratio"].sel(loss="deep-ritz").isel(scale=2).isnull().all()
        assert part["trace_ratio"].sel(loss="supervised").notnull().all()
    found = {row[:4]: row[4] for row in catalog.module("goldilocks").metrics(data)}
    assert len(found) == len(formulations) * seeds * 3 * 4
    key = (run.trained_on, run.seed, "init", "trace_ratio[strong-form]")
    assert found[key] == pytest.approx(float(part["trace_ratio"].sel(loss="strong-form").isel(scale=1).mean()))
