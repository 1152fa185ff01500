"""What the figure of straight lines draws."""

import numpy as np
import xarray as xr

from pinnscape.figures import interpolation

FORMULATIONS = ["deep-ritz", "strong-form", "supervised"]


def synthetic(pairs: int = 1) -> xr.Dataset:
    alpha = np.linspace(-0.5, 1.5, 9)
    value = np.abs(np.ones((3, 2, 3, 1)) * (alpha - 1)) + 1e-3
    value[:, :, 0] -= 5.0  # an energy is negative
    value[:, :, 2, :2] = np.nan
    return xr.Dataset(
        {
            "value": (("trained_on", "seed", "loss", "alpha"), value),
            "pair_value": (("trained_on", "pair", "loss", "alpha"), value[:, :pairs]),
            "energy_minimum": -5.0,
        },
        coords={"trained_on": FORMULATIONS, "seed": [0, 1], "loss": FORMULATIONS, "alpha": alpha, "pair": np.arange(pairs)},
        attrs={"case": "poisson2d"},
    )


def lines_of(ax):
    return [line for line in ax.lines if len(line.get_xdata()) == 9]


def test_every_run_and_pair_has_a_line_in_the_column_of_each_loss():
    fig = interpolation.draw(synthetic())
    above, below = fig.axes[:3], fig.axes[3:6]
    assert [ax.get_title() for ax in above] == ["energy gap", "strong-form loss", "supervised loss"]
    assert [len(lines_of(ax)) for ax in above] == [6, 6, 6]
    assert [len(lines_of(ax)) for ax in below] == [3, 3, 3]
    assert {ax.get_yscale() for ax in fig.axes} == {"log"}
    assert below[0].get_xlabel() == r"position $\alpha$ on the line"
    assert fig.legends[0].get_texts()[0].get_text() == "trained: Deep Ritz"


def test_the_energy_is_drawn_as_a_gap_and_what_does_not_exist_as_nothing():
    fig = interpolation.draw(synthetic())
    np.testing.assert_allclose(lines_of(fig.axes[0])[0].get_ydata()[6], 1e-3, rtol=1e-9)
    np.testing.assert_array_equal(np.isnan(lines_of(fig.axes[2])[0].get_ydata()), [True] * 2 + [False] * 7)


def test_nothing_to_draw_is_said():
    fig = interpolation.draw(synthetic(pairs=0))
    assert [any(text.get_text() == "not measured" for text in ax.texts) for ax in fig.axes] == [False] * 3 + [True] * 3
    nothing = synthetic()
    nothing["value"][:] = np.nan
    interpolation.draw(nothing).canvas.draw()


def test_an_energy_without_a_known_minimum_is_drawn_above_the_lowest_one():
    data = synthetic().assign(energy_minimum=np.nan)
    data["value"][0, 0, 0, 0] = -5.5
    fig = interpolation.draw(data)
    assert [ax.get_title() for ax in fig.axes[:3]] == ["energy above the lowest", "strong-form loss", "supervised loss"]
    np.testing.assert_allclose(lines_of(fig.axes[0])[0].get_ydata()[6], 0.5 + 1e-3, rtol=1e-9)
    np.testing.assert_allclose(lines_of(fig.axes[3])[0].get_ydata()[6], 0.5 + 1e-3, rtol=1e-9)  # the same zero as above
