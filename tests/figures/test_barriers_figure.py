"""What the figure of barriers draws."""

import numpy as np
import xarray as xr

from pinnscape.figures import barriers

FORMULATIONS = ["deep-ritz", "strong-form", "supervised"]


def synthetic(trained: list[str], pairs: int = 3) -> xr.Dataset:
    alpha = np.linspace(0, 1, 7)
    value = np.ones((len(trained), pairs, 2, 3, 1)) * alpha * (1 - alpha) + 1e-4
    value[..., 0, :] -= 5.0  # an energy is negative
    height = np.ones((len(trained), pairs, 2, 3)) * np.array([[2.0], [0.1]])
    height[:, :1, 1, 2] = np.nan
    coordinates = {"trained_on": trained, "loss": FORMULATIONS, "path": ["straight", "aligned"], "alpha": alpha}
    return xr.Dataset(
        {
            "value": (("trained_on", "pair", "path", "loss", "alpha"), value),
            "relative_barrier": (("trained_on", "pair", "path", "loss"), height),
            "energy_minimum": -5.0,
        },
        coords=coordinates,
        attrs={"case": "poisson2d"},
    )


def test_each_pair_has_two_lines_above_and_one_for_its_barrier_below():
    fig = barriers.draw(synthetic(FORMULATIONS))
    above, below = fig.axes[:3], fig.axes[3:]
    assert [ax.get_title() for ax in above] == ["Deep Ritz points", "strong form points", "supervised points"]
    for ax in above:
        assert [line.get_linestyle() for line in ax.lines] == ["--"] * 3 + ["-"] * 3
    assert [sum(line.get_marker() == "o" for line in ax.lines) for ax in below] == [9, 9, 9]
    assert {ax.get_yscale() for ax in fig.axes} == {"log"}
    assert [label.get_text() for label in below[0].get_xticklabels()] == ["as trained", "after alignment"]


def test_the_energy_is_drawn_as_a_gap_and_a_missing_barrier_as_nothing():
    fig = barriers.draw(synthetic(FORMULATIONS))
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata()[0], 1e-4, rtol=1e-9)
    np.testing.assert_array_equal(fig.axes[5].lines[0].get_ydata(), [2.0, np.nan])


def test_a_loss_that_trained_nothing_and_a_study_without_pairs_are_said():
    fig = barriers.draw(synthetic(["strong-form"]))
    said = [any(text.get_text() == "not measured" for text in ax.texts) for ax in fig.axes]
    assert said == [True, False, True, False, False, False]
    fig = barriers.draw(synthetic(FORMULATIONS, pairs=0))
    assert all(any(text.get_text() == "not measured" for text in ax.texts) for ax in fig.axes)
    fig.canvas.draw()
