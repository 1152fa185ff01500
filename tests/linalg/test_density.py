"""Spectral densities by stochastic Lanczos quadrature against exact moments."""

import numpy as np
import pytest
import torch
from cases import exact_hessian, rows_of, with_spectrum
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscape.linalg.density import quadrature, smooth
from pinnscape.linalg.eigen import decompose


def ends(matrix: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Exact eigenpairs of both ends, to be taken out."""
    values, rows = decompose(matrix)
    keep = [*range(count), *range(len(values) - count, len(values))]
    return values[keep], rows[keep]


def moment(nodes: np.ndarray, weights: np.ndarray, power: int) -> float:
    return float(np.sum(weights * nodes**power))


def errors_of_moments(matrix: torch.Tensor, seed: int, deflate: int, probes: int = 8, steps: int = 50) -> np.ndarray:
    """Relative errors of the first two moments of the density."""
    deflated = ends(matrix, deflate) if deflate else None
    nodes, weights = quadrature(rows_of(matrix), matrix[0], probes, steps, seed, deflated)
    exact = np.linalg.eigvalsh(matrix.numpy())
    return np.array([abs(moment(nodes, weights, k) / np.mean(exact**k) - 1.0) for k in (1, 2)])


# ---- weights ----


@settings(max_examples=50)
@given(size=st.integers(3, 25), probes=st.integers(1, 4), steps=st.integers(1, 30), seed=st.integers(0, 99), data=st.data())
def test_weights_are_shares(size, probes, steps, seed, data):
    deflate = data.draw(st.integers(0, size // 2))
    repeated = np.round(np.random.default_rng(seed).standard_normal(size), 1)
    matrix = with_spectrum(repeated, seed)
    nodes, weights = quadrature(rows_of(matrix), matrix[0], probes, steps, seed, ends(matrix, deflate))
    assert nodes.shape == weights.shape == (2 * deflate + probes * min(steps, size - 2 * deflate),)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0).all()
    heavy = nodes[weights > 1e-12]
    assert heavy.min() >= repeated.min() - 1e-9
    assert heavy.max() <= repeated.max() + 1e-9


@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_a_probe_gives_a_gauss_quadrature(steps):
    # Exact for polynomials of degree 2·steps - 1 of vᵀ f(A) v, and not beyond.
    matrix = with_spectrum(np.linspace(-0.9, 1.0, 30))
    nodes, weights = quadrature(rows_of(matrix), matrix[0], 1, steps, seed=3)
    v = torch.randn(1, 30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)[0]
    v, exact = v / v.norm(), []
    for power in range(2 * steps + 1):
        exact.append(float(v @ torch.linalg.matrix_power(matrix, power) @ v))
    found = [moment(nodes, weights, power) for power in range(2 * steps + 1)]
    np.testing.assert_allclose(found[:-1], exact[:-1], atol=1e-13)
    assert abs(found[-1] - exact[-1]) > 1e-7


def test_probes_are_averaged():
    matrix = with_spectrum(np.linspace(-0.9, 1.0, 30))
    nodes, weights = quadrature(rows_of(matrix), matrix[0], 5, 6, seed=3)
    v = torch.randn(5, 30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    v = v / v.norm(dim=1, keepdim=True)
    for power in (1, 5, 11):
        exact = float(((v @ torch.linalg.matrix_power(matrix, power)) * v).sum(1).mean())
        assert moment(nodes, weights, power) == pytest.approx(exact, abs=1e-13)


# ---- moments ----


def test_as_many_steps_as_dimensions_give_the_eigenvalues():
    values = np.linspace(-2.0, 5.0, 20)
    matrix = with_spectrum(values)
    nodes, weights = quadrature(rows_of(matrix), matrix[0], 3, 50, seed=0)
    np.testing.assert_allclose(np.sort(nodes).reshape(20, 3), np.tile(values[:, None], 3), atol=1e-10)
    v = torch.randn(3, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    v = v / v.norm(dim=1, keepdim=True)
    exact = float(((v @ matrix) * v).sum(1).mean())
    assert moment(nodes, weights, 1) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("deflate", [5, 6])
def test_moments_are_exact_where_at_most_one_direction_is_left_to_probe(deflate):
    values = np.geomspace(1e-3, 1e2, 2 * deflate + (deflate == 5))
    matrix = with_spectrum(values)
    nodes, weights = quadrature(rows_of(matrix), matrix[0], 2, 50, 0, ends(matrix, deflate))
    for power in (1, 2, 3):
        assert moment(nodes, weights, power) == pytest.approx(np.mean(values**power), rel=1e-12)


def test_equal_eigenvalues_need_no_luck():
    matrix = 3.0 * torch.eye(15, dtype=torch.float64)
    nodes, weights = quadrature(rows_of(matrix), matrix[0], 2, 10, 0)
    np.testing.assert_allclose(nodes[weights > 1e-12], 3.0)
    assert moment(nodes, weights, 2) == pytest.approx(9.0)


def test_the_null_space_of_a_low_rank_matrix_has_its_share():
    matrix = with_spectrum([50.0, 30.0, 20.0] + [0.0] * 57)
    nodes, weights = quadrature(rows_of(matrix), matrix[0], 4, 30, 0, ends(matrix, 3))
    assert weights[np.abs(nodes) < 1e-10].sum() == pytest.approx(57 / 60)
    assert moment(nodes, weights, 1) == pytest.approx(100.0 / 60)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_moments_of_the_hessian_of_a_trained_network_with_its_ends_taken_out(formulation, seed):
    assert (errors_of_moments(exact_hessian(formulation, 10, 60), seed, deflate=10) < 2e-3).all()


def test_taking_the_ends_out_is_what_makes_the_estimate_good():
    matrix = exact_hessian("strong-form", 10, 60)
    plain = np.mean([errors_of_moments(matrix, seed, 0) for seed in range(8)], axis=0)
    deflated = np.mean([errors_of_moments(matrix, seed, 10) for seed in range(8)], axis=0)
    assert (plain > 0.1).all()
    assert (deflated < 0.1 * plain).all()


def test_the_estimate_of_the_density_is_unbiased():
    values = np.random.default_rng(0).exponential(size=40)
    matrix = with_spectrum(values)
    deflated = ends(matrix, 3)
    first = [moment(*quadrature(rows_of(matrix), matrix[0], 2, 8, seed, deflated), 1) for seed in range(200)]
    assert abs(np.mean(first) - values.mean()) < 4 * np.std(first, ddof=1) / np.sqrt(200)


def test_the_seed_decides_the_result_bit_by_bit():
    matrix = with_spectrum(np.linspace(0, 1, 20))
    a, b, c = (quadrature(rows_of(matrix), matrix[0], 2, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


# ---- smoothing ----


def test_a_single_node_becomes_a_normal_density():
    at = np.array([0.3, 0.4, 0.5])
    expected = np.exp(-0.5 * np.array([0.0, 1.0, 2.0]) ** 2) / (0.1 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(smooth(np.array([0.3]), np.array([1.0]), at, 0.1), expected)


@settings(max_examples=50)
@given(nodes=st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=20), width=st.floats(0.05, 1.0), seed=st.integers(0, 9))
def test_the_smoothed_density_integrates_to_the_sum_of_the_weights(nodes, width, seed):
    weights = np.random.default_rng(seed).random(len(nodes))
    at = np.linspace(-5.0 - 8 * width, 5.0 + 8 * width, 4001)
    assert np.trapezoid(smooth(np.array(nodes), weights, at, width), at) == pytest.approx(weights.sum(), rel=1e-10)
