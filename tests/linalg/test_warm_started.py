"""Largest eigenvalues along a path."""

import numpy as np
import pytest
import torch
from cases import rows_of, with_spectrum
from hypothesis import given
from hypothesis import strategies as st

from pinnscape.linalg.warm_started import EXCESS, WarmStartedLanczos


@given(st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=12), st.integers(0, 50))
def test_the_largest_eigenvalue_is_found_whatever_the_start(spectrum, seed):
    leading, like = WarmStartedLanczos(50, 1e-10, seed), torch.zeros(len(spectrum), dtype=torch.float64)
    for other in range(3):
        matrix = with_spectrum(spectrum, other)
        value, residual, excess = leading(rows_of(matrix), like)
        assert value == pytest.approx(max(spectrum), abs=1e-7)
        assert residual <= 1e-7
        assert excess <= EXCESS


def test_it_is_the_largest_and_not_the_largest_in_magnitude():
    assert WarmStartedLanczos(30, 1e-12, 0)(rows_of(with_spectrum([-9.0, 2.0, 1.0])), torch.zeros(3).double())[
        0
    ] == pytest.approx(2.0)


def test_a_start_that_is_an_eigenvector_of_a_smaller_eigenvalue_does_not_hold_it():
    leading, like = WarmStartedLanczos(40, 1e-8, 0), torch.zeros(30, dtype=torch.float64)
    diagonal = torch.arange(1.0, 31.0, dtype=torch.float64)
    assert leading(lambda v: v * diagonal, like)[0] == pytest.approx(30.0, rel=1e-6)
    assert leading(lambda v: v * diagonal.flip(0), like)[0] == pytest.approx(30.0, rel=1e-6)


def test_a_warm_start_takes_fewer_products():
    matrix, counts = with_spectrum(np.linspace(0.0, 1.0, 200) ** 3), []
    leading = WarmStartedLanczos(150, 1e-6, 0)

    def counted(v):
        counts[-1] += 1
        return v @ matrix

    for _ in range(3):
        counts.append(0)
        assert leading(counted, torch.zeros(200).double())[0] == pytest.approx(1.0, rel=1e-6)
    assert max(counts[1:]) < counts[0]


def test_where_the_operator_is_not_finite_the_value_is_nan_and_the_next_one_is_found():
    leading, like = WarmStartedLanczos(30, 1e-10, 0), torch.zeros(3, dtype=torch.float64)
    assert np.isnan(leading(lambda v: v * torch.nan, like)).all()
    assert leading(rows_of(with_spectrum([3.0, 2.0, 1.0])), like)[0] == pytest.approx(3.0)


def test_too_few_steps_are_told_by_the_residual():
    matrix = with_spectrum(np.linspace(0.0, 1.0, 300))
    assert WarmStartedLanczos(4, 1e-9, 0)(rows_of(matrix), torch.zeros(300).double())[1] > 1e-3


@pytest.mark.parametrize("steps", [6, 12, 40])
def test_the_largest_eigenvalue_is_within_the_excess_also_where_the_path_jumps(steps):
    # The eigenvector that the next one starts from belongs to the other end of the next spectrum.
    values = np.concatenate([np.linspace(-1.0, 1.0, 80), [1.5]])
    for seed in range(30):
        leading = WarmStartedLanczos(steps, 1e-3, seed)
        for sign in (1.0, -1.0, 1.0):
            diagonal = torch.from_numpy(sign * values)
            value, _, excess = leading(lambda v, d=diagonal: v * d, torch.zeros(81).double())
            scale = np.abs(values).max()
            assert value <= max(sign * values) * (1 + 1e-12)
            assert max(sign * values) <= value + (excess + 1e-6) * scale
