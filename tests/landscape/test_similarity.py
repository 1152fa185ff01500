"""Measures of likeness against SciPy's and against closed forms."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from scipy.stats import spearmanr, wasserstein_distance

from pinnscape.landscape.similarity import minimum_distance, spearman
from pinnscape.linalg.similarity import principal_angles, spectral_distance, wasserstein

few = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0, 100.0])

# ---- ranks ----


@given(st.lists(st.tuples(few, few), min_size=3, max_size=40))
def test_spearman_is_that_of_scipy_with_ties(pairs):
    a, b = np.array(pairs).T
    assume(np.ptp(a) > 0 and np.ptp(b) > 0)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_spearman_takes_points_where_both_exist():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 9, 7))
    a[0, 0], a[3, 3], b[3, 3], b[8, 6], b[1, 2] = np.nan, np.nan, np.nan, np.nan, np.inf
    both = np.isfinite(a) & np.isfinite(b)
    assert both.sum() == 59
    assert spearman(a, b) == pytest.approx(spearmanr(a[both], b[both]).statistic, abs=1e-12)


def test_an_increasing_function_of_a_loss_is_the_same_landscape():
    a = np.random.default_rng(0).standard_normal((11, 5))
    for b in (3 * a - 7, np.exp(a), a**3, np.arctan(a)):
        assert spearman(a, b) == pytest.approx(1.0)
        assert spearman(a, -b) == pytest.approx(-1.0)


def test_spearman_worked_out_by_hand():
    assert spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(1 - 6 * 2 / (4 * 15))


@pytest.mark.parametrize("a", [[1.0, 2.0, np.nan], [1.0, 1.0, 1.0], [np.nan] * 3, [1.0, 2.0]])
def test_spearman_needs_three_points_and_two_ranks(a):
    assert np.isnan(spearman(np.array(a), np.arange(float(len(a)))))


# ---- minima ----


def test_distance_of_minima_is_in_units_of_the_coordinates():
    alpha, beta = np.linspace(-1, 1, 5), np.linspace(0, 30, 4)
    a, b = np.ones((5, 4)), np.zeros((5, 4))
    a[0, 1], b[4, 3] = -5.0, -1e-9
    assert minimum_distance(a, b, alpha, beta) == pytest.approx(np.hypot(2.0, 20.0))
    assert minimum_distance(a, a, alpha, beta) == 0.0


def test_distance_of_minima_looks_past_what_does_not_exist():
    alpha, beta = np.arange(3.0), np.arange(2.0)
    a = np.array([[np.nan, 3.0], [2.0, 5.0], [4.0, np.nan]])
    b = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, np.nan]])
    assert minimum_distance(a, b, alpha, beta) == 1.0
    assert np.isnan(minimum_distance(np.full((3, 2), np.nan), b, alpha, beta))


# ---- subspaces ----


def rows(count: int, size: int, seed: int) -> np.ndarray:
    """Orthonormal rows."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, count)))[0].T


@settings(max_examples=50)
@given(count=st.integers(1, 8), extra=st.integers(0, 20), seed=st.integers(0, 1000))
def test_angles_are_those_of_scipy(count, extra, seed):
    a, b = rows(count, count + extra, seed), rows(count, count + extra, seed + 1)
    expected = np.sort(np.degrees(subspace_angles(a.T, b.T)))
    np.testing.assert_allclose(principal_angles(a, b), expected, atol=1e-6)  # small ones are the next test's


@pytest.mark.parametrize("angle", [1e-9, 1e-5, 0.3, np.pi / 4, 1.2, np.pi / 2])
def test_angles_between_planes_have_their_size_even_when_tiny(angle):
    e = np.eye(5)
    a = e[:2]
    b = np.stack([e[0], np.cos(angle) * e[1] + np.sin(angle) * e[2]])
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]  # another basis of the same plane
    np.testing.assert_allclose(np.radians(principal_angles(a, turn @ b)), [0.0, angle], rtol=1e-6, atol=1e-15)


def test_a_space_has_no_angle_with_itself_in_another_basis():
    a = rows(4, 30, 0)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    np.testing.assert_allclose(principal_angles(a, turn @ a), 0.0, atol=1e-12)


def test_orthogonal_spaces_are_at_right_angles():
    e = np.eye(9)
    np.testing.assert_allclose(principal_angles(e[:4], e[4:8]), 90.0, atol=1e-12)


def test_angles_are_ascending_and_symmetric():
    a, b = rows(5, 12, 0), rows(5, 12, 1)
    angles = principal_angles(a, b)
    assert (np.diff(angles) >= 0).all()
    np.testing.assert_allclose(angles, principal_angles(b, a), atol=1e-10)


# ---- spectra ----

SPECTRUM = np.concatenate([np.geomspace(1e3, 1e-6, 30), [-1e-3, -5.0]])


@pytest.mark.parametrize("scale", [1e-8, 1.0, 12345.0])
def test_scaled_copies_of_a_spectrum_do_not_differ(scale):
    shuffled = np.random.default_rng(0).permutation(scale * SPECTRUM)
    assert spectral_distance(SPECTRUM, shuffled, 30) == pytest.approx(0.0, abs=1e-12)
    assert wasserstein(SPECTRUM, shuffled) == pytest.approx(0.0, abs=1e-15)


def test_spectral_distance_is_a_mean_in_decades():
    a, b = np.array([100.0, 10.0, 1.0, 7.0]), np.array([1.0, 0.001, 0.1, 0.05])
    # sorted and scaled: 1, 0.1, 0.07 | 1, 0.1, 0.05
    assert spectral_distance(a, b, 3) == pytest.approx(np.log10(0.07 / 0.05) / 3)
    assert spectral_distance(a, b, 2) == pytest.approx(0.0)
    assert spectral_distance(a, b, 4) == pytest.approx((np.log10(0.07 / 0.05) + np.log10(0.01 / 0.001)) / 4)


def test_spectral_distance_of_two_decays_grows_with_their_rates():
    k = np.arange(11)
    assert spectral_distance(10.0**-k, 10.0 ** (-2.0 * k), 11, floor=1e-30) == pytest.approx(5.0)


def test_spectral_distance_counts_what_is_not_positive_as_the_floor():
    assert spectral_distance(np.array([10.0, 1.0, -1.0]), np.array([10.0, 0.1, 0.01]), 3, 1e-4) == pytest.approx(
        (0 + 1 + 1) / 3
    )
    assert np.isnan(spectral_distance(np.array([-1.0, -2.0]), np.array([1.0, 2.0]), 2))


@given(st.lists(st.tuples(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0)), min_size=1, max_size=20))
def test_wasserstein_is_that_of_scipy(pairs):
    a, b = np.array(pairs).T
    assume(a.max() > 0.1 and b.max() > 0.1)
    assert wasserstein(a, b) == pytest.approx(wasserstein_distance(a / a.max(), b / b.max()), abs=1e-10)
