"""Gradients in top eigenspaces against closed forms, and their file on small trainings."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import Quadratic, with_spectrum
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import applied, of, solver

from pinnscape.curvature import dense
from pinnscape.curvature.gradient_subspace import along, overlap, share, top
from pinnscape.linalg import eigen
from pinnscape.techniques import catalog
from pinnscape.training.snapshots import logarithmic

DENSE = solver(dense_limit=10**6, lanczos_steps=1, lanczos_tolerance=1.0)
LANCZOS = solver(dense_limit=0, lanczos_steps=200, lanczos_tolerance=1e-9)
FILE = of("gradient_subspace", points=5, eigensolver=DENSE)


class Bowl(Quadratic):
    """½ θᵀ A θ with its gradient; does not exist where the first parameter is above 100."""

    def loss_and_gradient(self, theta):
        gradient = theta @ self.matrix
        loss = 0.5 * (gradient * theta).sum(-1)
        return torch.where(theta[..., 0] > 100, torch.nan, loss), gradient


class Turning:
    """Hessian 2 e eᵀ + f fᵀ with e = (cos φ, sin φ) turning by the first parameter, f orthogonal to it, in the plane of the
    other two.
    """

    name, size = "turning", 3

    def loss_and_gradient(self, theta):
        return torch.tensor(0.0, dtype=torch.float64), torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)

    def hessian_product(self, theta, vectors):
        c, s = torch.cos(theta[0]), torch.sin(theta[0])
        zero = torch.zeros_like(c)
        e, f = torch.stack([zero, c, s]), torch.stack([zero, -s, c])
        return vectors @ (2 * torch.outer(e, e) + torch.outer(f, f))


@pytest.mark.parametrize("settings", [DENSE, LANCZOS], ids=["dense", "lanczos"])
def test_shares_on_a_quadratic_are_those_of_its_eigenbasis_and_its_spaces_do_not_drift(settings):
    spectrum = np.array([9.0, 5.0, 3.0, 2.0, 1.0, 0.5, -4.0])
    matrix = with_spectrum(spectrum, 3)
    basis = eigen.decompose(matrix)[1]
    coefficients = torch.tensor(np.random.default_rng(0).standard_normal((3, 7)))  # in descending order of the eigenvalues
    points = coefficients @ basis
    found = along(Bowl(matrix), points, [1, 3, 6], settings, 0)  # type: ignore[arg-type]
    weights = (coefficients.numpy() * np.sort(spectrum)[::-1]) ** 2
    for j, k in enumerate([1, 3, 6]):
        np.testing.assert_allclose(found["share"][:, j], weights[:, :k].sum(1) / weights.sum(1), atol=1e-8)
    np.testing.assert_allclose(found["overlap_next"][:-1], 1.0, atol=1e-8)
    np.testing.assert_allclose(found["overlap_final"], 1.0, atol=1e-8)
    assert np.isnan(found["overlap_next"][-1]).all()
    np.testing.assert_allclose(found["eigenvalue"], np.tile(np.sort(spectrum)[::-1][:6], (3, 1)), rtol=1e-8)
    np.testing.assert_allclose(found["gap"][0], [4 / 9, 1 / 9, 4.5 / 9], atol=1e-7)
    assert np.all(found["residual"] < 1e-8)


def test_a_space_that_turns_overlaps_by_the_squared_cosine_of_the_angle():
    angles = [0.0, 0.3, 1.0]
    points = torch.tensor([[angle, 0.0, 0.0] for angle in angles], dtype=torch.float64)
    found = along(Turning(), points, [1, 2], DENSE, 0)  # type: ignore[arg-type]
    np.testing.assert_allclose(found["overlap_next"][:-1, 0], np.cos(np.diff(angles)) ** 2, rtol=1e-12)
    np.testing.assert_allclose(found["overlap_final"][:, 0], np.cos(np.array(angles) - 1.0) ** 2, rtol=1e-12)
    np.testing.assert_allclose(found["overlap_final"][:, 1], 1.0, rtol=1e-12)  # the plane itself stays
    np.testing.assert_allclose(found["share"][:, 0], np.cos(angles) ** 2, rtol=1e-12)


@given(st.integers(1, 5), st.integers(0, 200))
def test_an_overlap_is_symmetric_blind_to_the_basis_and_between_zero_and_one(k, seed):
    rng = np.random.default_rng(seed)
    a, b = (torch.tensor(np.linalg.qr(rng.standard_normal((8, 5)))[0].T) for _ in range(2))
    value = overlap(a, b, k)
    assert -1e-12 <= value <= 1 + 1e-12
    assert overlap(b, a, k) == pytest.approx(value)
    mixed = torch.tensor(np.linalg.qr(rng.standard_normal((k, k)))[0]) @ a[:k]
    assert overlap(mixed, b, k) == pytest.approx(value)
    assert overlap(mixed, a, k) == pytest.approx(1.0)
    gradient = torch.tensor(rng.standard_normal(8))
    assert share(gradient, mixed, k) == pytest.approx(share(gradient, a, k))
    assert share(1e-100 * gradient, a, k) == pytest.approx(share(gradient, a, k))


def test_random_spaces_overlap_by_k_over_p_in_the_mean():
    rng = np.random.default_rng(0)
    spaces = [torch.tensor(np.linalg.qr(rng.standard_normal((20, 4)))[0].T) for _ in range(401)]
    mean = np.mean([overlap(a, b, 4) for a, b in pairwise(spaces)])
    assert mean == pytest.approx(4 / 20, abs=0.01)


def test_more_dimensions_than_parameters_and_a_vanishing_gradient_give_nan():
    rows = torch.eye(3, dtype=torch.float64)
    assert np.isnan(share(torch.ones(3, dtype=torch.float64), rows, 4))
    assert np.isnan(overlap(rows, rows, 4))
    assert np.isnan(share(torch.zeros(3, dtype=torch.float64), rows, 2))


@pytest.mark.parametrize("settings", [DENSE, LANCZOS], ids=["dense", "lanczos"])
def test_where_the_loss_does_not_exist_the_point_is_nan_and_the_others_are_not(settings):
    bowl = Bowl(with_spectrum([3.0, 2.0, 1.0]))
    points = torch.tensor([[1.0, 1, 1], [200, 1, 1], [1, 2, 3]], dtype=torch.float64)
    found = along(bowl, points, [1, 2], settings, 0)  # type: ignore[arg-type]
    assert np.isnan(found["share"][1]).all()
    assert np.isnan(found["overlap_next"][:2]).all()
    assert np.isfinite(found["share"][[0, 2]]).all()
    np.testing.assert_allclose(found["overlap_final"][[0, 2]], 1.0)


def test_dense_and_lanczos_agree_on_a_trained_loss():
    runs = tiny("poisson2d", 2, ("deep-ritz", "strong-form"))
    objective, theta = runs.objective("deep-ritz"), runs.tensor(runs.all[0].snapshots[3])
    exact, found = (top(objective, theta, 5, settings, 0) for settings in (DENSE, LANCZOS))
    np.testing.assert_allclose(found.values, exact.values, rtol=1e-7)
    assert overlap(found.rows, exact.rows, 5) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("problem", "seeds", "formulations"),
    [("poisson2d", 2, ("deep-ritz", "strong-form")), ("poisson1d", 1, ("supervised",)), ("neo_hookean2d", 1, ("deep-ritz",))],
)
def test_the_file_holds_the_points_and_the_shares_of_the_trained_loss(problem, seeds, formulations):
    runs = tiny(problem, seeds, formulations)
    data = applied("gradient_subspace", runs, FILE)
    assert data["share"].dims == ("trained_on", "seed", "point", "k")
    assert data["k"].values.tolist() == [1, 5, 10]
    assert all({"long_name", "units"} <= set(v.attrs) for v in data.data_vars.values())
    run = runs.all[-1]
    own, at = data.sel(trained_on=run.trained_on, seed=run.seed), logarithmic(run.steps, 5)
    np.testing.assert_array_equal(own["step"], run.steps[at])
    objective, theta = runs.objective(run.trained_on), runs.tensor(run.snapshots[at[2]])
    rows = eigen.decompose(dense.hessian(objective, theta))[1]
    assert float(own["share"].sel(k=5)[2]) == pytest.approx(share(objective.gradient(theta), rows, 5), abs=1e-5)
    assert np.all(np.diff(own["share"].values, axis=-1) >= -1e-12)  # larger spaces hold more
    assert float(own["random_share"].sel(k=10)) == pytest.approx(10 / objective.size)


def test_a_run_with_fewer_snapshots_than_points_ends_in_nan():
    runs = tiny("poisson2d", 2, ("deep-ritz", "strong-form"))
    count = len(runs.all[0].steps)
    data = applied("gradient_subspace", runs, FILE, points=count + 2, dimensions=(2,))
    assert np.isnan(data["share"].values[0, 0, -2:]).all()
    assert np.isfinite(data["share"].values[0, 0, :-2]).all()


def test_the_metrics_are_those_at_the_ends_and_the_means():
    data = applied("gradient_subspace", tiny("poisson2d", 2, ("deep-ritz", "strong-form")), FILE)
    rows = {(f, s, c, m): v for f, s, c, m, v in catalog.module("gradient_subspace").metrics(data)}
    assert len(rows) == 2 * 2 * 3 * 5
    own = data.sel(trained_on="strong-form", seed=1, k=5)
    assert rows["strong-form", 1, "init", "gradient_share[5]"] == float(own["share"][0])
    assert rows["strong-form", 1, "final", "gradient_share[5]"] == float(own["share"][-1])
    assert rows["strong-form", 1, "final", "subspace_overlap_mean[5]"] == pytest.approx(float(own["overlap_next"].mean()))
    assert np.isnan([v for *_, v in catalog.module("gradient_subspace").metrics(data * np.nan)]).all()
