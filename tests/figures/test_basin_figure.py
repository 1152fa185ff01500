"""The figure of basins: steps, gaps, labels."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import basin, style


def synthetic():
    coordinates = {"trained_on": ["deep-ritz", "strong-form"], "seed": [0, 1], "loss": ["deep-ritz", "strong-form", "supervised"],
                   "kind": ["sphere", "filter"], "ray": range(4)}  # fmt: skip
    values = np.exp(np.random.default_rng(0).standard_normal([len(c) for c in coordinates.values()]))
    return xr.Dataset({"radius": (tuple(coordinates), values)}, coordinates, {"case": "poisson1d", "fraction": 0.01})


def test_censored_rays_count_among_all():
    at, share = basin.exceeded(np.array([3.0, np.inf, 1.0, np.inf]))
    assert (at.tolist(), share.tolist()) == ([1.0, 3.0], [0.25, 0.5])
    assert all(len(part) == 0 for part in basin.exceeded(np.array([])))


def test_one_line_a_seed_and_a_panel_for_each_loss_and_kind():
    data = synthetic()
    data["radius"][:, :, 2] = np.nan
    fig = basin.draw(data)
    assert len(fig.axes) == 6
    for ax, loss in zip(fig.axes, [*data["loss"].values] * 2, strict=True):
        assert ax.get_xlabel().startswith("distance along")
        if loss == "supervised":
            assert ax.texts[0].get_text() == "not measured"
        else:
            assert ax.get_xscale() == "log"
            assert [line.get_color() for line in ax.lines] == [
                style.colour(f) for f in data["trained_on"].values for _ in range(2)
            ]
    assert "1 %" in fig.get_suptitle()


@pytest.mark.parametrize("dimension", ["seed", "kind", "ray"])
def test_zero_lengths_are_drawn(dimension):
    fig = basin.draw(synthetic().isel({dimension: slice(0, 0)}))
    assert not any(ax.lines for ax in fig.axes)
