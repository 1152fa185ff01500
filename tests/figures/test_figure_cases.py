"""Every figure of cases that lack losses, a known solution or its derivatives, in space, in space and time, and on other domains."""

import numpy as np
import pytest
from figures import readable, synthetic

from pinnscape.figures import (
    cross,
    hessian_planes,
    lines,
    overview,
    panels,
    planes,
    planes3d,
    scales,
    solutions,
    spectra,
    style,
    training_curves,
    trajectory,
)


def _losses(case):
    return synthetic.case(case).losses


def _surfaces(plane, case):
    return {name: synthetic.surface(plane, case, name) for name in _losses(case)}


def _overview(case):
    fields = {plane: _surfaces(plane, case) for plane in ("random", "trajectory")}
    return overview.draw(fields, {name: synthetic.hessian(case, name) for name in _losses(case)}, {}, 0)


DRAW = {
    "solutions": lambda c: solutions.draw({(f, s): synthetic.solution(c, f, s, 15) for f in _losses(c) for s in (0, 1)}, 0),
    "training_curves": lambda c: training_curves.draw(
        {(f, s): synthetic.training(c, f, s) for f in _losses(c) for s in (0, 1)}
    ),
    "lines": lambda c: lines.draw({f: synthetic.lines(c, f) for f in _losses(c)}),
    "planes": lambda c: planes.draw(_surfaces("random", c)),
    "planes3d": lambda c: planes3d.draw(_surfaces("random", c)),
    "trajectory": lambda c: trajectory.draw(_surfaces("trajectory", c)),
    "hessian_planes": lambda c: hessian_planes.draw(_surfaces("hessian-top", c), _surfaces("hessian-extreme", c)),
    "spectra": lambda c: spectra.draw(
        {(f, s, p): synthetic.hessian(c, f, s, p) for f in _losses(c) for s in (0, 1) for p in synthetic.CHECKPOINTS}, 0
    ),
    "cross": lambda c: cross.draw(_surfaces("random", c)),
    "overview": _overview,
}
_drawn = {}


def drawn(name, case):
    """A figure, drawn once for all tests."""
    if (name, case) not in _drawn:
        _drawn[name, case] = DRAW[name](case)
    return _drawn[name, case]


def _panels(fig):
    shown = [ax for ax in fig.axes if (ax.axison or hasattr(ax, "zaxis")) and ax.get_visible()]
    return [ax for ax in shown if ax.get_label() != "<colorbar>"]


@pytest.mark.parametrize("case", synthetic.CASES)
@pytest.mark.parametrize("name", DRAW)
def test_no_panel_is_empty_and_all_text_can_be_read(name, case):
    fig = drawn(name, case)
    for ax in _panels(fig):
        assert "not measured" not in [text.get_text() for text in ax.texts]
        assert ax.has_data(), ax.get_title()
    assert readable.faults(fig) == []


@pytest.mark.parametrize("case", synthetic.CASES)
def test_figures_have_as_many_rows_and_columns_as_the_case_has_losses(case):
    count = len(_losses(case))
    for name in ("lines", "cross"):
        assert len(_panels(drawn(name, case))) == count**2
    errors = 1 if synthetic.case(case).known else 0
    assert len(_panels(drawn("planes", case))) == count * (1 + errors)
    for name in ("hessian_planes", "trajectory"):
        assert len(_panels(drawn(name, case))) == 2 * count
    assert len(_panels(drawn("planes3d", case))) == count
    assert len(_panels(drawn("spectra", case))) == 3 * (1 + count)
    assert len(_panels(drawn("solutions", case))) == (1 + 2 * count if errors else count)


def test_planes_show_the_error_that_is_known():
    def labels(case):
        return [ax.get_xlabel() for ax in drawn("planes", case).axes if ax.get_label() == "<colorbar>"]

    assert labels("l_shape")[-1].startswith("relative $H^1$ error")
    assert labels("burgers")[-1].startswith("relative $L^2$ error")
    assert not [label for label in labels("unsolved") if "error" in label]


@pytest.mark.parametrize("case", ["burgers", "unsolved", "alone"])
def test_an_error_that_is_known_nowhere_is_no_missing_value(case):
    whole = synthetic.surface(problem=case, formulation="strong-form").isel(alpha=slice(1, None))
    assert not panels.has_missing(whole)


# ---- solutions ----


def test_space_is_horizontal_and_time_vertical_with_a_free_aspect():
    first, *_ = drawn("solutions", "convection").axes
    assert (first.get_xlabel(), first.get_ylabel()) == ("$x$", "$t$")
    assert first.get_xlim()[1] > 6.0
    assert first.get_ylim()[1] < 1.1
    assert first.get_aspect() == "auto"
    data = synthetic.solution("convection", "strong-form", points=15)
    image = first.collections[0].get_array().reshape(15, 15)
    np.testing.assert_array_equal(image, data["u_exact"].sel(component="u").transpose("t", "x"))
    assert drawn("solutions", "l_shape").axes[0].get_aspect() == 1.0


def test_points_outside_the_domain_are_blank_and_do_not_count_in_errors():
    image = drawn("solutions", "l_shape").axes[0].collections[0].get_array().reshape(15, 15)
    assert image.mask.sum() == 49  # x > 0.5 and y < 0.5
    assert image.mask[:7, 8:].all()
    data = synthetic.solution("l_shape")
    data["error"] = 0.25 * data["u_exact"]
    assert solutions.relative_error(data) == pytest.approx(0.25)


def test_the_known_solution_is_named_and_absent_if_there_is_none():
    def titles(case):
        return [ax.get_title() for ax in drawn("solutions", case).axes]

    assert titles("convection")[0] == "exact\n"
    assert titles("burgers")[0] == "reference\n"
    assert titles("unsolved")[:2] == ["Deep Ritz", "strong form"]
    assert drawn("solutions", "unsolved").get_suptitle() == "unsolved: solutions, seed 0"


def test_curves_without_a_known_solution_are_drawn_alone():
    data = synthetic.solution("poisson1d").rename(x="t")
    data["u_exact"], data["error"] = data["u_exact"] * np.nan, data["error"] * np.nan
    (ax,) = solutions.draw({("deep-ritz", 0): data}, 0).axes
    assert [line.get_label() for line in ax.get_lines()] == ["network"]
    assert ax.get_xlabel() == "$t$"


def test_a_solution_in_space_and_time_of_three_variables_is_shown_on_a_plane():
    data = synthetic.solution("poisson3d", points=9).rename(z="t").assign_attrs(at="w=0.5")
    fig = solutions.draw({("deep-ritz", 0): data}, 0)
    assert fig.get_suptitle().endswith("seed 0, plane $t$ = 0.5, at w=0.5")
    unknown = data.assign(u_exact=data["u_exact"] * np.nan)
    assert solutions.shown_plane(unknown) == 0.5


def test_images_are_as_high_as_their_domain():
    wide = synthetic.solution("l_shape").assign_coords(x=np.linspace(0, 2, 41))
    assert solutions.image_height(wide, 4) < solutions.image_height(synthetic.solution("l_shape"), 4)
    assert solutions.image_height(synthetic.solution("convection", "strong-form"), 3) == 2.0


# ---- energies without a known minimum ----


def test_an_energy_without_a_known_minimum_is_shown_itself():
    surface = synthetic.surface(problem="unsolved")
    assert not scales.has_minimum(surface, "deep-ritz")
    assert scales.has_minimum(surface, "strong-form")
    assert scales.loss_label(surface, "deep-ritz") == "energy"
    assert scales.loss_label(synthetic.surface(), "deep-ritz") == "energy gap"
    np.testing.assert_array_equal(scales.shown(surface, "deep-ritz"), surface["value"].sel(loss="deep-ritz"))
    below = drawn("trajectory", "unsolved").axes[2]
    assert (below.get_ylabel(), below.get_yscale()) == ("energy", "linear")
    assert lines.heading(synthetic.lines("unsolved"), "deep-ritz").startswith("energy, range")


# ---- overview ----


def test_the_overview_names_the_formulations_that_it_compares():
    assert drawn("overview", "l_shape").get_suptitle() == (
        "L-shape: Deep Ritz and strong form side by side (planes and Hessians of seed 0)"
    )
    for case in ("convection", "alone"):
        assert drawn("overview", case).get_suptitle() == f"{case}: strong form (planes and Hessians of seed 0)"
        headed = [ax.get_title() for ax in drawn("overview", case).axes if ax.get_title()]
        assert headed == ["strong form: random plane", "strong form: trajectory"]
    assert overview.compared(["supervised"]) == ["supervised"]
    assert overview.compared(["supervised", "strong-form"]) == ["strong-form"]


def test_labels_of_cases_are_those_of_their_problems():
    assert [style.case_label(name) for name in ("burgers", "l_shape", "beta-30")] == ["Burgers", "L-shape", "beta-30"]


def test_titles_of_three_lines_stay_below_that_of_the_figure():
    assert planes3d.title(synthetic.surface(problem="convection", formulation="supervised"), "supervised").count("\n") == 2
    assert drawn("planes3d", "convection").get_figheight() > 3.05
    assert readable.faults(drawn("planes3d", "convection")) == []
