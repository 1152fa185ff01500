"""Roughness and convexity on lines whose answer is known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pinnscape.landscape.axes import centred_axis
from pinnscape.landscape.roughness import convex_share, excess, existing, normalized_variation, roughness_index
from pinnscape.problems.quadrature import gauss_legendre

ALPHA = np.linspace(-2.0, 2.0, 401)

# ---- variation ----


@pytest.mark.parametrize("radius", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("scale", [1e-9, 1.0, -3.0])
def test_a_symmetric_bowl_has_variation_one_over_its_half_length(radius, scale):
    alpha = np.linspace(-radius, radius, 101)
    bowl = 5.0 + scale * alpha**2
    assert normalized_variation(alpha, bowl) == pytest.approx(1.0 / radius, rel=1e-6)
    assert excess(alpha, bowl) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("values", [ALPHA, np.exp(ALPHA), -(ALPHA**3), np.tanh(5 * ALPHA)])
def test_a_monotone_line_has_half_the_variation_of_a_bowl(values):
    assert excess(ALPHA, values) == pytest.approx(0.5)
    assert normalized_variation(ALPHA, values) == pytest.approx(0.25)


@pytest.mark.parametrize("waves", [1, 2, 5, 20])
def test_each_wave_adds_one(waves):
    # cos has 2·waves monotone pieces over its full range on a line of that many periods
    alpha = np.linspace(-1.0, 1.0, 40 * waves + 1)
    assert excess(alpha, np.cos(math.pi * waves * alpha)) == pytest.approx(waves)


@given(st.lists(st.floats(0.0, 10.0), min_size=3, max_size=40), st.integers(0, 40))
def test_a_line_with_a_single_minimum_has_an_excess_of_at_most_one(steps, at):
    at = min(at, len(steps))
    values = np.concatenate([np.cumsum(steps[:at][::-1])[::-1], [0.0], np.cumsum(steps[at:])])
    alpha = np.linspace(-1, 1, len(values))
    if np.ptp(values) > 1e-100:
        assert 0.5 - 1e-9 <= excess(alpha, values) <= 1.0 + 1e-9


def test_variation_does_not_depend_on_scale_and_offset():
    values = np.sin(7 * ALPHA) + ALPHA**2
    assert normalized_variation(ALPHA, 1e-4 * values - 2.5) == pytest.approx(normalized_variation(ALPHA, values), rel=1e-10)
    assert normalized_variation(ALPHA, -values) == pytest.approx(normalized_variation(ALPHA, values), rel=1e-10)


def test_a_constant_line_has_no_variation_to_speak_of():
    assert np.isnan(normalized_variation(ALPHA, np.full(401, 3.0)))
    assert np.isnan(excess(ALPHA, np.full(401, 3.0)))


# ---- holes ----


def test_only_the_part_around_the_centre_counts():
    values = ALPHA**2
    values[:50], values[330] = np.nan, np.inf
    alpha, inside = existing(ALPHA, values)
    np.testing.assert_array_equal(alpha, ALPHA[50:330])
    np.testing.assert_array_equal(inside, values[50:330])


def test_a_line_without_holes_is_kept_whole():
    alpha, inside = existing(ALPHA, ALPHA**2)
    assert len(alpha) == len(inside) == 401


def test_a_line_without_a_loss_at_its_centre_has_no_part():
    values = ALPHA**2
    values[200] = np.nan
    alpha, inside = existing(ALPHA, values)
    assert len(alpha) == len(inside) == 0
    assert np.isnan(excess(ALPHA, values))


def test_a_hole_shortens_the_line_for_the_variation_too():
    values = ALPHA**2
    values[ALPHA > 1.001] = np.nan  # the bowl from -2 to 1
    assert normalized_variation(ALPHA, values) == pytest.approx((4 + 1) / 4 / 3)
    assert excess(ALPHA, values) == pytest.approx((4 + 1) / 4 / 2)


def test_what_lies_beyond_a_hole_does_not_count():
    values = ALPHA**2
    values[:20] += np.random.default_rng(0).standard_normal(20) * 1e3
    values[20] = np.nan
    alpha = ALPHA[21:]
    assert excess(ALPHA, values) == pytest.approx(excess(alpha, alpha**2))


def test_a_line_that_hardly_exists_has_no_variation():
    values = np.full(401, np.nan)
    values[200:202] = 1.0, 2.0
    assert np.isnan(normalized_variation(ALPHA, values))
    assert np.isnan(excess(ALPHA, values))
    assert np.isnan(excess(ALPHA, np.full(401, np.nan)))


# ---- roughness index ----


def test_the_index_is_the_sample_deviation_over_the_mean():
    assert roughness_index(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.5)
    assert roughness_index(np.array([1.0, np.nan, 2.0, 3.0])) == pytest.approx(0.5)
    assert roughness_index(np.full(6, 0.3)) == pytest.approx(0.0, abs=1e-15)
    assert np.isnan(roughness_index(np.array([1.0, np.nan])))


def test_a_loss_that_is_quadratic_in_its_parameters_has_no_roughness():
    # u = x (1 - x) (w x + b) on -u'' = π² sin πx: the residual is linear in (w, b).
    x, weights = map(torch.tensor, gauss_legendre(20))
    load = math.pi**2 * torch.sin(math.pi * x)

    def loss(w, b):
        second = 2 * w - 6 * w * x - 2 * b  # of w x² - w x³ + b x - b x²
        return float(weights @ (second + load) ** 2)

    columns = torch.stack([2 - 6 * x, torch.full_like(x, -2.0)], 1) * weights.sqrt()[:, None]
    minimum = torch.linalg.lstsq(columns, -(weights.sqrt() * load)[:, None]).solution[:, 0].tolist()
    assert minimum[0] == pytest.approx(0.0, abs=1e-12)  # the solution is symmetric
    for radius in (0.5, 3.0):
        alpha, rng = np.linspace(-radius, radius, 101), np.random.default_rng(0)
        lines = [[loss(minimum[0] + a * d[0], minimum[1] + a * d[1]) for a in alpha] for d in rng.standard_normal((20, 2))]
        variations = np.array([normalized_variation(alpha, np.array(line)) for line in lines])
        np.testing.assert_allclose(variations, 1.0 / radius, rtol=1e-9)
        assert roughness_index(variations) == pytest.approx(0.0, abs=1e-9)


# ---- convexity ----


def test_convex_lines_have_share_one_and_concave_ones_zero():
    lines = np.stack([ALPHA**2, np.exp(ALPHA), ALPHA**4 + ALPHA])
    assert convex_share(ALPHA, lines, 2.0) == 1.0
    assert convex_share(ALPHA, -lines, 2.0) < 0.01  # -alpha⁴ is flat to rounding at 0 alone
    assert convex_share(ALPHA, -lines[:2], 2.0) == 0.0


def test_a_wave_is_convex_half_of_the_time():
    assert convex_share(ALPHA, np.sin(2 * math.pi * ALPHA)[None], 2.0) == pytest.approx(0.5, abs=0.02)


def test_shares_of_lines_are_averaged_over_their_points():
    lines = np.stack([ALPHA**2, -(ALPHA**2), ALPHA**2, ALPHA**2])
    assert convex_share(ALPHA, lines, 1.0) == 0.75


@pytest.mark.parametrize("offset", [0.0, 1.0, -2.467e5])
@pytest.mark.parametrize("slope", [0.0, 1.0, -1e3])
def test_a_straight_line_counts_as_convex_whatever_its_rounding(offset, slope):
    alpha = centred_axis(1.0, 101)
    assert convex_share(alpha, (offset + slope * alpha)[None], 1.0) == 1.0


def test_curvature_beyond_rounding_is_seen():
    alpha = np.linspace(-1, 1, 101)
    assert convex_share(alpha, (1.0 - 1e-10 * alpha**2)[None], 1.0) == 0.0


@pytest.mark.parametrize(("radius", "share"), [(0.25, 1.0), (0.5, 1.0), (1.0, 0.5), (2.0, 0.25)])
def test_only_points_within_the_radius_count(radius, share):
    # convex for |alpha| < ½, concave beyond
    line = np.where(np.abs(ALPHA) <= 0.5, ALPHA**2, np.abs(ALPHA) - 0.25 - (np.abs(ALPHA) - 0.5) ** 2)
    assert convex_share(ALPHA, line[None], radius) == pytest.approx(share, abs=0.01)


def test_the_points_at_the_radius_itself_count():
    alpha = np.linspace(-1.0, 1.0, 21)  # -0.3 and 0.3 are not exact
    line = np.where(np.isclose(np.abs(alpha), 0.3), 1.0, 0.0)  # concave there, convex beside
    expected = {0.3: 5 / 7, 0.29: 1.0}  # 7 points to 0.3, of which 2 are peaks
    for radius, share in expected.items():
        assert convex_share(alpha, line[None], radius) == pytest.approx(share)


def test_points_without_a_loss_do_not_count():
    lines = np.stack([ALPHA**2, -(ALPHA**2)])
    lines[1, 100:] = np.nan
    # 399 differences of the first line, and the 98 of the second that touch no hole
    assert convex_share(ALPHA, lines, 2.0) == pytest.approx(399 / (399 + 98))
    assert np.isnan(convex_share(ALPHA, np.full((2, 401), np.nan), 2.0))
