"""Axes: 0 is always on them, and they reach as far as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnscape.landscape.axes import centred_axis, covering_axis, plane_coordinates

odd = st.integers(1, 200).map(lambda k: 2 * k + 1)
moderate = st.floats(-1e6, 1e6).filter(lambda v: v == 0.0 or abs(v) > 1e-6)


@given(radius=st.floats(1e-6, 1e6), points=odd)
def test_a_centred_axis_is_symmetric_about_0_and_reaches_its_radius(radius, points):
    axis = centred_axis(radius, points)
    assert len(axis) == points
    assert axis[points // 2] == 0.0
    np.testing.assert_array_equal(axis, -axis[::-1])
    assert axis[-1] == pytest.approx(radius, rel=1e-15)
    np.testing.assert_allclose(np.diff(axis), 2 * radius / (points - 1), rtol=1e-9)


def test_centred_axes_by_hand():
    np.testing.assert_array_equal(centred_axis(1.0, 5), [-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_array_equal(centred_axis(0.5, 3), [-0.5, 0.0, 0.5])


@given(values=st.lists(moderate, min_size=1, max_size=30), margin=st.floats(0.001, 5.0), points=st.integers(3, 101))
def test_a_covering_axis_covers_its_values_with_a_margin(values, margin, points):
    axis = covering_axis(np.array(values), margin, points)
    low, high = min(0.0, *values), max(0.0, *values)
    extent = high - low or 1.0
    slack = 1e-9 * extent
    assert len(axis) == points
    assert (axis == 0.0).sum() == 1
    assert axis[0] <= low - margin * extent + slack
    assert axis[-1] >= high + margin * extent - slack
    np.testing.assert_allclose(np.diff(axis), axis[-1] - axis[-2], rtol=1e-9)


@given(values=st.lists(moderate, min_size=2, max_size=30).filter(any), points=st.integers(15, 101))
def test_a_covering_axis_does_not_reach_much_farther_than_it_must(values, points):
    axis = covering_axis(np.array(values), 0.1, points)
    needed = 1.2 * (max(0.0, *values) - min(0.0, *values))
    assert axis[-1] - axis[0] <= needed * (1.0 + 13.0 / points)


def test_a_covering_axis_by_hand():
    # -1 … 3 with a margin of a quarter: -2 … 4
    np.testing.assert_allclose(covering_axis(np.array([3.0, -1.0, 0.5]), 0.25, 7), [-2, -1, 0, 1, 2, 3, 4])
    # all on one side: 0 … 4 with a margin of a half: -2 … 6
    np.testing.assert_allclose(covering_axis(np.array([4.0, 1.0]), 0.5, 5), [-2, 0, 2, 4, 6])
    np.testing.assert_allclose(covering_axis(np.array([-4.0, -1.0]), 0.5, 5), [-6, -4, -2, 0, 2])


def test_a_path_that_does_not_move_has_an_axis_too():
    np.testing.assert_allclose(covering_axis(np.zeros(4), 0.5, 3), [-0.5, 0.0, 0.5])


def test_the_first_index_of_a_plane_is_alpha():
    plane = plane_coordinates(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0]))
    assert plane.shape == (3, 2, 2)
    assert plane[2, 0].tolist() == [3.0, 10.0]
    assert plane[0, 1].tolist() == [1.0, 20.0]
