"""Hutch++ against exact traces."""

import numpy as np
import pytest
import torch
from cases import exact_hessian, rows_of, with_spectrum

from pinnscape.linalg.trace import hutch_plus_plus

SEEDS = 200


def estimates(matrix: torch.Tensor, products: int, seeds: int = SEEDS) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and their reported errors for many seeds."""
    found = [hutch_plus_plus(rows_of(matrix), matrix[0], products, seed) for seed in range(seeds)]
    return np.array([f[0] for f in found]), np.array([f[1] for f in found])


@pytest.mark.parametrize("values", [[5.0], [100.0, -3.0, 1e-3], np.linspace(-1, 1, 10)])
def test_the_trace_of_a_matrix_of_low_rank_is_exact(values):
    matrix = with_spectrum(np.concatenate([values, np.zeros(80 - len(values))]))
    estimate, error = hutch_plus_plus(rows_of(matrix), matrix[0], 30, 0)
    assert estimate == pytest.approx(np.sum(values), abs=1e-11 * np.abs(values).max())
    assert error < 1e-11 * np.abs(values).max()


@pytest.mark.parametrize("size", [1, 5, 20])
def test_the_trace_of_a_small_matrix_is_exact_and_without_error(size):
    matrix = with_spectrum(np.linspace(-1.0, 3.0, size))
    estimate, error = hutch_plus_plus(rows_of(matrix), matrix[0], 60, 0)
    assert estimate == pytest.approx(np.linspace(-1.0, 3.0, size).sum(), abs=1e-12)
    assert error == 0.0


@pytest.mark.parametrize("products", [6, 30])
@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_the_estimate_is_unbiased_and_its_error_is_its_standard_error(products, decay):
    matrix = with_spectrum(np.arange(1.0, 81.0) ** -decay)
    found, errors = estimates(matrix, products)
    deviation = np.std(found, ddof=1)
    assert abs(found.mean() - float(matrix.trace())) < 4 * deviation / np.sqrt(SEEDS)
    # Root mean square, because it is variances that are unbiased; from 200 seeds a deviation is known to 5 %, from 2 samples each less well.
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(deviation, rel=0.25)


def test_more_products_make_the_error_smaller():
    matrix = with_spectrum(np.arange(1.0, 81.0) ** -1.5)
    assert np.mean(estimates(matrix, 60, 20)[1]) < 0.25 * np.mean(estimates(matrix, 12, 20)[1])


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_the_trace_of_the_hessian_of_a_trained_network(formulation):
    matrix = exact_hessian(formulation, 10, 60)
    found, errors = estimates(matrix, 60, 20)
    assert (np.abs(found - float(matrix.trace())) < 5 * errors).all()
    assert (errors < 0.01 * float(matrix.trace())).all()


def test_the_products_are_as_many_as_allowed():
    matrix, seen = with_spectrum(np.linspace(0, 1, 50)), []

    def operator(vectors):
        seen.append(len(vectors))
        return vectors @ matrix

    hutch_plus_plus(operator, matrix[0], 31, 0)
    assert sum(seen) == 30


def test_the_seed_decides_the_result():
    matrix = with_spectrum(np.linspace(0, 1, 50))
    a, b, c = (hutch_plus_plus(rows_of(matrix), matrix[0], 12, seed) for seed in (1, 1, 2))
    assert a == b
    assert a != c


def test_too_few_products_are_refused():
    with pytest.raises(ValueError, match=r"^`products` must be at least 6, not 5$"):
        hutch_plus_plus(lambda v: v, torch.ones(3), 5, 0)
