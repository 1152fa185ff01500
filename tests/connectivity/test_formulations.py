"""How alike the physics losses are: exact lines and eigenspaces, file, metrics."""

from functools import cache

import numpy as np
import pytest
import torch
from cases import Quadratic, differentiable, trained, with_spectrum
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import applied, changed, of, solver
from sine_cases import SineSeries, exact

from pinnscape.connectivity import formulations
from pinnscape.curvature import dense
from pinnscape.landscape import comparison
from pinnscape.linalg import eigen
from pinnscape.linalg.similarity import principal_angles
from pinnscape.techniques import catalog
from pinnscape.training.runs import Runs

SETTINGS = of("formulations", points=9, snapshots=3, subspace=3, lanczos_steps=15, lanczos_tolerance=1e-8)
SOLVER = SETTINGS.eigensolver
TRAINED = ["deep-ritz", "strong-form"]
ALL = ("deep-ritz", "strong-form", "supervised")


@cache
def compared():
    """The file of two seeds of everything."""
    return applied("formulations", tiny("poisson1d", 2, ALL), SETTINGS)


def test_gaps_of_a_quadratic_grow_with_the_square_of_the_distance_from_its_minimiser():
    runs, shift = Runs(SineSeries(6), ()), torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    found = formulations.gaps(runs, torch.stack([exact(6), exact(6) + shift, exact(6) + 3 * shift]))
    k = 2 * np.pi
    expected = np.array([k**2 / 4, k**4 / 2, 1 / 2])  # of sin 2πx: half the energy norm, residual and misfit
    np.testing.assert_allclose(found, np.outer([0, 1, 9], expected), rtol=1e-10, atol=1e-12)


def test_a_gap_ratio_is_of_the_same_loss_at_the_other_minimiser():
    gap = np.array([[1.0, 20.0, 7.0], [4.0, 5.0, 7.0]])  # rows: deep-ritz and strong-form trained the point
    assert comparison.gap_ratio(gap, "strong-form", "deep-ritz", TRAINED, list(ALL)) == 4.0
    assert comparison.gap_ratio(gap, "deep-ritz", "strong-form", TRAINED, list(ALL)) == 4.0
    assert np.isnan(comparison.gap_ratio(gap, "supervised", "deep-ritz", TRAINED, list(ALL)))
    assert np.isnan(
        comparison.gap_ratio(np.array([[-1e-9, 20.0, 7.0], [4.0, 5.0, 7.0]]), "deep-ritz", "strong-form", TRAINED, list(ALL))
    )


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 10))
def test_a_barrier_is_the_height_over_the_chord(first, last, height):
    position = np.linspace(0, 1, 21)
    chord = first + (last - first) * position
    assert comparison.barrier(chord + 4 * height * position * (1 - position), position) == pytest.approx(height, abs=1e-12)
    assert comparison.barrier(chord - height * position * (1 - position), position) == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(comparison.barrier(np.where(position == 0.5, np.nan, chord), position))


class WithGradient(Quadratic):
    def gradient(self, theta):
        return theta @ self.matrix


@pytest.mark.parametrize("steps", [2, 60])  # 2: Lanczos does not converge, and the dense spectrum takes its place
def test_top_eigenspaces_are_those_of_the_matrix(steps):
    matrix = with_spectrum([9.0, 5.0, 2.0, 1.0, 0.5, 0.1, 0.0, -1.0, -7.0, -20.0])
    objective = WithGradient(matrix)
    values, rows = formulations.top(objective, torch.ones(10, dtype=torch.float64), 3, solver(SOLVER, lanczos_steps=steps), 0)
    np.testing.assert_allclose(values, [9.0, 5.0, 2.0], rtol=1e-10)
    assert principal_angles(rows, eigen.decompose(matrix)[1][:3].numpy()).max() < 1e-5


def test_above_the_limit_what_lanczos_does_not_find_is_not_measured(monkeypatch, caplog):
    matrix = with_spectrum([9.0, 5.0, 2.0, 1.0, 0.5, 0.1, 0.0, -1.0, -7.0, -20.0])
    objective, theta = WithGradient(matrix), torch.ones(10, dtype=torch.float64)
    expected = eigen.decompose(matrix)[1][:3].numpy()
    monkeypatch.setattr(dense, "hessian", None)
    values, rows = formulations.top(objective, theta, 3, solver(SOLVER, dense_limit=9), 0)
    np.testing.assert_allclose(values, [9.0, 5.0, 2.0], rtol=1e-10)
    assert principal_angles(rows, expected).max() < 1e-5
    assert not caplog.messages
    values, rows = formulations.top(objective, theta, 3, solver(SOLVER, dense_limit=9, lanczos_steps=2), 0)
    assert np.isnan(values).all()
    assert np.isnan(rows).all()
    assert "withheld, Lanczos has not converged after 2 steps" in caplog.text
    assert np.isfinite(formulations.top(objective, theta, 10, solver(SOLVER, dense_limit=9), 0)[0]).all()


def test_above_the_limit_the_file_says_why_something_is_not_measured():
    data = applied(
        "formulations", tiny("poisson1d", 1, ("deep-ritz",)), changed(SETTINGS, snapshots=2, dense_limit=0, lanczos_steps=2)
    )
    assert data["angle"].isnull().all()
    assert "techniques.formulations.eigensolver.dense_limit" in data["angle"].attrs["reason"]
    assert np.isfinite(data["gap"]).all()


def test_a_point_without_a_loss_has_no_eigenspace():
    class Nowhere(WithGradient):
        def gradient(self, theta):
            return torch.full_like(theta, torch.nan)

    values, rows = formulations.top(Nowhere(with_spectrum([2.0, 1.0, 0.5])), torch.ones(3, dtype=torch.float64), 2, SOLVER, 0)
    assert np.isnan(values).all()
    assert np.isnan(rows).all()
    assert rows.shape == (2, 3)


def test_a_network_has_the_eigenspace_of_its_dense_hessian():
    objective, theta = trained("strong-form", 6, 100)
    values, rows = formulations.top(objective, theta, 3, SOLVER, 0)
    expected, vectors = eigen.decompose(torch.func.hessian(differentiable(objective))(theta))
    np.testing.assert_allclose(values, expected[:3], rtol=1e-9)
    assert principal_angles(rows, vectors[:3].numpy()).max() < 1e-3


def test_the_file_compares_all_runs_and_the_two_physics_minimisers_of_each_seed():
    runs, data = tiny("poisson1d", 2, ALL), compared()
    assert dict(data.sizes) == {
        "trained_on": 3, "seed": 2, "loss": 3, "snapshot": 3, "physics": 2, "eigen": 3, "position": 9, "pair": 2
    }  # fmt: skip
    assert all(
        "long_name" in v.attrs and v.attrs["units"] == ("degree" if v.name == "angle" else "1") for v in data.data_vars.values()
    )
    for k, seed in enumerate(runs.seeds):
        line, gap = data["line_gap"].isel(pair=k).transpose("position", "loss").values, data["gap"].sel(seed=seed)
        np.testing.assert_allclose(line[0], gap.sel(trained_on="deep-ritz"), rtol=1e-9)
        np.testing.assert_allclose(line[-1], gap.sel(trained_on="strong-form"), rtol=1e-9)
        first, last = (runs.run(f, seed).theta() for f in TRAINED)
        middle = runs.discretization.measure(runs.tensor((first + last) / 2))
        assert line[4, 1] == pytest.approx(float(middle["strong-form"]), rel=1e-9)
        assert float(data["distance"].isel(pair=k)) == pytest.approx(np.linalg.norm(first - last))
    run = runs.run("supervised", 1)
    steps = data["snapshot_step"].sel(trained_on="supervised", seed=1).values
    assert (steps[0], steps[-1]) == (run.steps[0], run.steps[-1])
    pairs = [eigen.decompose(dense.hessian(runs.objective(f), runs.tensor(run.theta()))) for f in TRAINED]
    angles = principal_angles(*(rows[:3].numpy() for _, rows in pairs))
    np.testing.assert_allclose(data["angle"].sel(trained_on="supervised", seed=1).isel(snapshot=-1), angles, atol=1e-3)


@pytest.mark.parametrize(
    ("problem", "trained"), [("neo_hookean2d", ("deep-ritz",)), ("poisson1d", ("supervised", "strong-form"))]
)
def test_without_both_physics_runs_there_are_no_pairs(problem, trained):
    data = applied("formulations", tiny(problem, 1, trained), changed(SETTINGS, snapshots=2))
    assert data.sizes["pair"] == 0
    assert data["line_gap"].sizes == {"pair": 0, "position": 9, "loss": 3}
    assert data.sizes["trained_on"] == len(trained)
    assert not [row for row in catalog.module("formulations").metrics(data) if "barrier" in row[3]]


def test_metrics_name_the_loss_that_is_compared():
    data = compared()
    found = {row[:4]: row[4] for row in catalog.module("formulations").metrics(data)}
    gap = data["gap"].sel(seed=1)
    own = gap.sel(trained_on="strong-form", loss="strong-form")
    other = gap.sel(trained_on="deep-ritz", loss="strong-form")
    assert found["deep-ritz", 1, "final", "gap_ratio[strong-form]"] == pytest.approx(float(other / own))
    assert found["deep-ritz", 1, "final", "physics_distance"] == found["strong-form", 1, "final", "physics_distance"]
    assert ("supervised", 1, "final", "physics_distance") not in found
    line, start = (
        data["line_gap"].isel(pair=1).sel(loss="supervised").values,
        data["initial_gap"].isel(pair=1).sel(loss="supervised"),
    )
    height = comparison.barrier(line, data["position"].values)
    assert found["deep-ritz", 1, "final", "physics_barrier_share[supervised]"] == pytest.approx(height / float(start))
    assert np.isfinite(list(found.values())).any()
