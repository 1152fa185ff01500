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
    slope = polynomial.polyval((points[:, 0] - low) / width, polynomial.polyder(powers)) / width
    np.testing.assert_allclose(found.gradient(points)[0, :, 0], slope, atol=1e3 * scale / width)


@given(st.integers(0, 2**32 - 1))
def test_a_polynomial_of_two_variables_is_reproduced_with_its_derivatives(seed):
    powers = np.random.default_rng(seed).standard_normal((5, 9))
    (low, high), points = np.array(ASYMMETRIC).T, uniform(ASYMMETRIC, 40)

    def derivative(*orders):
        result = powers
        for axis, order in enumerate(orders):
            result = polynomial.polyder(result, order, axis=axis) / (high - low)[axis] ** order
        return lambda x, y: polynomial.polyval2d((x - low[0]) / (high - low)[0], (y - low[1]) / (high - low)[1], result)

    found = on_nodes(derivative(0, 0), ASYMMETRIC, 4, 8)
    np.testing.assert_allclose(found.at(points)[0], derivative(0, 0)(*points.T), atol=1e-11)
    for i, orders in enumerate([(1, 0), (0, 1)]):
        np.testing.assert_allclose(found.gradient(points)[0, :, i], derivative(*orders)(*points.T), atol=1e-10)
    for (i, j), orders in {(0, 0): (2, 0), (0, 1): (1, 1), (1, 0): (1, 1), (1, 1): (0, 2)}.items():
        np.testing.assert_allclose(found.hessian(points)[0, :, i, j], derivative(*orders)(*points.T), atol=1e-8)


# ---- evaluation ----


def test_a_grid_is_its_points():
    found = interpolate(Counted(lambda x, y: np.exp(x) * y, lambda x, y: x * y**2), ASYMMETRIC, 1e-8, 0).interpolant
    a, b = np.linspace(-0.3, 4.7, 7), np.linspace(-2.5, 0.1, 5)
    points = np.stack(np.meshgrid(a, b, indexing="ij"), -1).reshape(-1, 2)
    assert found.on_grid(a, b).shape == (2, 7, 5)
    np.testing.assert_allclose(found.on_grid(a, b).reshape(2, -1), found.at(points), rtol=1e-10, atol=1e-12)
    line = on_nodes(np.exp, ((0.0, 2.0),), 16)
    np.testing.assert_allclose(line.on_grid(b + 2.5), line.at(b[:, None] + 2.5), rtol=1e-13)
    assert line.gradient(b[:, None]).shape == (1, 5, 1)
    assert line.hessian(b[:, None]).shape == (1, 5, 1, 1)


def test_derivatives_of_a_line_are_those_of_the_function():
    domain, points = ((-1.0, 3.0),), np.linspace(-1, 3, 101)[:, None]
    found = on_nodes(lambda x: np.exp(x) * np.sin(2 * x), domain, 32)
    x = points[:, 0]
    slope = np.exp(x) * (np.sin(2 * x) + 2 * np.cos(2 * x))
    second = np.exp(x) * (-3 * np.sin(2 * x) + 4 * np.cos(2 * x))
    np.testing.assert_allclose(found.gradient(points)[0, :, 0], slope, atol=1e-9)
    np.testing.assert_allclose(found.hessian(points)[0, :, 0, 0], second, atol=1e-7)


def test_derivatives_of_a_plane_are_those_of_the_function():
    points = uniform(ASYMMETRIC, 200)
    found = on_nodes(lambda x, y: np.sin(x) * np.exp(0.5 * y), ASYMMETRIC, 32, 16)
    x, y = points.T
    e = np.exp(0.5 * y)
    np.testing.assert_allclose(found.gradient(points)[0], np.stack([np.cos(x) * e, 0.5 * np.sin(x) * e], -1), atol=1e-10)
    mixed = 0.5 * np.cos(x) * e
    rows = [np.stack([-np.sin(x) * e, mixed], -1), np.stack([mixed, 0.25 * np.sin(x) * e], -1)]
    np.testing.assert_allclose(found.hessian(points)[0], np.stack(rows, -2), atol=1e-8)


@pytest.mark.parametrize(
    ("domain", "shape"),
    [(((1.0, 1.0),), (1, 3)), (SQUARE, (1, 3)), (((0.0, 1.0),), (3,)), ((*SQUARE, (0.0, 1.0)), (1, 2, 2, 2))],
)
def test_an_interpolant_must_fit_its_domain(domain, shape):
    with pytest.raises(ValueError, match=r"`domain`|`coefficients`"):
        Interpolant(domain, np.zeros(shape))


# ---- critical points ----


def test_critical_points_of_a_line():
    found = on_nodes(lambda x: 3 * x**4 - 4 * x**3 - 12 * x**2 + 1, ((-2.5, 3.0),), 8).critical_points(0)
    np.testing.assert_allclose(found.positions[:, 0], [2, -1, 0], atol=1e-10)
    np.testing.assert_allclose(found.values, [-31, -4, 1], atol=1e-10)
    np.testing.assert_allclose(found.curvatures[:, 0], [72, 36, -24], rtol=1e-9)
    assert found.kinds == ("minimum", "minimum", "maximum")
    assert len(found) == 3


@pytest.mark.parametrize("waves", [3, 10, 25])
def test_every_wave_of_a_sine_has_its_critical_points(waves):
    found = on_nodes(lambda x: np.sin(waves * math.pi * x), ((0.0, 2.0),), 128).critical_points(0)
    np.testing.assert_allclose(np.sort(found.positions[:, 0]), (np.arange(2 * waves) + 0.5) / waves, atol=1e-9)
    assert found.kinds == ("minimum",) * waves + ("maximum",) * waves


def test_a_monotone_line_and_a_constant_have_none():
    for function in (np.exp, lambda x: 2 * x, lambda x: np.ones_like(x)):
        assert len(on_nodes(function, ((-1.0, 2.0),), 16).critical_points(0)) == 0
    assert len(on_nodes(lambda x, y: x + np.exp(y), SQUARE, 16, 16).critical_points(0)) == 0
    assert len(on_nodes(lambda x, y: np.ones_like(x + y), SQUARE, 8, 8).critical_points(0)) == 0


def test_two_wells():
    found = on_nodes(lambda x, y: (x**2 - 1) ** 2 + y**2, ((-1.7, 1.5), (-0.4, 2.0)), 8, 4).critical_points(0)
    assert found.kinds == ("minimum", "minimum", "saddle")
    order = np.argsort(found.positions[:2, 0])
    np.testing.assert_allclose(found.positions[:2][order], [[-1, 0], [1, 0]], atol=1e-10)
    np.testing.assert_allclose(found.positions[2], [0, 0], atol=1e-10)
    np.testing.assert_allclose(found.values, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(found.curvatures, [[2, 8], [2, 8], [-4, 2]], rtol=1e-9)


def test_himmelblau():
    found = on_nodes(lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2, ((-5.0, 5.0), (-4.5, 5.5)), 16, 8)
    points = found.critical_points(0)
    assert sorted(points.kinds) == ["maximum"] + 4 * ["minimum"] + 4 * ["saddle"]
    assert (np.diff(points.values) >= 0).all()
    known = [[3, 2], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]]
    for minimum in known:
        assert np.abs(points.positions[:4] - minimum).max(1).min() < 1e-6
    np.testing.assert_allclose(points.positions[points.kinds.index("maximum")], [-0.270845, -0.923039], atol=1e-6)


@pytest.mark.parametrize("degree", [32, 64])
def test_every_cell_of_a_chequered_surface(degree):
    found = on_nodes(lambda x, y: np.sin(7 * x) * np.sin(5 * y), SQUARE, degree, degree).critical_points(0)
    x = [(k + 0.5) * math.pi / 7 for k in range(-3, 3) if abs((k + 0.5) * math.pi / 7) < 1]
    y = [(k + 0.5) * math.pi / 5 for k in range(-3, 3) if abs((k + 0.5) * math.pi / 5) < 1]
    zero_x = [k * math.pi / 7 for k in range(-2, 3)]
    zero_y = [k * math.pi / 5 for k in range(-1, 2)]
    expected = sorted([(a, b) for a in x for b in y] + [(a, b) for a in zero_x for b in zero_y])
    np.testing.assert_allclose(sorted(map(tuple, np.round(found.positions, 9))), expected, atol=1e-8)
    assert found.kinds.count("saddle") == len(zero_x) * len(zero_y)
    assert found.kinds.count("minimum") == found.kinds.count("maximum") == len(x) * len(y) // 2


def test_critical_points_belong_to_their_field():
    result = interpolate(Counted(lambda x, y: x**2 + y**2, lambda x, y: -((x - 0.5) ** 2) - 1e-9 * y**2), SQUARE, 1e-8, 0)
    first, second = result.interpolant.critical_points(0), result.interpolant.critical_points(1)
    assert first.kinds == ("minimum",)
    np.testing.assert_allclose(first.positions, [[0, 0]], atol=1e-12)
    assert set(second.kinds) <= {"maximum", "saddle"}


def test_points_on_the_boundary_count_and_those_beyond_do_not():
    line = on_nodes(lambda x: (x - 1) ** 2 * (x + 1.01) ** 2, ((-1.0, 1.0),), 8).critical_points(0)
    assert line.positions[:, 0] == pytest.approx([1.0, -0.005])
    plane = on_nodes(lambda x, y: (x - 1.001) ** 2 + y**2, SQUARE, 8, 8)
    assert len(plane.critical_points(0)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_random_polynomials_have_the_critical_points_that_a_search_finds(seed):
    coefs = np.random.default_rng(seed).standard_normal((1, 6, 7))
    found = Interpolant(SQUARE, coefs)
    points = found.critical_points(0)
    assert (np.linalg.norm(found.gradient(points.positions)[0], axis=1) < 1e-8 * np.abs(coefs).sum()).all()
    gaps = np.abs(points.positions[:, None] - points.positions).max(-1) + 2 * np.eye(len(points))
    assert len(points) < 2 or gaps.min() > 1e-5
    axis = np.linspace(-1, 1, 201)
    grid = found.on_grid(axis, axis)[0]
    inner = grid[1:-1, 1:-1]
    around = np.stack([grid[1 + i : 200 + i, 1 + j : 200 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j])
    for kind, extreme in {"minimum": inner < around.min(0), "maximum": inner > around.max(0)}.items():
        for i, j in np.argwhere(extreme):
            known = points.positions[[k == kind for k in points.kinds]]
            assert np.abs(known - [axis[i + 1], axis[j + 1]]).max(1).min() < 0.05


def test_critical_points_do_not_depend_on_the_units():
    small = on_nodes(lambda x, y: (x**2 - 1) ** 2 + y**2, ((-1.5, 1.5), (-1.0, 1.2)), 8, 8).critical_points(0)
    large = on_nodes(
        lambda x, y: 1e-6 * (((x / 1e3) ** 2 - 1) ** 2 + (y / 1e-2) ** 2), ((-1.5e3, 1.5e3), (-1e-2, 1.2e-2)), 8, 8
    ).critical_points(0)
    assert small.kinds == large.kinds
    np.testing.assert_allclose(np.sort(large.positions / [1e3, 1e-2], axis=0), np.sort(small.positions, axis=0), atol=1e-9)
