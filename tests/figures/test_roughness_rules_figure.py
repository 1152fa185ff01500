"""The figure of roughness by quadrature rule."""

import numpy as np
import xarray as xr

from pinnscape.figures import roughness_rules

RULES = ["gauss-legendre", "monte-carlo"]


def dataset(value: float = 1.0) -> xr.Dataset:
    losses, points = ["deep-ritz", "strong-form"], [8, 16, 32]
    index = np.full((2, 3, 2, 2, 3), value)
    return xr.Dataset(
        {
            "roughness_index": (("trained_on", "seed", "loss", "rule", "points"), index),
            "reference_index": (("trained_on", "seed", "loss"), np.full((2, 3, 2), value)),
            "deviation": (("trained_on", "seed", "loss", "rule", "points", "line"), np.repeat(index[..., None], 4, -1)),
        },
        {"trained_on": losses, "seed": [0, 1, 2], "loss": losses, "rule": RULES, "points": points},
        {"case": "poisson2d"},
    )


def test_each_trained_loss_has_a_column_and_each_rule_a_line():
    fig = roughness_rules.draw(dataset())
    assert len(fig.axes) == 4
    above, below = fig.axes[0], fig.axes[2]
    assert [ax.get_title() for ax in fig.axes[:2]] == ["Deep Ritz", "strong form"]
    assert len(above.lines) == len(RULES) + 1
    assert len(below.lines) == len(RULES)
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")
    assert [text.get_text() for text in below.get_xticklabels()] == ["8", "16", "32"]


def test_without_values_the_panels_say_so():
    fig = roughness_rules.draw(dataset(np.nan))
    assert all("not measured" in [text.get_text() for text in ax.texts] for ax in fig.axes)
