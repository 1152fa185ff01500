"""The geometry of trajectories against closed forms on quadratics, and its file on small trainings."""

import numpy as np
import pytest
import torch
from cases import Quadratic, with_spectrum
from hypothesis import given
from hypothesis import strategies as st
from runs_cases import tiny

from pinnscape.connectivity.trajectory_geometry import dataset, geometry, lengths, regularity, turns
from pinnscape.techniques import catalog


class Bowl(Quadratic):
    """½ (θ - c)ᵀ A (θ - c) with its gradient."""

    def __init__(self, matrix, centre):
        super().__init__(matrix)
        self.centre = centre

    def loss_and_gradient(self, theta):
        gradient = (theta - self.centre) @ self.matrix
        loss = 0.5 * (gradient * (theta - self.centre)).sum(-1)
        return torch.where(theta[..., 0] > 1e3, torch.nan, loss), gradient


def _points(count, size, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal((count, size)))


@pytest.mark.parametrize("c", [0.25, 3.0, 1e-6])
def test_a_multiple_of_the_identity_has_rsi_and_eb_equal_to_it_and_cosine_one(c):
    points = _points(7, 5)
    values = geometry(Bowl(c * torch.eye(5, dtype=torch.float64), points[-1]), points, batch=2)
    np.testing.assert_allclose(values["rsi"][:-1], c, rtol=1e-12)
    np.testing.assert_allclose(values["eb"][:-1], c, rtol=1e-12)
    np.testing.assert_allclose(values["cosine"][:-1], 1.0, rtol=1e-12)
    np.testing.assert_allclose(values["gradient_norm"], c * values["distance"], rtol=1e-12)


@given(st.lists(st.floats(0.01, 100.0), min_size=2, max_size=6), st.integers(0, 100))
def test_a_quadratic_has_rsi_and_eb_between_its_extreme_eigenvalues(spectrum, seed):
    points = _points(6, len(spectrum), seed)
    values = geometry(Bowl(with_spectrum(spectrum, seed), points[-1]), points, batch=4)
    slack = 1e-9 * max(spectrum)
    for name in ("rsi", "eb"):
        assert np.all(values[name][:-1] >= min(spectrum) - slack)
        assert np.all(values[name][:-1] <= max(spectrum) + slack)
    # The angle between x and A x is at most that of Kantorovich's inequality.
    low, high = min(spectrum), max(spectrum)
    assert np.all(values["cosine"][:-1] >= 2 * np.sqrt(low * high) / (low + high) - 1e-9)
    np.testing.assert_allclose(values["cosine"][:-1], (values["rsi"] / values["eb"])[:-1], rtol=1e-9)


def test_along_an_eigenvector_rsi_is_its_signed_eigenvalue_and_eb_its_magnitude():
    matrix = torch.diag(torch.tensor([4.0, -2.0], dtype=torch.float64))
    points = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]], dtype=torch.float64)
    values = geometry(Bowl(matrix, points[-1]), points, batch=8)
    np.testing.assert_allclose(values["rsi"], [4.0, -2.0, np.nan])
    np.testing.assert_allclose(values["eb"], [4.0, 2.0, np.nan])
    np.testing.assert_allclose(values["cosine"], [1.0, -1.0, np.nan])


def test_the_target_is_the_last_point_and_is_left_out_even_if_the_gradient_is_not_zero_there():
    points = _points(4, 3)
    values = geometry(Bowl(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)), points, batch=8)
    assert np.isnan([values[name][-1] for name in ("rsi", "eb", "cosine")]).all()
    assert values["distance"][-1] == 0.0
    offset = (points[:-1] - points[-1]).numpy()
    expected = np.sum(points[:-1].numpy() * offset, -1) / np.sum(offset**2, -1)
    np.testing.assert_allclose(values["rsi"][:-1], expected, rtol=1e-12)


def test_where_the_loss_does_not_exist_its_gradient_does_not_count():
    points = torch.tensor([[2e3, 0.0], [1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    values = geometry(Bowl(torch.eye(2, dtype=torch.float64), points[-1]), points, batch=8)
    np.testing.assert_equal(values["rsi"], [np.nan, 1.0, np.nan])
    assert values["distance"][0] == 2e3


def test_a_vanishing_gradient_has_no_cosine_and_one_that_does_not_exist_gives_nan():
    found = regularity(np.array([[0.0, 0.0], [np.nan, 1.0]]), np.ones((2, 2)), np.zeros(2))
    np.testing.assert_equal(found.cosine, [np.nan, np.nan])
    np.testing.assert_equal(found.rsi, [0.0, np.nan])


def test_a_square_walk_turns_by_right_angles_and_a_reversal_by_a_straight_one():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0, 2], [0, 0]])
    np.testing.assert_allclose(turns(square), [np.nan, 0.0, 0.0, 0.0, -1.0, np.nan], atol=1e-15)
    np.testing.assert_allclose(lengths(square), [0.0, 1, 2, 3, 4, 6])
    assert np.isnan(turns(np.array([[0.0], [1.0], [1.0], [2.0]]))).all()  # a step of zero has no direction
    assert np.isnan(turns(np.zeros((2, 3)))).all()


@given(st.integers(2, 8), st.integers(0, 1000))
def test_the_polygon_is_at_least_as_long_as_the_displacement_and_grows_with_more_points(count, seed):
    points = _points(count, 4, seed).numpy()
    length = lengths(points)
    assert np.all(np.diff(length) >= 0)
    assert np.all(length >= np.linalg.norm(points - points[0], axis=-1) - 1e-12)
    assert length[-1] >= lengths(points[::2])[-1] - 1e-12 or count % 2 == 0


def test_a_straight_path_has_ratio_one_and_does_not_turn():
    points = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)[:, None] ** 2 * torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    values = geometry(Bowl(torch.eye(2, dtype=torch.float64), points[-1]), points, batch=8)
    np.testing.assert_allclose(values["length"], values["displacement"], rtol=1e-12)
    np.testing.assert_allclose(values["turn"][1:-1], 0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("problem", "seeds", "formulations"),
    [("poisson2d", 2, ("deep-ritz", "strong-form")), ("poisson1d", 1, ("supervised",)), ("neo_hookean2d", 1, ("deep-ritz",))],
)
def test_the_file_holds_the_gradients_of_the_trained_loss(problem, seeds, formulations):
    runs = tiny(problem, seeds, formulations)
    data = dataset(runs, 5)
    assert data["rsi"].dims == ("trained_on", "seed", "snapshot")
    assert data["path_ratio"].dims == ("trained_on", "seed")
    assert all({"long_name", "units"} <= set(v.attrs) for v in data.data_vars.values())
    for run in runs.all:
        own, count = data.sel(trained_on=run.trained_on, seed=run.seed), len(run.steps)
        np.testing.assert_array_equal(own["step"][:count], run.steps)
        assert np.isnan(own["step"][count:]).all()
        theta, objective = runs.tensor(run.snapshots), runs.objective(run.trained_on)
        middle = count // 2
        gradient, offset = objective.gradient(theta[middle]), theta[middle] - theta[-1]
        assert float(own["rsi"][middle]) == pytest.approx(float(gradient @ offset / (offset @ offset)), rel=1e-8)
        assert float(own["eb"][middle]) == pytest.approx(float(gradient.norm() / offset.norm()), rel=1e-8)
        assert float(own["path_ratio"]) >= 1.0
        assert float(own["random_cosine"]) == pytest.approx(run.snapshots.shape[1] ** -0.5)


def test_runs_of_different_lengths_are_padded_with_nan():
    runs = tiny("poisson2d", 2, ("deep-ritz", "strong-form"))
    data = dataset(runs, 64)
    counts = [len(run.steps) for run in runs.all]
    assert data.sizes["snapshot"] == max(counts)
    found = np.isfinite(data["length"]).sum("snapshot").values.ravel().tolist()
    assert found == counts


def test_the_metrics_are_extremes_over_what_is_known():
    data = dataset(tiny("poisson2d", 2, ("deep-ritz", "strong-form")), 64)
    rows = {(f, s, m): v for f, s, c, m, v in catalog.module("trajectory_geometry").metrics(data) if c == "final"}
    assert len(rows) == 2 * 2 * 7
    own = data.sel(trained_on="deep-ritz", seed=1)
    assert rows["deep-ritz", 1, "rsi_min"] == float(own["rsi"].min())
    assert rows["deep-ritz", 1, "eb_max"] == float(own["eb"].max())
    assert rows["deep-ritz", 1, "path_ratio"] == float(own["path_ratio"])
    known = int(np.isfinite(own["cosine"]).sum())
    assert rows["deep-ritz", 1, "rsi_positive_share"] == pytest.approx(int((own["rsi"] > 0).sum()) / known)
    assert np.isnan([v for *_, v in catalog.module("trajectory_geometry").metrics(data * np.nan)]).all()
