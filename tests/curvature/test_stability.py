"""The file of curvature along training and of the edge of stability."""

import numpy as np
import pytest
import torch
from cases import Quadratic, with_spectrum
from runs_cases import tiny
from settings_cases import changed, of, solver

from pinnscape.curvature import dense
from pinnscape.curvature.stability import dataset, ends
from pinnscape.linalg import eigen
from pinnscape.techniques import catalog
from pinnscape.training.snapshots import logarithmic

SETTINGS = of(
    "stability", points=3, eigenvalues=4, dense_limit=100, lanczos_steps=100, lanczos_tolerance=1e-7,
    fractions=(0.5, 50.0), adam_rates=(0.01,), steps=20, record_every=5, divergence=1e3,
)  # fmt: skip
SOLVER = SETTINGS.eigensolver
RUNS = ("poisson1d", 1, ("deep-ritz", "strong-form"))


class Bowl(Quadratic):
    """½ θᵀ A θ, which does not exist where the first parameter is above 100."""

    def loss_and_gradient(self, theta):
        gradient = theta @ self.matrix
        return torch.where(theta[..., 0] > 100, torch.nan, 0.5 * (gradient * theta).sum(-1)), gradient


@pytest.fixture(scope="module")
def data():
    return dataset(tiny(*RUNS), SETTINGS)


@pytest.mark.parametrize("limit", [0, 100], ids=["lanczos", "dense"])
def test_both_ends_of_a_known_spectrum_are_found(limit):
    spectrum = np.concatenate([np.linspace(-3.0, 5.0, 28), [8.0, 9.0]])
    found = ends(Bowl(with_spectrum(spectrum)), torch.zeros(30).double(), 3, solver(SOLVER, dense_limit=limit), 0)
    np.testing.assert_allclose(found["eigenvalue"], [9.0, 8.0, 5.0], atol=1e-6)
    np.testing.assert_allclose(found["eigenvalue_at_least"], [9.0, 8.0, 5.0], atol=1e-6)
    assert float(found["smallest"]) == pytest.approx(-3.0, abs=1e-6)
    assert found["smallest_at_least"] <= -3.0 <= found["smallest_at_most"]
    assert found["residual"] < 1e-6


def test_what_too_few_steps_leave_open_is_a_bound_and_not_a_value():
    bowl = Bowl(with_spectrum(np.linspace(-3.0, 5.0, 80)))
    found = ends(bowl, torch.zeros(80).double(), 2, solver(SOLVER, dense_limit=0, lanczos_steps=12), 0)
    assert np.isnan([*found["eigenvalue"], found["smallest"]]).all()
    assert (found["eigenvalue_at_least"] <= [5.0, 5.0 - 8 / 79]).all()
    assert found["smallest_at_least"] <= -3.0 <= found["smallest_at_most"] < -2.0


def test_more_eigenvalues_than_parameters_are_nan_and_so_are_all_where_there_is_no_loss():
    bowl = Bowl(with_spectrum([3.0, 1.0]))
    found = ends(bowl, torch.zeros(2).double(), 4, SOLVER, 0)  # type: ignore[arg-type]
    np.testing.assert_allclose(found["eigenvalue"], [3.0, 1.0, np.nan, np.nan])
    assert float(found["smallest"]) == pytest.approx(1.0)
    nothing = ends(bowl, torch.full((2,), 200.0).double(), 4, SOLVER, 0)  # type: ignore[arg-type]
    assert all(np.isnan(values).all() for values in nothing.values())


def test_dimensions_coordinates_and_descriptions(data):
    assert data["eigenvalue"].dims == ("trained_on", "seed", "point", "eigen")
    assert data["gd_sharpness"].dims == ("trained_on", "seed", "fraction", "record")
    assert data["adam_preconditioned"].dims == ("trained_on", "seed", "rate", "record")
    assert data["record"].values.tolist() == [0, 5, 10, 15, 20]
    assert data["fraction"].values.tolist() == [0.5, 50.0]
    assert all(
        {"long_name", "units"} <= set(v.attrs)
        for v in data.variables.values()
        if v.dims != ("trained_on",) and v.dims != ("seed",)
    )


def test_spectra_and_first_records_are_those_of_the_trained_loss(data):
    runs = tiny(*RUNS)
    for run in runs.all:
        own, objective = data.sel(trained_on=run.trained_on, seed=run.seed), runs.objective(run.trained_on)
        at = logarithmic(run.steps, 3)
        np.testing.assert_array_equal(own["step"], run.steps[at])
        spectra = [eigen.decompose(dense.hessian(objective, runs.tensor(run.snapshots[i])))[0].numpy() for i in at]
        np.testing.assert_allclose(own["eigenvalue"], [s[:4] for s in spectra], rtol=1e-6)
        np.testing.assert_allclose(own["smallest"], [s[-1] for s in spectra], rtol=1e-6)
        assert float(own["initial_sharpness"]) == pytest.approx(spectra[0][0], rel=1e-5)
        np.testing.assert_allclose(own["gd_rate"], np.array([0.5, 50.0]) * 2 / spectra[0][0], rtol=1e-5)
        np.testing.assert_allclose(own["gd_sharpness"][:, 0], spectra[0][0], rtol=1e-5)
        loss = float(objective.loss(runs.tensor(run.snapshots[0])))
        np.testing.assert_allclose(own["gd_gap"][:, 0], loss - objective.minimum, rtol=1e-9)


def test_far_above_the_threshold_it_diverges_and_far_below_it_descends(data):
    slow, fast = data.sel(fraction=0.5), data.sel(fraction=50.0)
    assert np.isnan(slow["gd_diverged"]).all()
    assert np.all(slow["gd_gap"][..., -1].values < slow["gd_gap"][..., 0].values)
    assert np.isfinite(fast["gd_diverged"]).all()
    assert np.isnan(fast["gd_gap"][..., -1]).all()


def test_no_step_sizes_give_dimensions_of_length_zero():
    empty = dataset(tiny(*RUNS), changed(SETTINGS, fractions=[], adam_rates=[], points=2))
    assert empty.sizes["fraction"] == empty.sizes["rate"] == 0
    assert empty["gd_gap"].shape == (2, 1, 0, 5)


@pytest.mark.parametrize("problem", ["poisson2d", "neo_hookean2d"])
def test_one_seed_and_one_formulation_suffice(problem):
    found = dataset(tiny(problem, 1, ("deep-ritz",)), changed(SETTINGS, steps=5, fractions=[0.5]))
    assert np.isfinite(found["adam_preconditioned"][..., -1]).all()


def test_the_metrics_tell_where_each_training_ends(data):
    rows = {(f, s, m): v for f, s, _, m, v in catalog.module("stability").metrics(data)}
    assert len(rows) == 2 * (2 + 2 * 3 + 3)
    own = data.sel(trained_on="strong-form", seed=0)
    assert rows["strong-form", 0, "sharpening"] == pytest.approx(float(own["eigenvalue"][-1, 0] / own["eigenvalue"][0, 0]))
    last = float(own["gd_sharpness"][0, -1] * own["gd_rate"][0] / 2)
    assert rows["strong-form", 0, "gd_edge[0.5]"] == pytest.approx(last)
    assert rows["strong-form", 0, "gd_peak[0.5]"] == pytest.approx(last)
    assert np.isnan(rows["strong-form", 0, "gd_edge[50]"])
    assert rows["strong-form", 0, "gd_diverged[50]"] == float(own["gd_diverged"][1])
    assert rows["strong-form", 0, "adam_edge[0.01]"] == pytest.approx(float(own["adam_preconditioned"][0, -1]) * 0.01 / 38)
    assert np.isnan([v for *_, v in catalog.module("stability").metrics(data * np.nan)]).all()
