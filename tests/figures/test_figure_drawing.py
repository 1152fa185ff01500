"""Every figure of a one- and a two-dimensional problem: labels, colours, logarithms and gaps."""

import matplotlib.colors
import numpy as np
import pytest
from figures import synthetic
from matplotlib.contour import ContourSet
from matplotlib.patches import Rectangle, StepPatch
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.figures import (
    claims,
    cross,
    hessian_planes,
    lines,
    panels,
    planes,
    planes3d,
    solutions,
    spectra,
    style,
    training_curves,
    trajectory,
)

PROBLEMS = ("poisson1d", "neo_hookean2d")
NAMES = synthetic.FORMULATIONS
COLOURS = {"deep-ritz": "#0072B2", "strong-form": "#D55E00", "supervised": "#009E73"}


def _surfaces(plane, problem):
    return {name: synthetic.surface(plane, problem, name) for name in NAMES}


DRAW = {
    "solutions": lambda p: solutions.draw({(f, s): synthetic.solution(p, f, s, 15) for f in NAMES for s in (0, 1)}, 0),
    "training_curves": lambda p: training_curves.draw({(f, s): synthetic.training(p, f, s) for f in NAMES for s in (0, 1)}),
    "lines": lambda p: lines.draw({f: synthetic.lines(p, f) for f in NAMES}),
    "planes": lambda p: planes.draw(_surfaces("random", p)),
    "planes3d": lambda p: planes3d.draw(_surfaces("random", p)),
    "trajectory": lambda p: trajectory.draw(_surfaces("trajectory", p)),
    "hessian_planes": lambda p: hessian_planes.draw(_surfaces("hessian-top", p), _surfaces("hessian-extreme", p)),
    "spectra": lambda p: spectra.draw(
        {(f, s, c): synthetic.hessian(p, f, s, c) for f in NAMES for s in (0, 1) for c in synthetic.CHECKPOINTS}, 1
    ),
    "cross": lambda p: cross.draw(_surfaces("random", p)),
}
PLANES = ("planes", "trajectory", "hessian_planes", "cross")
CASES = [(name, problem) for name in DRAW for problem in PROBLEMS]
_drawn = {}


def drawn(name, problem):
    """A figure, drawn once for all tests, which only look at it."""
    if (name, problem) not in _drawn:
        _drawn[name, problem] = DRAW[name](problem)
    return _drawn[name, problem]


def _panels(fig):
    return [ax for ax in fig.axes if ax.axison and ax.get_label() != "<colorbar>"]


def _contours(ax, *, filled=True):
    """Contours of data, without the hatching."""
    sets = [artist for artist in ax.collections if isinstance(artist, ContourSet) and artist.filled is filled]
    return [artist for artist in sets if artist.get_label() != panels.INFEASIBLE_LABEL]


def _covers(artist, point):
    return any(path.contains_point(point) for path in artist.get_paths())


def _legend_texts(fig):
    return [text.get_text() for legend in fig.legends for text in legend.get_texts()]


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_the_problem_is_named_and_every_axis_has_a_label(name, problem):
    fig = drawn(name, problem)
    assert style.case_label(problem) in fig.get_suptitle()
    for ax in _panels(fig):
        for kind in "xyz" if hasattr(ax, "zaxis") else "xy":
            shared = getattr(ax, f"get_shared_{kind}_axes", None)
            siblings = shared().get_siblings(ax) if shared else [ax]
            assert any(getattr(other, f"get_{kind}label")() for other in siblings), (kind, ax)


UNITS = {
    "planes": "filter norms",
    "planes3d": "filter norms",
    "cross": "filter norms",
    "trajectory": "Euclidean length",
    "hessian_planes": "‖θ‖",
}


@pytest.mark.parametrize("name", UNITS)
def test_both_axes_of_a_plane_state_their_unit(name):
    axes = [ax for ax in drawn(name, "poisson1d").axes if _contours(ax) or hasattr(ax, "zaxis")]
    assert len(axes) >= 3
    for kind in "xy":
        labels = {getattr(ax, f"get_{kind}label")() for ax in axes} - {""}
        assert labels
        assert all(f"({UNITS[name]})" in label for label in labels)


def test_lines_state_their_unit_and_one_without_a_unit_has_none():
    assert {ax.get_xlabel() for ax in drawn("lines", "poisson1d").axes} == {"", r"$\alpha$ along the line (filter norms)"}
    surface = synthetic.surface()
    del surface.attrs["axis_unit"]
    assert panels.axis_labels(surface) == (r"$\alpha$", r"$\beta$")


@pytest.mark.parametrize("name", ["planes", "trajectory", "hessian_planes"])
def test_colour_bars_tell_the_exact_value_at_the_trained_point(name):
    labels = [ax.get_xlabel() for ax in drawn(name, "poisson1d").axes if ax.get_label() == "<colorbar>"]
    value = style.number(-synthetic.DIP)
    assert [label for label in labels if label.endswith(f"\n{value} at the trained point")]
    assert not [label for label in labels if "below" in label]


def test_a_trained_point_below_the_minimum_is_named_in_its_colour_bar():
    surfaces = _surfaces("random", "poisson1d")
    surfaces["deep-ritz"]["quadrature_error"] = 0.5 * synthetic.DIP
    labels = [ax.get_xlabel() for ax in planes.draw(surfaces).axes if ax.get_label() == "<colorbar>"]
    assert [label for label in labels if label.endswith("at the trained point: below the minimum")]


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_colour_bars_say_what_they_show(name, problem):
    for ax in drawn(name, problem).axes:
        if ax.get_label() == "<colorbar>":
            assert ax.get_xlabel() or ax.get_ylabel()


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_logarithmic_axes_hold_positive_data_only(name, problem):
    for ax in drawn(name, problem).axes:
        if ax.get_yscale() == "log":
            for line in ax.get_lines():
                values = np.asarray(line.get_ydata(), float)
                assert not (values <= 0).any() or line.get_transform() != ax.transData
            for patch in ax.patches:
                if isinstance(patch, StepPatch):
                    assert patch.get_data().baseline > 0
                    assert not (patch.get_data().values <= 0).any()
        assert ax.get_xscale() != "log"


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_contours_of_gaps_below_the_exact_energy_are_raised_to_a_positive_floor(name, problem):
    found = [artist for ax in _panels(drawn(name, problem)) for artist in _contours(ax)]
    assert len(found) >= 3
    assert min(float(artist.zmin) for artist in found) > 0  # all losses here span decades
    labels = [ax.get_xlabel() for ax in drawn(name, problem).axes if ax.get_label() == "<colorbar>"]
    assert any(label.startswith("energy gap") and "(floor " in label for label in labels)


def test_surfaces_have_finite_heights_where_gaps_are_negative():
    ax = drawn("planes3d", "poisson1d").axes[0]
    assert ax.get_zlabel() == r"$\log_{10} L$"
    low, high = ax.get_zlim()
    assert -6 < low < high < 3
    assert "energy gap\n(floor" in ax.get_title()


# ---- colours ----


def _lines_of(fig):
    return {matplotlib.colors.to_hex(line.get_color()).upper() for ax in _panels(fig) for line in ax.get_lines()}


def test_formulations_have_their_colour_in_every_figure():
    assert {name: style.colour(name) for name in FORMULATIONS} == COLOURS
    for name in ("training_curves", "spectra", "lines", "trajectory"):
        assert set(COLOURS.values()) <= _lines_of(drawn(name, "neo_hookean2d")), name
    for name in ("planes", "hessian_planes", "trajectory", "planes3d"):
        titled = drawn(name, "neo_hookean2d").axes[:3]
        assert [ax.title.get_color() for ax in titled] == list(COLOURS.values()), name


def test_solutions_in_one_dimension_are_drawn_in_the_colour_of_their_formulation():
    for ax, colour in zip(drawn("solutions", "poisson1d").axes[:3], COLOURS.values(), strict=True):
        (network,) = (line for line in ax.get_lines() if line.get_label() == "network")
        assert network.get_color() == colour


def test_the_chosen_seed_is_thick():
    ax = drawn("spectra", "poisson1d").axes[0]
    widths = [line.get_linewidth() for line in ax.get_lines() if line.get_linestyle() == "-"]
    assert sorted(set(widths)) == [0.5, 1.6]
    assert widths.count(1.6) == 3
    assert {"seed 1", "other seeds"} <= set(_legend_texts(drawn("spectra", "poisson1d")))


# ---- infeasible regions ----


@pytest.mark.parametrize("name", PLANES)
def test_inverted_regions_are_hatched_and_hold_no_colour(name):
    fig = drawn(name, "neo_hookean2d")
    assert panels.INFEASIBLE_LABEL in _legend_texts(fig)
    checked = 0
    for ax in _panels(fig):
        areas = [artist for artist in ax.collections if artist.get_label() == panels.INFEASIBLE_LABEL]
        for area in areas:
            right, left = ([0.95 * ax.get_xlim()[1], 0.0], [0.5 * ax.get_xlim()[0], 0.0])
            assert area.hatches == [style.HATCH]
            assert _covers(area, right)
            assert not _covers(area, left)
            (data,) = _contours(ax)
            assert _covers(data, left)
            assert not _covers(data, right)
            assert matplotlib.colors.same_color(ax.get_facecolor(), style.NO_VALUE)
            checked += 1
    assert checked >= 3


@pytest.mark.parametrize("name", [*PLANES, "lines", "planes3d"])
def test_without_inversion_nothing_is_hatched(name):
    fig = drawn(name, "poisson1d")
    assert not any("infeasible" in text for text in _legend_texts(fig))
    for ax in fig.axes:
        assert not any("infeasible" in str(artist.get_label()) for artist in [*ax.collections, *ax.patches])


def test_other_gaps_are_grey_with_an_entry_of_their_own():
    assert panels.MISSING_LABEL in _legend_texts(drawn("planes", "poisson1d"))
    whole = synthetic.surface().isel(alpha=slice(1, None))
    assert panels.MISSING_LABEL not in _legend_texts(planes.draw({"deep-ritz": whole}))


def test_inverted_stretches_of_lines_are_hatched():
    fig = drawn("lines", "neo_hookean2d")
    assert _legend_texts(fig) == [lines.INFEASIBLE_LABEL]
    for ax in fig.axes:
        spans = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
        edges = sorted((round(p.get_x(), 3), round(p.get_x() + p.get_width(), 3)) for p in spans)
        assert edges == [(-1.0, -0.875), (0.675, 1.0)]  # points at -0.9 and below, 0.7 and above; steps of 0.05


def test_inverted_regions_are_holes_over_a_hatched_floor_in_three_dimensions():
    fig = drawn("planes3d", "neo_hookean2d")
    assert panels.INFEASIBLE_LABEL in _legend_texts(fig)
    for ax in fig.axes:
        assert any(artist.get_label() == panels.INFEASIBLE_LABEL for artist in ax.collections)
        (surface,) = (artist for artist in ax.collections if type(artist) is Poly3DCollection)
        assert len(surface._faces) < 20 * 20  # all cells of a plane without holes


def test_a_plane_without_any_value_is_drawn_empty():
    surface = synthetic.surface(problem="neo_hookean2d")
    surface["value"][:], surface["h1_error"][:], surface["l2_error"][:], surface["infeasible"][:] = np.nan, np.nan, np.nan, 1
    fig = planes.draw({"deep-ritz": surface})
    assert not any(_contours(ax) for ax in _panels(fig))
    assert panels.INFEASIBLE_LABEL in _legend_texts(fig)


# ---- single figures ----


def test_planes_of_one_quantity_share_their_colours():
    bottom = drawn("planes", "poisson1d").axes[3:6]
    levels = [tuple(_contours(ax)[0].levels) for ax in bottom]
    assert len(set(levels)) == 1
    largest = synthetic.surface("random", "poisson1d", "supervised")["h1_error"].max()
    assert levels[0][0] < largest <= levels[0][-1]
    columns = np.reshape(drawn("cross", "poisson1d").axes[:9], (3, 3)).T
    for column in columns:
        assert len({tuple(_contours(ax)[0].levels) for ax in column}) == 1


def test_alpha_is_the_horizontal_axis():
    surface = synthetic.surface().isel(beta=slice(0, 15))
    ax = planes.draw({"deep-ritz": surface}).axes[0]
    assert ax.get_xlim() == (-1.0, 1.0)
    assert ax.get_ylim() == pytest.approx((-1.0, 0.4))


def test_lines_are_scaled_and_end_where_the_material_inverts():
    ax = drawn("lines", "neo_hookean2d").axes[0]
    curves = np.array([line.get_ydata() for line in ax.get_lines() if len(line.get_ydata()) > 2], float)
    assert curves.shape == (6, 41)
    np.testing.assert_allclose(np.nanmin(curves, axis=1), 0.0)
    np.testing.assert_allclose(np.nanmax(curves, axis=1), 1.0)
    assert np.isnan(curves[-1, -1])
    assert np.isfinite(curves[2]).all()


def test_images_have_one_pair_of_rows_for_each_component():
    fig = drawn("solutions", "neo_hookean2d")
    assert len(_panels(fig)) == 2 * (4 + 3)
    labels = {ax.get_ylabel() for ax in fig.axes} | {ax.get_xlabel() for ax in fig.axes}
    assert {"$u_1$", "$u_2$", "error $u_1 - u^*_{1}$", "error $u_2 - u^*_{2}$"} <= labels


def test_the_trajectory_compares_true_and_projected_loss():
    ax = drawn("trajectory", "poisson1d").axes[4]
    surface = synthetic.surface("trajectory", "poisson1d", "strong-form")
    true, projected = ax.get_lines()
    np.testing.assert_allclose(true.get_ydata(), surface["trajectory_loss"].sel(loss="strong-form"))
    np.testing.assert_allclose(projected.get_ydata(), surface["projected_loss"].sel(loss="strong-form"))


def test_spectra_of_both_ends_have_no_histogram():
    data = {("deep-ritz", 0, "final"): synthetic.hessian(method="lanczos")}
    fig = spectra.draw(data)
    assert not any(isinstance(patch, StepPatch) for ax in fig.axes for patch in ax.patches)
    assert not {"exact eigenvalues", "other seeds"} & set(_legend_texts(fig))
    assert any(isinstance(patch, StepPatch) for ax in drawn("spectra", "poisson1d").axes for patch in ax.patches)
    assert np.isnan(fig.axes[0].get_lines()[0].get_ydata()).any()  # a gap between the ends, not a line across it


def test_negative_eigenvalues_are_marked():
    data = synthetic.hessian(checkpoint="init")
    ax = spectra.draw({("deep-ritz", 0, "init"): data}).axes[0]
    (marked,) = (line for line in ax.get_lines() if line.get_marker() == "x")
    expected = (data["eigenvalue"].sel(loss="deep-ritz") < 0).sum()
    assert np.isfinite(marked.get_ydata()).sum() == expected > 0


def test_the_table_of_claims_shows_every_verdict_in_text_and_colour():
    fig = claims.draw(synthetic.claims())
    ax = fig.axes[0]
    texts = [text.get_text() for text in ax.texts]
    assert any(text.startswith("✓ 1.01\n") for text in texts)
    assert any(text.startswith("✗ 4.57e4\n") for text in texts)
    assert {"Poisson 1-D", "neo-Hookean 2-D"} <= set(texts)
    colours = {matplotlib.colors.to_hex(colour) for colour in ax.collections[0].get_facecolors()}
    assert {colour.lower() for _, colour in claims.VERDICTS.values()} <= colours
    assert _legend_texts(fig) == ["✓ holds", "~ mixed", "✗ does not hold", claims.NO_VERDICT]
    assert ax.get_xlabel()
    assert ax.get_ylabel()
