"""Descents towards minimisers: a toy with a known end, file, metrics."""

import numpy as np
import pytest
import torch
from cases import differentiable, initial, small, trained
from runs_cases import tiny
from settings_cases import changed, of
from sine_cases import SineSeries, exact

from pinnscape.curvature import dense, refinement
from pinnscape.linalg import eigen
from pinnscape.losses import gauss_newton
from pinnscape.losses.quantities import Quantities
from pinnscape.techniques import catalog

SETTINGS = of(
    "refinement", checkpoints=("init", "final"), steps=4, lengths=8, eigenvalues=4, lanczos_tolerance=1e-8, trace_products=30
)


def curvature(objective, theta, **keys):
    return refinement.curvature(objective, theta, changed(SETTINGS, **keys))


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_a_quadratic_is_left_at_its_minimiser_after_a_step(formulation):
    found = refinement.descend(
        SineSeries(6).objective(formulation), torch.zeros(6, dtype=torch.float64), changed(SETTINGS, lengths=10)
    )
    assert (found.thetas[1] - exact(6)).abs().max() < 1e-12
    assert (found.thetas[-1] - exact(6)).abs().max() < 1e-12
    assert np.isnan(found.rate[0])
    assert found.rate[1] == 1.0
    assert len(found.rate) == len(found.gradient_norm) == len(found.thetas)
    assert found.gradient_norm[-1] < 1e-9 * found.gradient_norm[0]


def test_the_negative_eigenvalues_of_a_trained_point_go_with_its_residual():
    objective, theta = trained("strong-form", 6, 100)
    _, before = curvature(objective, theta)
    end = refinement.descend(objective, theta, changed(SETTINGS, steps=60, lengths=20)).thetas[-1]
    _, after = curvature(objective, end)
    assert float(objective.loss(end)) < 0.5 * float(objective.loss(theta))
    assert before["negative"] > 0
    assert -after["lambda_min"] / after["lambda_max"] < -before["lambda_min"] / before["lambda_max"]
    assert after["remainder_share"] < before["remainder_share"]


def test_curvature_is_that_of_the_dense_hessian():
    objective, theta = trained("deep-ritz", 6, 100)
    values, numbers = curvature(objective, theta)
    expected = torch.linalg.eigvalsh(torch.func.hessian(differentiable(objective))(theta)).flip(0).numpy()
    np.testing.assert_allclose(values, expected, atol=1e-11 * expected[0])
    assert numbers["lambda_max"] == values[0]
    assert numbers["lambda_min"] == values[-1]
    assert numbers["negative"] == (values < -1e-10 * values[0]).sum()


def test_where_the_loss_does_not_exist_there_is_one_point_and_no_hessian():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    objective = d.objective("deep-ritz")
    found = refinement.descend(objective, wild, SETTINGS)
    assert len(found.thetas) == 1
    values, numbers = curvature(objective, wild)
    assert np.isnan(values).all()
    assert np.isnan(list(numbers.values())).all()


@pytest.mark.parametrize(
    ("problem", "formulations"), [("neo_hookean2d", ("deep-ritz",)), ("poisson1d", ("strong-form", "supervised"))]
)
def test_the_file_holds_the_descents_of_every_run(problem, formulations):
    runs = tiny(problem, 1, formulations)
    data = refinement.dataset(runs, SETTINGS)
    size = runs.discretization.network.size
    expected = {"trained_on": len(formulations), "seed": 1, "checkpoint": 2, "step": 5, "parameter": size, "eigen": size}
    assert dict(data.sizes) == expected
    assert data["gap"].dims == ("trained_on", "seed", "checkpoint", "step")
    assert all("long_name" in v.attrs for v in data.data_vars.values())
    for run in runs.all:
        cell, objective = data.sel(trained_on=run.trained_on, seed=0, checkpoint="final"), runs.objective(run.trained_on)
        taken = int(cell["steps_taken"])
        gap = cell["gap"].values
        assert gap[0] == pytest.approx(float(objective.loss(runs.tensor(run.theta()))) - objective.minimum, rel=1e-9)
        assert np.isfinite(gap[: taken + 1]).all()
        assert np.isnan(gap[taken + 1 :]).all()
        assert (np.diff(gap[: taken + 1]) < 0).all()
        errors = cell["quadrature_error"].values
        assert ((errors[: taken + 1] > 0) == (run.trained_on == "deep-ritz")).all()
        assert np.isnan(errors[taken + 1 :]).all()
        end = runs.tensor(cell["theta"].values)
        assert gap[taken] == pytest.approx(float(objective.loss(end)) - objective.minimum, rel=1e-9)
        np.testing.assert_allclose(cell["eigenvalue"], eigen.decompose(dense.hessian(objective, end))[0], rtol=1e-12)
        assert float(cell["distance"]) == pytest.approx(np.linalg.norm(end.numpy() - run.theta()))


def test_metrics_are_those_of_the_last_point():
    data = refinement.dataset(tiny("poisson1d", 1, ("strong-form",)), SETTINGS)
    found = {row[:4]: row[4] for row in catalog.module("refinement").metrics(data)}
    assert len(found) == 2 * 12
    cell = data.isel(trained_on=0, seed=0).sel(checkpoint="init")
    last = int(cell["steps_taken"])
    assert found["strong-form", 0, "init", "refined_gap"] == float(cell["gap"][last])
    ratio = max(0.0, -float(cell["lambda_min"] / cell["lambda_max"]))
    assert found["strong-form", 0, "init", "refined_negative_ratio"] == pytest.approx(ratio)
    missing = data.copy(deep=True)
    missing["lambda_min"][:] = np.nan
    assert np.isnan(
        {row[:4]: row[4] for row in catalog.module("refinement").metrics(missing)}[
            "strong-form", 0, "init", "refined_negative_ratio"
        ]
    )


# ---- above the dense limit ----


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_above_the_limit_bounds_and_estimates_hold_and_what_they_replace_is_withheld(formulation, monkeypatch):
    objective, theta = trained(formulation, 6, 100)
    values, exact_numbers = curvature(objective, theta)
    for module, name in ((dense, "hessian"), (gauss_newton, "gauss_newton"), (Quantities, "sensitivities")):
        monkeypatch.setattr(module, name, None)
    for steps in (10, 67):  # a few products, and as many as there are parameters
        found, numbers = curvature(objective, theta, dense_limit=0, lanczos_steps=steps, eigenvalues=1)
        assert found.shape == (1,)
        for name in ("lambda_min", "negative", "nullity", "condition_number", "remainder_share"):
            assert np.isnan(numbers[name])
        rounding = 1e-12 * values[0]
        assert numbers["lambda_min_bound"] >= values[-1] - rounding
        assert numbers["negative_at_least"] <= exact_numbers["negative"]
        share, error = numbers["remainder_share_estimate"], numbers["remainder_share_error"]
        assert abs(share - exact_numbers["remainder_share"]) <= 5 * error
    # The whole space: the bounds are the numbers.
    assert numbers["lambda_min_bound"] == pytest.approx(values[-1], abs=rounding)
    assert numbers["negative_at_least"] == exact_numbers["negative"]
    assert numbers["lambda_max"] == pytest.approx(values[0], rel=1e-12)
    assert 0 < numbers["remainder_share_error"] < 0.2 * numbers["remainder_share_estimate"]


@pytest.mark.parametrize(("limit", "method"), [(36, "kernel"), (0, "krylov")])
def test_above_the_limit_the_file_says_how_directions_were_found_and_what_is_withheld(limit, method, monkeypatch):
    runs = tiny("poisson1d", 1, ("strong-form",))  # P = 33, 8 points
    limit = min(limit, runs.discretization.network.size - 1)
    for module, name in ((dense, "hessian"), (Quantities, "sensitivities")):
        monkeypatch.setattr(module, name, None)
    settings = changed(SETTINGS, checkpoints=["init"], steps=2, dense_limit=limit, lanczos_steps=4)
    data = refinement.dataset(runs, settings)
    assert data["method"].attrs["flag_meanings"].split()[int(data["method"].item())] == method
    assert data.sizes["eigen"] == 4
    assert "techniques.refinement.eigensolver.dense_limit" in data["negative"].attrs["reason"]
    cell = data.isel(trained_on=0, seed=0, checkpoint=0)
    taken = int(cell["steps_taken"])
    assert taken == 2
    assert (np.diff(cell["gap"].values[: taken + 1]) < 0).all()
    assert np.isfinite(cell["direction_residual"].values[1:]).all()
    assert (cell["direction_residual"].values[1:] > 0).any() == (method == "krylov")
    found = {row[3]: row[4] for row in catalog.module("refinement").metrics(data)}
    assert np.isnan(found["refined_negative"])
    assert found["refined_negative_at_least"] == float(cell["negative_at_least"])


def test_above_the_limit_too_there_are_no_numbers_where_the_loss_does_not_exist():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    values, numbers = curvature(d.objective("deep-ritz"), wild, dense_limit=0)
    assert np.isnan(values).all()
    assert np.isnan(list(numbers.values())).all()
