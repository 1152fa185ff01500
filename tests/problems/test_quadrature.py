"""Quadrature rules against exact integrals: degree of exactness, rate of convergence, order of points."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pinnscape.problems.domains.boxes import cube
from pinnscape.problems.points import SETS, PointSet, Rule, place
from pinnscape.problems.quadrature import gauss_legendre, simpson, uniform

RULES = {"gauss-legendre": gauss_legendre, "simpson": simpson, "uniform": uniform}
# Name, number of points, the highest degree that is integrated exactly.
EXACT = [("gauss-legendre", n, 2 * n - 1) for n in (1, 2, 3, 5, 8, 13)]
EXACT += [("simpson", n, 3) for n in (3, 5, 21)]
EXACT += [("uniform", n, 1) for n in (1, 2, 7)]
ALL = [*EXACT, *((name, 6, 0) for name in SETS)]


def rule(name: str, points: int, dimension: int, seed: int = 0) -> PointSet:
    """A rule on the unit cube, with this number of points along each axis."""
    return place(cube(dimension), rule=Rule(name, points**dimension if name in SETS else points, seed=seed))


@pytest.mark.parametrize(("name", "points", "degree"), EXACT)
@hypothesis_settings(max_examples=25)
@given(data=st.data())
def test_polynomials_up_to_the_degree_are_exact(name, points, degree, data):
    coefficients = data.draw(st.lists(st.integers(-9, 9), min_size=degree + 1, max_size=degree + 1))
    x, w = RULES[name](points)
    polynomial = np.polynomial.Polynomial(coefficients)
    size = 1 + sum(map(abs, coefficients))
    assert w @ polynomial(x) == pytest.approx(polynomial.integ()(1.0), abs=1e-15 * size * 10)


@pytest.mark.parametrize(("name", "points", "degree"), [case for case in EXACT if case[2] < 11])
def test_the_next_degree_is_not_exact(name, points, degree):
    x, w = RULES[name](points)
    # For odd degrees the error of (x - 1/2)**degree vanishes by symmetry; the degrees here are even.
    assert abs(w @ (x - 0.5) ** (degree + 1) - 0.5 ** (degree + 1) / (degree + 2)) > 1e-9


@pytest.mark.parametrize(("name", "points", "degree"), EXACT)
@pytest.mark.parametrize("dimension", [2, 3])
def test_tensor_products_are_exact_for_the_degree_in_each_variable(name, points, degree, dimension):
    product = rule(name, points, dimension)
    for powers in itertools.product({0, degree // 2, degree}, repeat=dimension):
        integral = np.prod([1 / (power + 1) for power in powers])
        assert product.weights @ (product.points[0] ** powers).prod(1) == pytest.approx(integral, rel=1e-13)


@pytest.mark.parametrize(("name", "order"), [("simpson", 4), ("uniform", 2)])
def test_composite_rules_converge_at_their_rate(name, order):
    errors = []
    for cells in (8, 16, 32, 64):
        x, w = RULES[name](cells + (name == "simpson"))
        errors.append(abs(w @ np.exp(x) - (np.e - 1)))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(rates, order, atol=0.03)


def test_gauss_legendre_converges_geometrically_at_the_rate_of_the_nearest_pole():
    # 1/(1 + x) has its pole at -1, that is at -3 on [-1, 1]: the error falls by (3 + sqrt 8)^2 with each point.
    errors = [abs(w @ (1 / (1 + x)) - np.log(2)) for x, w in map(gauss_legendre, range(2, 8))]
    factors = np.array(errors[:-1]) / errors[1:]
    np.testing.assert_allclose(factors, (3 + np.sqrt(8)) ** 2, rtol=0.1)


@pytest.mark.parametrize(("name", "points", "_degree"), ALL)
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_points_lie_in_the_cube_and_weights_are_positive_with_sum_one(name, points, _degree, dimension):
    made = rule(name, points, dimension)
    assert made.points.shape == (1, points**dimension, dimension)
    assert made.weights.shape == (points**dimension,)
    assert (made.points >= 0).all()
    assert (made.points <= 1).all()
    assert (made.weights > 0).all()
    assert made.weights.sum() == pytest.approx(1.0, abs=1e-14)


def test_the_end_points_of_simpson_carry_weight():
    x, w = simpson(5)
    np.testing.assert_array_equal(x, [0.0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(w, np.array([1, 4, 2, 4, 1]) / 12, rtol=1e-15)


def test_uniform_points_are_the_midpoints_of_equal_cells():
    x, w = uniform(4)
    np.testing.assert_array_equal(x, [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_array_equal(w, 0.25)


@pytest.mark.parametrize("name", ["gauss-legendre", "simpson", "uniform"])
def test_the_last_coordinate_of_a_tensor_product_varies_fastest_and_each_weight_is_with_its_point(name):
    (x, w), made = RULES[name](3), rule(name, 3, 3)
    for k, (i, j, m) in enumerate(itertools.product(range(3), repeat=3)):
        np.testing.assert_array_equal(made.points[0, k], [x[i], x[j], x[m]])
        assert made.weights[k] == pytest.approx(w[i] * w[j] * w[m], rel=1e-15)


def test_monte_carlo_points_are_those_of_the_generator_with_their_seed():
    expected = np.random.default_rng(1).random((25, 2))
    np.testing.assert_array_equal(rule("monte-carlo", 5, 2, seed=1).points[0], expected)


def test_monte_carlo_is_unbiased_with_the_variance_of_the_mean():
    # x^2 y on the unit square: mean 1/6, variance 1/15 - 1/36.
    estimates = [
        made.weights @ (made.points[0, :, 0] ** 2 * made.points[0, :, 1])
        for made in (rule("monte-carlo", 8, 2, s) for s in range(400))
    ]
    variance = (1 / 15 - 1 / 36) / 64
    assert np.mean(estimates) == pytest.approx(1 / 6, abs=4 * np.sqrt(variance / 400))
    assert np.var(estimates) == pytest.approx(variance, rel=4 * np.sqrt(2 / 400))


@pytest.mark.parametrize("points", [0, 1, 2, 4, 20])
def test_simpson_refuses_numbers_of_points_that_make_no_panels(points):
    with pytest.raises(ValueError, match=f"^`points` of the Simpson rule must be odd and at least 3, not {points}$"):
        simpson(points)
