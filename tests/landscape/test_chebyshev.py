"""Chebyshev interpolants against closed forms."""

import math

import numpy as np
import pytest
from chebyshev_cases import ASYMMETRIC, SQUARE, Counted, on_nodes, uniform
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import polynomial

from pinnscape.landscape.chebyshev import Interpolant, coefficients, nodes
from pinnscape.landscape.spectral import interpolate

# ---- nodes and coefficients ----


@pytest.mark.parametrize("interval", [(-1.0, 1.0), (-0.1, 0.1), (-0.3, 4.7), (2.0, 3.0)])
def test_nodes_are_nested_to_the_last_bit_and_cover_the_interval(interval):
    for degree in (8, 16, 32, 64):
        np.testing.assert_array_equal(nodes(2 * degree, *interval)[::2], nodes(degree, *interval))
    found = nodes(8, *interval)
    assert (np.diff(found) > 0).all()
    assert (found[0], found[-1]) == pytest.approx(interval, rel=1e-15)
    np.testing.assert_allclose(nodes(8), -np.cos(math.pi * np.arange(9) / 8), atol=1e-15)


def test_the_middle_of_a_symmetric_interval_is_a_node():
    assert nodes(16, -0.1, 0.1)[8] == 0.0


@pytest.mark.parametrize("degree", range(9))
def test_a_chebyshev_polynomial_is_its_own_coefficient(degree):
    values = np.cos(degree * np.arccos(np.clip(nodes(8), -1, 1)))
    np.testing.assert_allclose(coefficients(values[None], 1)[0], np.eye(9)[degree], atol=1e-14)


def test_products_of_chebyshev_polynomials_have_one_coefficient():
    x, y = nodes(4)[:, None], nodes(8)
    found = coefficients(np.stack([(2 * x**2 - 1) * y, x * (4 * y**3 - 3 * y)]), 2)
    expected = np.zeros((2, 5, 9))
    expected[0, 2, 1] = expected[1, 1, 3] = 1.0
    np.testing.assert_allclose(found, expected, atol=1e-14)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=17), st.floats(-5, 5), st.floats(0.1, 10))
def test_a_polynomial_up_to_the_degree_is_reproduced(powers, low, width):
    def function(x):
        return polynomial.polyval((x - low) / width, powers)

    found = on_nodes(function, ((low, low + width),), 16)
    points = np.linspace(low, low + width, 53)[:, None]
    scale = 1e-12 * (1 + np.abs(powers).sum())
    np.testing.assert_allclose(found.at(points)[0], function(points[:, 0]), atol=scale)


@given(st.integers(0, 2**32 - 1))
def test_a_polynomial_of_two_variables_is_reproduced(seed):
    powers = np.random.default_rng(seed).standard_normal((5, 9))
    (low, high), points = np.array(ASYMMETRIC).T, uniform(ASYMMETRIC, 40)

    def function(x, y):
        return polynomial.polyval2d((x - low[0]) / (high - low)[0], (y - low[1]) / (high - low)[1], powers)

    found = on_nodes(function, ASYMMETRIC, 4, 8)
    np.testing.assert_allclose(found.at(points)[0], function(*points.T), atol=1e-11)


# ---- evaluation ----


def test_a_grid_is_its_points():
    found = interpolate(Counted(lambda x, y: np.exp(x) * y, lambda x, y: x * y**2), ASYMMETRIC, 1e-8, 0).interpolant
    a, b = np.linspace(-0.3, 4.7, 7), np.linspace(-2.5, 0.1, 5)
    points = np.stack(np.meshgrid(a, b, indexing="ij"), -1).reshape(-1, 2)
    assert found.on_grid(a, b).shape == (2, 7, 5)
    np.testing.assert_allclose(found.on_grid(a, b).reshape(2, -1), found.at(points), rtol=1e-10, atol=1e-12)
    line = on_nodes(np.exp, ((0.0, 2.0),), 16)
    np.testing.assert_allclose(line.on_grid(b + 2.5), line.at(b[:, None] + 2.5), rtol=1e-13)


@pytest.mark.parametrize(
    ("domain", "shape"),
    [(((1.0, 1.0),), (1, 3)), (SQUARE, (1, 3)), (((0.0, 1.0),), (3,)), ((*SQUARE, (0.0, 1.0)), (1, 2, 2, 2))],
)
def test_an_interpolant_must_fit_its_domain(domain, shape):
    with pytest.raises(ValueError, match=r"`domain`|`coefficients`"):
        Interpolant(domain, np.zeros(shape))
