"""Limits, levels and labels, against values worked out by hand."""

import numpy as np
import pytest
import xarray as xr
from figures import synthetic

from pinnscape.figures import scales
from pinnscape.figures.scales import Scale, decide


def test_a_range_of_less_than_a_factor_of_thirty_is_linear():
    assert decide(np.array([1.0, 29.0])) == Scale(1.0, 29.0, log=False)
    assert decide(np.array([1.0, 31.0])) == Scale(1.0, 31.0, log=True)


def test_all_arrays_share_one_scale_and_gaps_do_not_count():
    assert decide(np.array([3.0, np.nan]), np.array([[7.0, np.inf]])) == Scale(3.0, 7.0, log=False)


def test_negative_values_alone_are_linear():
    assert decide(np.array([-500.0, -1.0])) == Scale(-500.0, -1.0, log=False)


def test_the_floor_is_no_smaller_than_the_most_negative_value():
    scale = decide(np.array([-1e-3, 1e-9, 1.0, 10.0]))
    assert (scale.low, scale.high, scale.log, scale.below) == (1e-3, 10.0, True, 2)


def test_a_deep_negative_value_makes_the_scale_linear():
    assert decide(np.array([-5.0, 1e-9, 10.0])) == Scale(-5.0, 10.0, log=False)


def test_few_tiny_values_do_not_stretch_the_scale():
    values = np.concatenate([[1e-14] * 4, np.geomspace(1.0, 1e3, 996)])
    scale = decide(values)
    assert scale.low == pytest.approx(1.0, rel=0.05)
    assert scale.below == 4


def test_no_scale_spans_more_than_twelve_decades():
    assert decide(np.array([1e-30, 1e-30, 1.0])).low == pytest.approx(1e-12)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [2.0, 2.0], [0.0], [-3.0]])
def test_degenerate_data_give_a_scale_with_an_extent(values):
    scale = decide(np.array(values))
    assert scale.high > scale.low
    assert len(scale.levels()) >= 2


def test_levels_of_a_logarithmic_scale_are_round_and_cover_it():
    levels = Scale(2e-3, 50.0, log=True).levels()  # -2.7 to 1.7: 18 quarters of a decade are too many, so halves
    np.testing.assert_allclose(np.log10(levels), np.arange(-3, 2.1, 0.5))


def test_levels_of_a_few_decades_by_hand():
    np.testing.assert_allclose(Scale(1e-2, 1e2, log=True).levels(), 10.0 ** np.arange(-2, 2.1, 0.25))
    np.testing.assert_allclose(Scale(1e-2, 1e2, log=True).levels(4), [1e-2, 1e-1, 1, 10, 100])


def test_clipping_raises_to_the_lowest_level_and_keeps_gaps():
    scale = Scale(1e-2, 1e2, log=True)
    np.testing.assert_array_equal(scale.clip(np.array([-1.0, 0.0, np.nan, 5.0])), [1e-2, 1e-2, np.nan, 5.0])
    np.testing.assert_array_equal(Scale(-1.0, 1.0, log=False).clip(np.array([-9.0, np.nan])), [-9.0, np.nan])


def test_ticks_are_whole_decades_where_there_are_two():
    scale = Scale(1e-2, 1e2, log=True)
    np.testing.assert_allclose(scale.ticks(), [1e-2, 1e-1, 1, 10, 100])
    assert scale.tick_labels() == [rf"$10^{{{n}}}$" for n in range(-2, 3)]
    np.testing.assert_allclose(scale.ticks(3), [1e-2, 1, 100])


def test_ticks_of_a_linear_scale_are_levels_with_short_labels():
    scale = Scale(-1.0, 1.0, log=False)
    assert set(scale.ticks()) <= set(scale.levels())
    assert scale.tick_labels() == ["−0.8", "−0.4", "0", "0.4", "0.8"]


def test_the_label_states_a_floor_only_where_values_lie_below_it():
    assert Scale(1e-2, 1.0, log=True, below=3).label("energy gap") == "energy gap (floor 0.01)"
    assert Scale(1e-2, 1.0, log=True).label("energy gap") == "energy gap"
    assert Scale(-1.0, 1.0, log=False).label("energy gap") == "energy gap"


def test_the_ritz_loss_is_shown_as_a_gap_and_the_others_as_they_are():
    surface = synthetic.surface()
    np.testing.assert_allclose(scales.shown(surface, "deep-ritz"), surface["energy_gap"])
    np.testing.assert_array_equal(scales.shown(surface, "strong-form"), surface["value"].sel(loss="strong-form"))


def test_the_scale_of_a_ritz_plane_ignores_its_values_below_the_minimum():
    surface = synthetic.surface()
    gap = scales.shown(surface, "deep-ritz")
    assert float(gap.min()) == pytest.approx(-synthetic.DIP)
    scale = decide(gap)
    assert scale.log
    assert scale.low >= synthetic.DIP
    assert np.nanmin(scale.clip(gap.values)) > 0


def test_a_gap_within_the_error_of_the_quadrature_rule_is_not_shown():
    surface = synthetic.surface().assign(quadrature_error=((), 2.5))
    assert scales.shown(surface, "deep-ritz").attrs["resolution"] == 2.5
    assert "resolution" not in scales.shown(surface, "supervised").attrs
    fine = surface.assign(resolution=("loss", [7.0, 2.0, 3.0]))
    assert scales.shown(fine, "deep-ritz").attrs["resolution"] == 7.0
    lost = surface.assign(quadrature_error=((), np.inf))
    assert "resolution" not in scales.shown(lost, "deep-ritz").attrs


def test_values_within_their_error_are_zero_and_said_to_be():
    values, error = np.array([1.0, 1e-3, -1e-3, -1.0, np.nan]), np.array([0.1, 0.1, 0.1, 0.1, 0.1])
    np.testing.assert_array_equal(scales.resolved(values, error), [1.0, 0.0, 0.0, -1.0, np.nan])
    assert scales.unresolved(values, error)
    assert not scales.unresolved(values[[0, 3, 4]], error[:3])
    assert (
        scales.omission(scales.resolved(values, error), unresolved=True)
        == "3 values ≤ 0 or within the quadrature error omitted"
    )


def test_values_without_a_logarithm_are_left_out_and_counted():
    values = np.array([-1.0, 0.0, 2.0, np.nan])
    np.testing.assert_array_equal(scales.positive(values), [np.nan, np.nan, 2.0, np.nan])
    assert scales.omission(values) == "2 values ≤ 0 omitted"
    assert scales.omission(np.array([0.0]), np.array([1.0])) == "1 value ≤ 0 omitted"
    assert scales.omission(np.array([1.0, np.nan])) == ""


def test_lines_are_scaled_each_to_its_own_range():
    values = np.array([[-4.0, -2.0, 0.0], [5.0, np.nan, 15.0], [3.0, 3.0, 3.0], [np.nan] * 3])
    expected = np.array([[0, 0.5, 1], [0, np.nan, 1], [0, 0, 0], [np.nan] * 3])
    np.testing.assert_array_equal(scales.normalised(values), expected)


def test_a_few_values_far_above_all_others_do_not_set_the_scale():
    values = np.concatenate([np.geomspace(1.0, 1e3, 200), [1e9, 1e12]])
    scale = scales.decide(values)
    assert scale.log
    assert scale.high <= 1e3
    assert scale.above == (values > scale.levels()[-1]).sum() >= 2
    assert "ceiling" in scale.label("loss")
    assert scale.clip(values).max() == scale.levels()[-1]
    without = scales.decide(values[:200])
    assert (without.high, without.above) == (1e3, 0)
    assert "ceiling" not in without.label("loss")


def test_a_line_that_blows_up_is_scaled_by_its_bulk():
    bowl = np.linspace(-1.0, 1.0, 21) ** 2
    spiked = np.append(bowl, 1e6)
    bulk = np.quantile(spiked, 0.8)
    (scaled,) = scales.normalised(spiked[None])
    np.testing.assert_allclose(scaled[:-1], bowl / bulk)
    assert scaled[-1] > 1e5
    np.testing.assert_allclose(scales.normalised(bowl[None])[0], bowl)


def test_missing_values_are_those_that_inversion_does_not_explain():
    values, infeasible = np.array([1.0, np.nan, np.nan, np.inf]), np.array([1, 1, 0, 0])
    np.testing.assert_array_equal(scales.missing(values, infeasible), [False, False, True, True])


def test_what_is_below_the_resolution_of_a_spectral_surface_is_not_shown():
    surface = synthetic.surface(points=5)
    plain = scales.shown(surface, "strong-form")
    assert "resolution" not in plain.attrs
    fine = surface.assign(resolution=("loss", [1.0, 2.0, 3.0]))
    assert [scales.shown(fine, name).attrs["resolution"] for name in surface["loss"].values] == [1.0, 2.0, 3.0]
    values = xr.DataArray(np.geomspace(1e-6, 1e3, 200))
    assert decide(values).low < 1e-5
    assert decide(values.assign_attrs(resolution=0.1)).low == 0.1
