"""What the single figures decide before they draw, against values worked out by hand."""

import numpy as np
import pytest
import xarray as xr
from figures import synthetic

from pinnscape.figures import (
    claims,
    cross,
    hessian_planes,
    lines,
    planes3d,
    solutions,
    spectra,
    style,
    training_curves,
    trajectory,
)
from pinnscape.figures.scales import Scale

# ---- solutions ----


def test_relative_error_of_a_scaled_solution():
    data = synthetic.solution("poisson2d")
    data["error"] = 0.25 * data["u_exact"]
    assert solutions.relative_error(data) == pytest.approx(0.25)


def test_relative_error_counts_all_components_together():
    data = synthetic.solution("neo_hookean2d")
    data["u_exact"][:] = 1.0
    data["error"][0], data["error"][1] = 0.3, 0.4  # sqrt(0.3^2 + 0.4^2) / sqrt(2)
    assert solutions.relative_error(data) == pytest.approx(0.5 / np.sqrt(2))


def test_errors_of_like_size_share_limits_and_others_do_not():
    assert solutions.error_limits([np.array([-1.0, 0.5]), np.array([4.0])]) == [4.0, 4.0]
    assert solutions.error_limits([np.array([-1.0, 0.5]), np.array([6.0])]) == [1.0, 6.0]
    assert solutions.error_limits([np.zeros(2), np.array([6.0])]) == [6.0, 6.0]
    assert solutions.error_limits([np.zeros(2)]) == [1.0]


@pytest.mark.parametrize(("limit", "tick"), [(3.9e-3, 3e-3), (1.0, 1.0), (0.0999, 0.09), (250.0, 200.0)])
def test_ticks_of_errors_are_round(limit, tick):
    assert solutions.round_below(limit) == pytest.approx(tick)


def test_symbols_of_the_exact_solution():
    assert solutions.exact_symbol("u") == "u^*"
    assert solutions.exact_symbol("u_2") == "u^*_{2}"


def test_a_seed_without_solutions_is_named():
    with pytest.raises(Exception, match=r"no file of seed 7 among those of seeds 0, 1; set figures\.seed to one of them"):
        solutions.draw({("deep-ritz", seed): synthetic.solution(seed=seed) for seed in (0, 1)}, 7)


def test_a_solution_of_the_cube_is_shown_on_its_middle_plane_or_where_it_is_largest():
    data = synthetic.solution("poisson3d", points=9)
    assert solutions.shown_plane(data) == 0.5
    odd = data.assign(u_exact=data["u_exact"] * (data["z"] - 0.5) * (data["z"] > 0.3))
    assert odd["u_exact"].sel(z=0.5).max() == 0.0
    assert solutions.shown_plane(odd) == 0.75
    both = xr.concat([data.assign_coords(component=["u_1"]), 1e-3 * odd.assign_coords(component=["u_2"])], "component")
    assert solutions.shown_plane(both) == 0.75  # a component counts whatever its size
    assert solutions.shown_plane(data.assign(u_exact=0.0 * data["u_exact"])) == 0.5


def test_slices_are_labelled_and_errors_are_those_of_the_cube():
    data = synthetic.solution("poisson3d", points=9)  # on the middle plane the error vanishes
    fig = solutions.draw({("deep-ritz", 0): data}, 0)
    assert fig.get_suptitle().endswith("seed 0, plane $z$ = 0.5")
    assert solutions.relative_error(data) > 1e-3
    titles = [ax.get_title() for ax in fig.axes]
    assert f"Deep Ritz\nrel. $L^2$ error, cube: {style.number(solutions.relative_error(data))}" in titles
    images = [ax.collections[0].get_array() for ax in fig.axes if ax.collections and ax.get_label() != "<colorbar>"]
    np.testing.assert_allclose(images[0].reshape(9, 9), data["u_exact"].sel(component="u", z=0.5).T)
    assert np.abs(images[2]).max() < 1e-15


def test_the_relative_error_of_a_solution_that_is_zero_is_withheld():
    data = synthetic.solution("poisson2d", points=9)
    data["u_exact"][:] = 0.0
    assert np.isnan(solutions.relative_error(data))
    fig = solutions.draw({("deep-ritz", 0): data}, 0)
    assert any(ax.get_title().endswith("\nexact solution zero") for ax in fig.axes)


# ---- training ----


def test_errors_that_are_withheld_have_no_panel_and_the_legend_says_why():
    data = synthetic.training()
    for name in ("l2_error", "h1_error"):
        data[name] = data[name] * np.nan
        data[name].attrs["withheld"] = "the exact solution is zero"
    fig = training_curves.draw({("deep-ritz", 0): data})
    assert [ax.get_ylabel() for ax in fig.axes] == ["training loss (Deep Ritz: energy gap)", "norm of the gradient"]
    said = fig.legends[0].get_title().get_text()
    assert said == "relative $L^2$ error and relative $H^1$ error withheld: the exact solution is zero"


def test_the_median_keeps_the_last_value_of_runs_that_stopped():
    steps = [np.array([0, 10]), np.array([0, 10, 20]), np.array([0, 10, 20])]
    at, value = training_curves.median(steps, [np.array([1.0, 5.0]), np.array([2.0, 1.0, 0.0]), np.array([3.0, 9.0, 9.0])])
    np.testing.assert_array_equal(at, [0, 10, 20])
    np.testing.assert_array_equal(value, [2.0, 5.0, 5.0])


def test_trainings_below_the_minimum_of_the_energy_are_counted_in_the_title():
    runs = {("deep-ritz", seed): synthetic.training(seed=seed) for seed in (0, 1)}
    assert training_curves.warning(runs) == ""
    runs["deep-ritz", 1]["quadrature_error"][:] = 0.5 * synthetic.DIP
    expected = f"energy below its minimum in 1 of 2 runs, by up to {style.number(synthetic.DIP)}: the exact solution does not minimise it"
    assert training_curves.warning(runs) == expected
    fig = training_curves.draw(runs)
    assert fig.get_suptitle() == f"Poisson 2-D: training\n{expected}"
    assert fig._suptitle.get_color() == style.WARNING


def test_the_quadrature_error_is_drawn_where_a_gap_comes_near_it():
    runs = {("deep-ritz", 0): synthetic.training()}

    def labels():
        return [text.get_text() for text in training_curves.draw(runs).legends[0].get_texts()]

    assert "quadrature error of the energy gap" in labels()
    runs["deep-ritz", 0]["quadrature_error"][:] = 1e-15
    assert "quadrature error of the energy gap" not in labels()


def test_switches_of_the_optimiser():
    assert training_curves.switches(synthetic.training()) == [(510, "L-BFGS")]
    data = synthetic.training().isel(step=slice(0, 10))
    assert training_curves.switches(data) == []


def test_the_trained_loss_of_deep_ritz_is_its_gap():
    ritz, strong = synthetic.training(formulation="deep-ritz"), synthetic.training(formulation="strong-form")
    np.testing.assert_array_equal(training_curves.quantity_of(ritz, "loss"), ritz["energy_gap"])
    np.testing.assert_array_equal(training_curves.quantity_of(strong, "loss"), strong["loss"])


def test_the_label_mentions_the_gap_only_with_deep_ritz():
    assert "energy gap" in training_curves.label("loss", {"deep-ritz"})
    assert "energy gap" not in training_curves.label("loss", {"strong-form"})
    assert "energy gap" not in training_curves.label("l2_error", {"deep-ritz"})


# ---- lines ----


def test_the_typical_range_is_the_median_over_lines_with_values():
    values = np.array([[0.0, 1.0], [0.0, 3.0], [np.nan, 10.0], [np.nan, np.nan], [-5.0, 5.0]])
    assert lines.typical_range(values) == 2.0  # ranges 1, 3, 0, 10
    assert np.isnan(lines.typical_range(np.full((1, 2), np.nan)))


def test_spans_reach_half_a_step_beyond_their_points():
    alpha = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    assert lines.spans(alpha, np.array([True, False, False, True, True])) == [(-1.0, -0.75), (0.25, 1.0)]
    assert lines.spans(alpha, np.zeros(5, bool)) == []


# ---- planes ----


def test_heights_are_logarithms_only_on_a_logarithmic_scale():
    np.testing.assert_allclose(planes3d.heights(np.array([-1.0, 100.0]), Scale(0.1, 100.0, log=True)), [-1.0, 2.0])
    np.testing.assert_array_equal(planes3d.heights(np.array([-1.0, 100.0]), Scale(-1.0, 100.0, log=False)), [-1.0, 100.0])


def test_axes_of_a_trajectory_name_their_explained_variance_and_their_unit():
    labels = trajectory.axis_labels(synthetic.surface("trajectory"))
    assert labels == ("PC 1: 91.4 % (Euclidean length)", "PC 2: 6.23 % (Euclidean length)")


def test_axes_of_a_hessian_plane_name_the_curvature_in_their_own_unit():
    """λ = 1234.5 per unit of length, and the direction is 7.5 long; λ = -0.00325, and it is 7.25 long."""
    labels = hessian_planes.axis_labels(synthetic.surface("hessian-extreme"), ("1", "P"))
    assert labels == (r"$v_{1}$ (‖θ‖), curvature $6.94\times10^{4}$", "$v_{P}$ (‖θ‖), curvature −0.171")


def test_headings_mark_the_own_loss_and_correlate_the_others():
    surface = synthetic.surface()
    assert cross.heading(surface, "deep-ritz", "deep-ritz") == "energy gap (trained)"
    assert cross.heading(surface, "deep-ritz", "supervised").startswith(r"supervised loss, $\rho$ = 0.9")


# ---- spectra ----


def _spectrum(values, index):
    return xr.Dataset({"eigenvalue": (("loss", "eigen"), [values])}, coords={"loss": ["deep-ritz"], "eigen": index})


def test_ratios_have_a_gap_where_eigenvalues_are_unknown():
    index, ratios = spectra.ratios_of(_spectrum([4.0, 2.0, 0.0, -1.0], [0, 1, 8, 9]), "deep-ritz")
    np.testing.assert_array_equal(index, [0, 1, np.nan, 8, 9])
    np.testing.assert_array_equal(ratios, [1.0, 0.5, np.nan, 0.0, -0.25])


def test_magnitudes_leave_out_what_is_zero_to_round_off():
    np.testing.assert_array_equal(spectra.magnitudes(np.array([1.0, -0.5, 1e-18, 0.0])), [1.0, 0.5, np.nan, np.nan])


def test_the_histogram_is_a_density_without_empty_bins():
    heights, edges = spectra.histogram(np.array([0.0, 0.0, 0.0, 1.0]), bins=4)
    np.testing.assert_allclose(edges, [0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(heights, [3.0, np.nan, np.nan, 1.0])


def test_a_shown_density_is_positive():
    np.testing.assert_array_equal(spectra.shown_density(np.array([10.0, 1e-3, 1e-7, 0.0])), [10.0, 1e-3, np.nan, np.nan])


# ---- claims ----


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0123, "1.01"),
        (45678.9, "4.57e4"),
        (3.21e-5, "3.21e-5"),
        (0.0, "0"),
        (1000.0, "1000"),
        (1e6, "1e6"),
        (9.999e-4, "0.001"),
        (np.nan, "–"),
        (np.inf, "–"),
    ],
)
def test_three_significant_digits(value, text):
    assert claims.significant(value) == text


def test_a_cell_has_mark_value_and_spread():
    assert claims.cell(0.87654, 0.8, 0.9, "mixed") == "~ 0.877\n0.8…0.9"
    assert claims.cell(np.nan, np.nan, np.nan, "not measured") == "–"
    assert claims.cell(3.21e-5, 2.9e-5, 3.9e-5, np.nan) == "3.21e-5\n2.9e-5\n…3.9e-5"


def test_codes_and_texts_of_the_table():
    codes, texts = claims.tables(synthetic.claims())
    assert codes.shape == (10, 12)
    assert list(codes.columns[:3]) == [("poisson1d", name) for name in synthetic.FORMULATIONS]
    assert codes.index[0] == ("alike", "principal_angle_median", "30")
    smooth, ritz = ("smooth", "variation_median", "1.05"), "deep-ritz"
    assert codes.loc[smooth, ("poisson1d", ritz)] == 0  # holds
    assert codes.loc[smooth, ("poisson2d", ritz)] == 1  # mixed
    assert codes.loc[smooth, ("semilinear2d", ritz)] == 2  # does not hold
    assert codes.loc[("smooth", "variation_spread", ""), ("poisson1d", ritz)] == 3  # no verdict
    assert codes.loc[("well conditioned", "share_above", "0.1"), ("poisson1d", ritz)] == 3
    assert np.isnan(codes.loc[codes.index[0], ("poisson1d", "supervised")])
    assert texts.loc[codes.index[0], ("poisson1d", "supervised")] == ""
    assert texts.loc[codes.index[0], ("poisson1d", ritz)].startswith("✓ 61.5")


def test_labels_of_rows():
    assert claims.row_label("well_conditioned", "share", "0.1") == "well conditioned\nshare (threshold 0.1)"
    assert claims.row_label("convex", "radius", "") == "convex\nradius"


def test_the_data_driven_baseline_is_the_first_column_and_has_no_verdict():
    codes, texts = claims.tables(synthetic.claims(baseline=0.5))
    without = claims.tables(synthetic.claims())
    assert codes.columns[0] == texts.columns[0] == (claims.BASELINE, "")
    assert (codes[claims.BASELINE] == len(claims.VERDICTS)).all().all()
    assert set(texts[claims.BASELINE, ""]) == {"0.5\n0.25…1"}
    assert codes.iloc[:, 1:].equals(without[0])
    assert texts.iloc[:, 1:].equals(without[1])
