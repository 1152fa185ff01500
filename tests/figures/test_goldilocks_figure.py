"""The figure of the Goldilocks zone: curves, marks, gaps."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import goldilocks, style


def synthetic():
    coordinates = {"trained_on": ["strong-form", "supervised"], "seed": [0, 1], "loss": ["deep-ritz", "strong-form", "supervised"],
                   "scale": [0.1, 1.0, 10.0], "draw": [0, 1]}  # fmt: skip
    random = np.random.default_rng(0)
    shape = [len(c) for c in coordinates.values()]
    measures = {name: (tuple(coordinates), random.random(shape)) for name in ("trace_ratio", "positive_share")}
    radius = np.broadcast_to([0.4, 4.0, 40.0], (2, 2, 3)) * np.array([1.0, 1.21])[:, None]
    marks = {
        "radius": (("trained_on", "seed", "scale"), radius),
        "norm": (("trained_on", "seed", "checkpoint"), np.full((2, 2, 2), 5.0)),
    }
    coordinates["checkpoint"] = ["init", "final"]
    return xr.Dataset(measures | marks, coordinates, {"case": "poisson1d", "dimension": 10})


def test_seeds_are_thin_their_mean_thick_and_norms_are_marked():
    data = synthetic()
    data["trace_ratio"][0, 0, 0, 2, 1] = np.nan
    fig = goldilocks.draw(data)
    assert len(fig.axes) == 6
    for ax in fig.axes:
        curves = [line for line in ax.lines if len(line.get_xdata()) == 3]
        assert [line.get_linewidth() for line in curves] == [0.5, 0.5, 1.6]
        np.testing.assert_allclose(curves[2].get_xdata(), 1.1 * np.array([0.4, 4.0, 40.0]))
        assert ax.get_xscale() == "log"
        marks = [line.get_color() for line in ax.lines if list(line.get_xdata()) == [5.0, 5.0]]
        assert marks.count(style.colour("supervised")) == marks.count(style.colour("strong-form")) == 2
    first = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 3]
    assert np.isnan(first[0].get_ydata()[2])
    np.testing.assert_allclose(first[1].get_ydata(), data["trace_ratio"][0, 1, 0].mean("draw"))
    assert fig.axes[0].get_ylabel()
    assert "dimension 10" in fig.get_suptitle()


@pytest.mark.parametrize("empty", ["nan", "seed", "scale"])
def test_nothing_measured_is_said(empty):
    data = synthetic()
    if empty == "nan":
        data["trace_ratio"][:], data["positive_share"][:] = np.nan, np.nan
    else:
        data = data.isel({empty: slice(0, 0)})
    fig = goldilocks.draw(data)
    assert all(ax.texts[0].get_text() == "not measured" for ax in fig.axes)
