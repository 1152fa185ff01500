"""Maps of convexity: dense Hessians at sampled points, known curvature, and the file."""

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from cases import differentiable, small, with_spectrum
from geometry_cases import Function, quadratic
from runs_cases import tiny
from settings_cases import applied, changed, of, solver

from pinnscape.config.sections import DirectionSettings
from pinnscape.landscape import curvature_map
from pinnscape.landscape.files import random_directions
from pinnscape.losses.objective import tensor
from pinnscape.techniques import catalog

SETTINGS = of("curvature_map", radius=0.5, points=3, dense_limit=0, lanczos_steps=40, lanczos_tolerance=1e-8)
SOLVER = SETTINGS.eigensolver


@pytest.mark.parametrize("limit", [0, 10])
def test_extreme_eigenvalues_follow_the_point(limit):
    objective = Function(lambda t: (t**4).sum(-1) - 3.0 * t[..., 0] ** 2, 5)
    for first in (0.0, 1.0):
        theta = tensor([first, 0.5, 0.5, 2.0, 0.5])
        found = curvature_map.ends(objective, theta, solver(SOLVER, dense_limit=limit))
        expected = 12.0 * first**2 - 6.0 if first == 0.0 else 3.0
        assert (found.lambda_max, found.lambda_min) == (pytest.approx(48.0), pytest.approx(expected))
        assert found.sign == np.sign(expected)
        assert found.residual < 1e-8
        assert found.converged


def test_too_few_steps_are_told():
    objective = Function(lambda t: (torch.arange(1.0, 31.0, dtype=torch.float64) * t.square()).sum(-1), 30)
    found = curvature_map.ends(objective, torch.zeros(30, dtype=torch.float64), solver(SOLVER, lanczos_steps=4))
    assert not found.converged
    assert np.isnan([found.lambda_max, found.lambda_min]).all()
    assert found.residual > 1e-3
    assert found.sign == 0.0
    assert (
        found.lambda_min_at_least < 2.0 < found.lambda_min_at_most < found.lambda_max_at_least < 60.0 < found.lambda_max_at_most
    )


@pytest.mark.parametrize("limit", [0, 10])
def test_a_point_without_a_loss_gives_nan(limit):
    objective = Function(lambda t: t.log().sum(-1), 2)
    *numbers, converged = astuple(curvature_map.ends(objective, tensor([math.nan, 1.0]), solver(SOLVER, dense_limit=limit)))
    assert np.isnan(numbers).all()
    assert not converged


@pytest.mark.parametrize(
    ("problem", "formulations", "losses"),
    [("poisson1d", ("strong-form", "supervised"), "own"), ("neo_hookean2d", ("deep-ritz",), "all")],
)
def test_the_map_is_that_of_dense_hessians_on_the_random_plane(problem, formulations, losses):
    runs = tiny(problem, 1, formulations)
    data = applied("curvature_map", runs, changed(SETTINGS, losses=losses, lanczos_steps=small(problem).network.size))
    assert data["lambda_max"].dims == ("trained_on", "seed", "loss", "alpha", "beta")
    assert data["alpha"].values.tolist() == [-0.5, 0.0, 0.5]
    run = runs.all[0]
    plane = random_directions("random", run.checkpoints.assign_attrs(seed=0), DirectionSettings())["direction"].values
    for loss in (run.trained_on, "deep-ritz") if losses == "all" else (run.trained_on,):
        part = data.sel(trained_on=run.trained_on, seed=0, loss=loss)
        for a, b in ((0.0, 0.0), (0.5, -0.5), (-0.5, 0.0)):
            theta = runs.tensor(run.theta() + a * plane[0] + b * plane[1])
            point, matrix = part.sel(alpha=a, beta=b), torch.func.hessian(differentiable(runs.objective(loss)))(theta)
            if not bool(matrix.isfinite().all()):
                assert a != 0.0
                assert math.isnan(float(point["lambda_max"]))
                continue
            exact = torch.linalg.eigvalsh(matrix).numpy()
            assert float(point["lambda_max"]) == pytest.approx(exact[-1], rel=1e-7)
            assert float(point["lambda_min"]) == pytest.approx(exact[0], abs=1e-7 * exact[-1])
    other = data["lambda_max"].sel(
        trained_on=run.trained_on, seed=0, loss="deep-ritz" if run.trained_on != "deep-ritz" else "supervised"
    )
    assert bool(other.notnull().all() if losses == "all" else other.isnull().all())
    rows = list(catalog.module("curvature_map").metrics(data))
    assert len(rows) == 4 * (3 if losses == "all" else len(formulations))


def test_dense_and_lanczos_agree():
    runs = tiny("poisson2d", 1, ("deep-ritz",))
    maps = [applied("curvature_map", runs, changed(SETTINGS, dense_limit=limit, lanczos_steps=60)) for limit in (0, 500)]
    scale = float(maps[1]["lambda_max"].max())
    for name in ("lambda_max", "lambda_min"):
        np.testing.assert_allclose(maps[0][name], maps[1][name], atol=1e-7 * scale)


def test_metrics_take_what_is_verified_and_name_bounds_as_bounds():
    data = applied("curvature_map", tiny("poisson1d", 1, ("supervised",)), changed(SETTINGS, dense_limit=500)).copy(deep=True)
    own = {"trained_on": "supervised", "seed": 0, "loss": "supervised"}
    for name in data.data_vars:
        data[name].loc[own] = {"sign": 1.0, "lambda_min": 1.0}.get(str(name), 2.0)
    for name, values in (("lambda_min", [-1.0, -1e-3, np.nan]), ("lambda_min_at_most", [-1.0, -1e-3, np.nan])):
        data[name].loc[{**own, "alpha": 0.5}] = values
    data["sign"].loc[{**own, "alpha": 0.5}] = [-1.0, -1.0, np.nan]
    found = {row[3]: row[4] for row in catalog.module("curvature_map").metrics(data)}
    assert found["nonconvexity_largest[supervised]"] == 0.5
    assert found["nonconvexity_median[supervised]"] == 0.0
    assert found["map_convex_share[supervised]"] == pytest.approx(6 / 8)
    data["sign"].loc[{**own, "alpha": -0.5}] = [0.0, 1.0, 1.0]
    data["lambda_min"].loc[{**own, "alpha": -0.5}] = [np.nan, 1.0, 1.0]
    found = {row[3]: row[4] for row in catalog.module("curvature_map").metrics(data)}
    assert np.isnan([found["nonconvexity_largest[supervised]"], found["map_convex_share[supervised]"]]).all()
    assert found["nonconvexity_largest_at_least[supervised]"] == 0.5
    assert found["map_convex_share_at_least[supervised]"] == pytest.approx(5 / 8)
    assert found["map_convex_share_at_most[supervised]"] == pytest.approx(6 / 8)


@pytest.mark.parametrize("seed", range(6))
def test_a_smallest_eigenvalue_is_not_called_positive_where_a_hidden_one_is_negative(seed):
    # The bulk ends at 0, and the one negative eigenvalue is so small that no process of sixty steps sees it.
    values = np.sort(np.concatenate([np.geomspace(1e-7, 1.0, 299), [-2e-8]]))
    matrix = with_spectrum(values, seed)
    found = curvature_map.ends(quadratic(matrix), torch.zeros(300).double(), solver(SOLVER, lanczos_steps=60))
    assert found.sign in (0.0, -1.0)
    assert found.lambda_min_at_least <= -2e-8 <= found.lambda_min_at_most
    assert found.lambda_max_at_least <= 1.0 <= found.lambda_max_at_most
    assert found.lambda_max == pytest.approx(1.0, abs=1e-7)
