"""Descents to the vicinity of minimisers: a toy with a known end, file, metrics."""

import numpy as np
import pytest
import torch
from cases import initial, small, trained
from runs_cases import tiny
from sine_cases import SineSeries, exact

from pinnscape.curvature import dense
from pinnscape.objective import Objective
from pinnscape.tables import kernels
from pinnscape.training import vicinity

SETTINGS = {"checkpoints": ["init", "final"], "steps": 4, "cutoff": 1e-15, "lengths": 8, "null_tolerance": 1e-10}


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_a_quadratic_is_left_at_its_minimiser_after_a_step(formulation):
    found = vicinity.descend(Objective(SineSeries(6), formulation), torch.zeros(6, dtype=torch.float64), 5, 1e-15, 10)
    assert (found.thetas[1] - exact(6)).abs().max() < 1e-12
    assert (found.thetas[-1] - exact(6)).abs().max() < 1e-12
    assert np.isnan(found.rate[0])
    assert found.rate[1] == 1.0
    assert len(found.rate) == len(found.gradient_norm) == len(found.thetas)
    assert found.gradient_norm[-1] < 1e-9 * found.gradient_norm[0]


def test_the_negative_eigenvalues_of_a_trained_point_go_with_its_residual():
    objective, theta = trained("strong-form", 6, 100)
    _, before = vicinity.curvature(objective, theta, 1e-10)
    end = vicinity.descend(objective, theta, 60, 1e-15, 20).thetas[-1]
    _, after = vicinity.curvature(objective, end, 1e-10)
    assert float(objective.loss(end)) < 0.5 * float(objective.loss(theta))
    assert before["negative"] > 0
    assert -after["lambda_min"] / after["lambda_max"] < -before["lambda_min"] / before["lambda_max"]
    assert after["remainder_share"] < before["remainder_share"]


def test_curvature_is_that_of_the_dense_hessian():
    objective, theta = trained("deep-ritz", 6, 100)
    values, numbers = vicinity.curvature(objective, theta, 1e-10)
    expected = torch.linalg.eigvalsh(torch.func.hessian(objective.__call__)(theta)).flip(0).numpy()
    np.testing.assert_allclose(values, expected, atol=1e-11 * expected[0])
    assert numbers["lambda_max"] == values[0]
    assert numbers["lambda_min"] == values[-1]
    assert numbers["negative"] == (values < -1e-10 * values[0]).sum()


def test_where_the_loss_does_not_exist_there_is_one_point_and_no_hessian():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    objective = Objective(d, "deep-ritz")
    found = vicinity.descend(objective, wild, 3, 1e-15, 4)
    assert len(found.thetas) == 1
    values, numbers = vicinity.curvature(objective, wild, 1e-10)
    assert np.isnan(values).all()
    assert np.isnan(list(numbers.values())).all()


@pytest.mark.parametrize(
    ("problem", "formulations"), [("neo_hookean2d", ("deep-ritz",)), ("poisson1d", ("strong-form", "supervised"))]
)
def test_the_file_holds_the_descents_of_every_run(problem, formulations):
    runs = tiny(problem, 1, formulations)
    data = vicinity.dataset(runs, SETTINGS)
    size = runs.discretization.network.size
    expected = {"formulation": len(formulations), "seed": 1, "checkpoint": 2, "step": 5, "parameter": size, "eigen": size}
    assert dict(data.sizes) == expected
    assert data["gap"].dims == ("formulation", "seed", "checkpoint", "step")
    assert all("long_name" in v.attrs for v in data.data_vars.values())
    for run in runs.all:
        cell, objective = data.sel(formulation=run.formulation, seed=0, checkpoint="final"), runs.objective(run.formulation)
        taken = int(cell["steps_taken"])
        gap = cell["gap"].values
        assert gap[0] == pytest.approx(float(objective.loss(runs.tensor(run.theta()))) - objective.minimum, rel=1e-9)
        assert np.isfinite(gap[: taken + 1]).all()
        assert np.isnan(gap[taken + 1 :]).all()
        assert (np.diff(gap[: taken + 1]) < 0).all()
        errors = cell["quadrature_error"].values
        assert ((errors[: taken + 1] > 0) == (run.formulation == "deep-ritz")).all()
        assert np.isnan(errors[taken + 1 :]).all()
        end = runs.tensor(cell["theta"].values)
        assert gap[taken] == pytest.approx(float(objective.loss(end)) - objective.minimum, rel=1e-9)
        np.testing.assert_allclose(cell["eigenvalue"], dense.eigenpairs(dense.hessian(objective, end))[0], rtol=1e-12)
        assert float(cell["distance"]) == pytest.approx(np.linalg.norm(end.numpy() - run.theta()))


def test_metrics_are_those_of_the_last_point():
    data = vicinity.dataset(tiny("poisson1d", 1, ("strong-form",)), SETTINGS)
    found = {row[:4]: row[4] for row in kernels.vicinity(data)}
    assert len(found) == 2 * 12
    cell = data.isel(formulation=0, seed=0).sel(checkpoint="init")
    last = int(cell["steps_taken"])
    assert found["strong-form", 0, "init", "vicinity_gap"] == float(cell["gap"][last])
    ratio = max(0.0, -float(cell["lambda_min"] / cell["lambda_max"]))
    assert found["strong-form", 0, "init", "vicinity_negative_ratio"] == pytest.approx(ratio)
    missing = data.copy(deep=True)
    missing["lambda_min"][:] = np.nan
    assert np.isnan({row[:4]: row[4] for row in kernels.vicinity(missing)}["strong-form", 0, "init", "vicinity_negative_ratio"])
