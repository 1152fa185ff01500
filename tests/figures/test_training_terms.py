"""Training curves: terms of losses, and losses at points that training does not use."""

import numpy as np
import pytest
from figures import synthetic
from figures.readable import faults

from pinnscape.figures import fresh, scales, style, training_curves


def runs(case="convection", seeds=(0, 1)):
    losses = synthetic.case(case).losses
    return {(name, seed): synthetic.training(case, name, seed) for name in losses for seed in seeds}


def of_terms(fig):
    """The panels of terms."""
    return [ax for ax in fig.axes if ax.get_ylabel().startswith("terms of the")]


def test_terms_are_solid_at_the_training_points_and_dashed_at_fresh_ones():
    data = runs(seeds=(0,))
    fig = training_curves.draw(data)
    (ax,) = of_terms(fig)
    own = data["strong-form", 0]
    solid, dashed = ([line for line in ax.get_lines() if line.get_linestyle() == kind] for kind in ("-", "--"))
    for lines, name in ((solid, "term_value"), (dashed, "fresh_term_value")):
        assert len(lines) == 3
        for line, term in zip(lines, own["term"].values, strict=True):
            np.testing.assert_allclose(line.get_ydata(), own[name].sel(term=term))
    assert [line.get_color() for line in solid] == [line.get_color() for line in dashed] == [*map(style.term_colour, range(3))]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["interior", "initial", "periodic", "at the training points", "at fresh points"]
    assert ax.get_ylabel() == "terms of the\nstrong-form loss"


def test_a_loss_that_is_small_at_its_own_points_only_is_named_in_the_title():
    fig = training_curves.draw(runs())
    said = r"the strong-form loss is $1.0\times10^{6}$ times as large at fresh points as at the training points"
    assert fig.get_suptitle() == f"convection: training\n{said}"
    assert fig._suptitle.get_color() == style.WARNING
    assert faults(fig) == []
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "loss at fresh points" in labels
    dashed = [line for line in fig.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert [line.get_color() for line in dashed] == [style.colour("strong-form")]


def test_losses_of_single_terms_have_a_dashed_line_only_if_it_can_be_seen():
    data = runs("l_shape")
    fig = training_curves.draw(data)
    assert not of_terms(fig)
    assert not [line for line in fig.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert "loss at fresh points" not in [text.get_text() for text in fig.legends[0].get_texts()]
    for seed in (0, 1):
        data["supervised", seed]["fresh_term_value"] *= 2.0
    fig = training_curves.draw(data)
    (line,) = [line for line in fig.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert line.get_color() == style.colour("supervised")
    assert fig.get_suptitle() == "L-shape: training"  # twice as large is no alarm
    assert "loss at fresh points" in [text.get_text() for text in fig.legends[0].get_texts()]


def test_the_shortfall_is_the_median_over_seeds_and_none_for_energies():
    data = list(runs("convection", (0, 1, 2)).values())[:3]
    for run, factor in zip(data, (1.0, 30.0, 1e9), strict=True):
        run["fresh_term_value"] = factor * run["term_value"]
    assert fresh.shortfall(data) == pytest.approx(30.0)
    assert np.isnan(fresh.shortfall([synthetic.training()]))
    assert np.isnan(fresh.shortfall([run.drop_vars("fresh_term_value") for run in data]))


@pytest.mark.parametrize(
    ("factor", "seen"), [(1.0, False), (1.2, False), (1.3, True), (0.5, True), (np.nan, False), (-1.0, False)]
)
def test_curves_differ_if_the_eye_can_tell_them_apart(factor, seen):
    own = np.array([3.0, 2.0, 1.0])
    assert fresh.differ(own, own * np.array([1.0, 1.0, factor])) is seen


def test_energies_at_fresh_points_are_gaps_beyond_the_quadrature_error_of_their_minimum():
    data = synthetic.training()
    least = synthetic.ENERGY_MINIMUM
    data["fresh_term_value"][:] = least + 1.0
    data["fresh_term_value"][:, -1] = least + 9 * synthetic.DIP  # the error is 10 times DIP
    gaps = fresh.loss_at_fresh_points(data, least)
    np.testing.assert_allclose(gaps[:-1], 1.0)
    assert np.isnan(gaps[-1])
    strong = synthetic.training("convection", "strong-form")
    np.testing.assert_allclose(fresh.loss_at_fresh_points(strong, 0.0), strong["fresh_term_value"].sum("term"))
    assert np.isnan(fresh.loss_at_fresh_points(strong.drop_vars("term_value"), 0.0)).all()


def test_energies_without_a_known_minimum_are_shown_above_the_lowest_one():
    data = runs("unsolved")
    fig = training_curves.draw(data)
    assert fig.axes[0].get_ylabel() == "training loss (Deep Ritz: \nabove the lowest energy)"
    own = [data["deep-ritz", seed] for seed in (0, 1)]
    lowest = min(float(run["loss"].min()) for run in own)
    assert training_curves.least(own) == lowest
    np.testing.assert_allclose(training_curves.quantity_of(own[0], "loss", lowest), own[0]["loss"] - lowest)
    assert training_curves.least([data["strong-form", 0]]) == 0.0


def test_terms_that_are_negative_are_shown_above_their_lowest_value():
    assert scales.lowest_if_negative([np.array([1.0, np.nan]), np.array([-2.0])]) == -2.0
    assert scales.lowest_if_negative([np.array([1.0]), np.empty(0)]) == 0.0
    data = synthetic.training("unsolved").isel(term=[0, 0]).assign_coords(term=["interior", "boundary"])
    data["term_value"][1], data["fresh_term_value"][1] = 1e-3, 2e-3
    (ax,) = of_terms(training_curves.draw({("deep-ritz", 0): data}))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:2] == ["interior (above its lowest)", "boundary"]
    assert ax.get_ylabel() == "terms of the\nenergy"


@pytest.mark.parametrize(("names", "rows"), [("abcd", ["ab", "cd"]), ("abc", ["abc"]), ("ab", ["ab"])])
def test_quantities_are_laid_out_without_gaps(names, rows):
    assert training_curves.layout(list(names)) == [list(row) for row in rows]


def test_files_without_terms_are_drawn_as_before():
    data = {key: run.drop_dims("term") for key, run in runs("l_shape").items()}
    fig = training_curves.draw(data)
    assert len(fig.axes) == 4
    assert fresh.warning(data) == ""
