"""The figure of the geometry of trajectories."""

import matplotlib.colors
import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import trajectory_geometry

NAMES = ("deep-ritz", "strong-form")


def synthetic(seeds=2, points=6):
    rng = np.random.default_rng(0)
    shape, dims = (2, seeds, points), ("trained_on", "seed", "snapshot")
    data = {name: (dims, rng.uniform(0.1, 1.0, shape)) for name in ("rsi", "eb", "cosine", "distance", "turn", "length")}
    data["step"] = dims, np.broadcast_to([0.0, 1, 5, 20, 100, 400], shape).copy()
    data["displacement"] = dims, np.broadcast_to(np.arange(points) / 10.0, shape).copy()
    data["random_cosine"] = dims[:2], np.full(shape[:2], 0.05)
    out = xr.Dataset(data, {"trained_on": list(NAMES), "seed": range(seeds)}, {"case": "poisson2d"})
    out["rsi"][0, 0, 2] = -0.3
    out["cosine"][0, 0, 2] = np.nan
    return out


def test_every_run_has_a_line_in_every_panel_and_what_a_log_axis_omits_is_said():
    fig = trajectory_geometry.draw(synthetic())
    axes = fig.axes
    assert len(axes) == 6
    runs = [[line for line in ax.lines if len(line.get_xdata()) == 6] for ax in axes]
    assert [len(lines) for lines in runs] == [4] * 6
    assert [ax.get_yscale() for ax in axes] == ["log", "log", "linear", "log", "linear", "linear"]
    assert axes[0].get_title(loc="right") == "1 value ≤ 0 omitted"
    assert "RSI" in axes[0].get_ylabel()
    assert np.isnan(runs[0][0].get_ydata()[2])  # neither a negative value nor a missing one is bridged
    assert np.isnan(runs[2][0].get_ydata()[2])
    assert {matplotlib.colors.to_hex(line.get_color()).upper() for line in runs[1]} == {"#0072B2", "#D55E00"}
    assert "Poisson 2-D" in fig.get_suptitle()
    band = axes[2].patches[0].get_extents().transformed(axes[2].transData.inverted())
    assert (band.y0, band.y1) == pytest.approx((-0.1, 0.1))


def test_nothing_measured_is_said_and_does_not_fail():
    fig = trajectory_geometry.draw((synthetic() * np.nan).assign_attrs(case="poisson1d"))
    assert ["not measured" in [text.get_text() for text in ax.texts] for ax in fig.axes] == [True] * 6


def test_a_single_seed_is_drawn():
    assert len(trajectory_geometry.draw(synthetic(seeds=1)).axes[1].lines) == 2
