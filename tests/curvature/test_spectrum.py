"""Everything about one Hessian: the exact route and the iterative one against each other and against the truth."""

import logging
from functools import cache

import numpy as np
import pytest
import torch
from cases import Quadratic, exact_hessian, initial, small, trained, with_spectrum
from settings_cases import changed, solver

from pinnscape.common.errors import DivergenceError
from pinnscape.config.sections import DensitySettings, SpectrumSettings
from pinnscape.curvature.spectrum import Spectrum, spectrum
from pinnscape.linalg.eigen import summary

DENSITY = DensitySettings(probes=8, steps=40, deflate=8, bins=300, width=0.01)
SETTINGS = SpectrumSettings(extremes=8, eigensolver=solver(lanczos_steps=150), density=DENSITY)
PHYSICS = ["deep-ritz", "strong-form"]


@cache
def measured(formulation: str, dense: bool) -> Spectrum:
    """The Hessian of a trained network of 151 parameters by one of the two routes."""
    objective, theta = trained(formulation, 10, 60)
    return spectrum(objective, theta, changed(SETTINGS, dense_limit=2500 if dense else 1), 0)


@cache
def exact(formulation: str) -> np.ndarray:
    """Its eigenvalues, descending."""
    return np.linalg.eigvalsh(exact_hessian(formulation, 10, 60).numpy())[::-1].copy()


def of_matrix(matrix: torch.Tensor, **changes) -> Spectrum:
    return spectrum(Quadratic(matrix), torch.zeros(len(matrix), dtype=torch.float64), changed(SETTINGS, **changes), 0)


# ---- the exact route ----


@pytest.mark.parametrize("formulation", PHYSICS)
def test_the_dense_route_gives_every_eigenvalue(formulation):
    found, values = measured(formulation, True), exact(formulation)
    assert found.method == "dense"
    np.testing.assert_allclose(found.eigenvalue, values, rtol=0.0, atol=1e-10 * values[0])
    assert found.eigen.tolist() == list(range(151))
    assert found.vector.tolist() == [*range(8), *range(143, 151)]
    assert found.numbers["trace"] == pytest.approx(values.sum(), rel=1e-10)


def test_the_numbers_are_those_of_the_exact_spectrum():
    values = np.array([100.0, 10.0, 1.0, 0.05, 0.0, 0.0, -0.5, -2.0])
    found = of_matrix(with_spectrum(values), extremes=3)
    expected = summary(values, 1e-10).numbers
    assert {name: found.numbers[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert expected["condition_number"] == pytest.approx(2000.0)
    assert (found.numbers["negative"], found.numbers["nullity"]) == (2.0, 2.0)
    assert not found.reasons


@pytest.mark.parametrize("size", [2, 3, 9])
def test_the_ends_of_a_small_spectrum_do_not_overlap(size):
    found = of_matrix(with_spectrum(np.linspace(1.0, 2.0, size)))
    assert found.eigenvector.shape == (2 * (size // 2), size)
    assert len(set(found.vector.tolist())) == len(found.vector)
    assert found.weight.sum() == pytest.approx(1.0)
    assert np.sum(found.weight * found.node) == pytest.approx(1.5, rel=1e-12)  # at most one direction is left to probe


# ---- both routes ----


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("formulation", PHYSICS)
def test_eigenvectors_belong_to_their_eigenvalues(formulation, dense):
    found, matrix = measured(formulation, dense), exact_hessian(formulation, 10, 60).numpy()
    values = found.eigenvalue[np.searchsorted(found.eigen, found.vector)]
    residuals = np.linalg.norm(found.eigenvector @ matrix - values[:, None] * found.eigenvector, axis=1)
    largest = found.eigenvalue[0]
    assert (residuals < 1e-8 * largest).all()
    np.testing.assert_allclose(found.residual_norm, residuals, atol=1e-11 * largest)
    np.testing.assert_allclose(found.eigenvector @ found.eigenvector.T, np.eye(16), atol=1e-11)


def test_residual_norms_tell_of_pairs_that_have_not_converged(caplog):
    objective, theta = trained("deep-ritz", 10, 60)
    with caplog.at_level(logging.WARNING):
        found = spectrum(objective, theta, changed(SETTINGS, dense_limit=1, lanczos_steps=20), 0)
    values = found.ritz_value[:, None]
    residuals = np.linalg.norm(
        found.eigenvector @ exact_hessian("deep-ritz", 10, 60).numpy() - values * found.eigenvector, axis=1
    )
    assert residuals.max() > 1e-6 * found.ritz_value[0]
    assert np.isnan(found.eigenvalue[residuals > 1e-6 * found.ritz_value[0]]).all()
    np.testing.assert_allclose(found.residual_norm, residuals, rtol=1e-6, atol=1e-11)
    assert "16 eigenvalues are not verified after 20 steps (largest residual " in caplog.text
    assert "raise hessian.eigensolver.lanczos_steps" in caplog.text


@pytest.mark.parametrize("formulation", PHYSICS)
def test_both_routes_find_the_same_ends(formulation):
    found, values = measured(formulation, False), exact(formulation)
    assert found.method == "lanczos"
    assert found.eigen.tolist() == found.vector.tolist() == [*range(8), *range(143, 151)]
    np.testing.assert_allclose(found.eigenvalue, values[found.eigen], rtol=0.0, atol=1e-8 * values[0])
    ours, theirs = measured(formulation, True).eigenvector, found.eigenvector
    np.testing.assert_allclose(np.abs(np.sum(ours * theirs, axis=1))[:8], 1.0, atol=1e-6)


@pytest.mark.parametrize("limit", [1, 2500])
def test_the_outermost_eigenpairs_of_both_ends_are_counted_exactly(limit):
    values = np.concatenate([[-90.0, -50.0, -30.0], np.linspace(-1.0, 1.0, 44), [20.0, 40.0, 100.0]])
    found = of_matrix(with_spectrum(values), dense_limit=limit, extremes=3, density=changed(DENSITY, deflate=2))
    assert len(found.eigenvector) == 6
    for value in (100.0, 40.0, -50.0, -90.0):
        assert found.weight[np.abs(found.node - value) < 1e-6] == pytest.approx([1 / 50])
    for value in (20.0, -30.0):  # known, but left to the probes: eight nodes of random weights
        assert len(found.weight[np.abs(found.node - value) < 1e-6]) == 8


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("formulation", PHYSICS)
def test_moments_of_the_density_are_those_of_the_spectrum(formulation, dense):
    found, values = measured(formulation, dense), exact(formulation)
    assert found.weight.sum() == pytest.approx(1.0, abs=1e-12)
    for power in (1, 2):
        assert np.sum(found.weight * found.node**power) == pytest.approx(np.mean(values**power), rel=0.02)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("formulation", PHYSICS)
def test_the_trace_is_within_its_error(formulation, dense):
    numbers, trace = measured(formulation, dense).numbers, exact(formulation).sum()
    assert abs(numbers["trace_estimate"] - trace) < 4 * numbers["trace_estimate_error"] < 0.05 * trace
    if not dense:
        assert np.isnan(numbers["trace"])


@pytest.mark.parametrize("formulation", PHYSICS)
def test_the_iterative_route_estimates_what_it_calls_an_estimate(formulation):
    found, expected = measured(formulation, False).numbers, measured(formulation, True).numbers
    assert found["effective_rank_estimate"] == pytest.approx(expected["effective_rank"], rel=0.02)
    assert found["share_above_estimate"] == pytest.approx(expected["share_above"], abs=0.03)


@pytest.mark.parametrize("formulation", PHYSICS)
def test_what_the_iterative_route_states_is_what_the_exact_one_does(formulation):
    found, expected = measured(formulation, False), measured(formulation, True)
    for name in ("negative", "nullity", "share_above", "bulk_share", "effective_rank", "condition_number"):
        value = found.numbers[name]
        assert (np.isnan(value) and found.reasons[name]) or value == pytest.approx(expected.numbers[name], rel=1e-12)
    assert found.numbers["share_above"] == pytest.approx(expected.numbers["share_above"], rel=1e-12)
    assert 0 < found.numbers["negative_at_least"] <= expected.numbers["negative"]
    known = np.isfinite(found.eigenvalue)
    assert known[:8].all()
    values = exact(formulation)[found.eigen]
    np.testing.assert_allclose(found.eigenvalue[known], values[known], rtol=0.0, atol=1e-9 * values[0])
    assert (found.eigenvalue_low <= values + 1e-12 * values[0]).all()
    assert (values - 1e-12 * values[0] <= found.eigenvalue_high).all()


@pytest.mark.parametrize("level", [-1e-3, -1e-4, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("formulation", PHYSICS)
def test_the_density_below_a_level_is_the_share_of_eigenvalues_below_it(formulation, level):
    # Nearer to 0 than that, forty steps do not resolve the bulk, and signs there are guesses.
    found, values = measured(formulation, False), exact(formulation)
    at = level * values[0]
    assert found.weight[found.node < at].sum() == pytest.approx(np.mean(values < at), abs=0.03)


def test_the_iterative_route_counts_what_is_negative():
    values = np.concatenate([np.linspace(1.0, 2.0, 150), -np.linspace(0.5, 1.0, 50)])
    found = of_matrix(with_spectrum(values), dense_limit=1)
    assert np.isnan(found.numbers["negative"])
    assert 0 < found.numbers["negative_at_least"] <= 50
    found = of_matrix(with_spectrum(values), dense_limit=1, lanczos_steps=200)  # as many as there are eigenvalues
    assert found.numbers["negative"] == 50.0
    values = np.concatenate([np.linspace(0.0, 1e-6, 150), -np.linspace(0.5, 1.0, 5), [3.0]])
    assert of_matrix(with_spectrum(values), dense_limit=1, null_tolerance=1e-3).numbers["negative"] == 5.0


def test_counts_that_a_process_does_not_settle_are_withheld():
    # A third of the spectrum is null, and 76 of it negative by so little that no process of 150 steps can tell.
    values = np.concatenate([np.geomspace(1e-9, 1.0, 164), -np.geomspace(1e-9, 1e-7, 76), np.zeros(160)])
    found = of_matrix(with_spectrum(values), dense_limit=1)
    assert np.isnan([found.numbers[name] for name in ("negative", "nullity", "condition_number", "effective_rank")]).all()
    assert found.numbers["negative_at_least"] <= 76
    assert (found.eigenvalue_low[8:] <= np.sort(values)[7::-1]).all()


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("formulation", PHYSICS)
def test_the_smoothed_density_is_over_the_scaled_spectrum_and_integrates_to_one(formulation, dense):
    found = measured(formulation, dense)
    assert found.density.shape == found.density_at.shape == (300,)
    assert np.trapezoid(found.density, found.density_at) == pytest.approx(1.0, abs=2e-3)
    assert found.density_at[0] < found.eigenvalue[-1] / found.eigenvalue[0]
    assert 1.0 < found.density_at[-1] < 1.1
    peak = found.density_at[found.density.argmax()]
    assert abs(peak) < 0.01  # the bulk of the spectrum is near 0


def test_the_same_seed_gives_the_same_bits():
    objective, theta = trained("deep-ritz")
    few = changed(SETTINGS, lanczos_steps=20, density=changed(DENSITY, probes=2, steps=5))
    for limit in (1, 2500):
        a, b = (spectrum(objective, theta, changed(few, dense_limit=limit), 3) for _ in range(2))
        for name in ("eigenvalue", "eigenvector", "residual_norm", "node", "weight", "density"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
        np.testing.assert_equal(a.numbers, b.numbers)


def test_a_point_without_a_loss_is_refused():
    objective = small("neo_hookean2d").objective("strong-form")
    with pytest.raises(DivergenceError, match="strong-form loss is not finite"):
        spectrum(objective, 30.0 * initial(objective.discretization), SETTINGS, 0)
