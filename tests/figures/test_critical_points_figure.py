"""The figure of critical points: what is drawn, where, and what is left out."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from pinnscape.figures import critical_points, style

NAMES = ["deep-ritz", "strong-form", "supervised"]


def synthetic():
    """Six searches, three from snapshots: no loss, neither, flat; and critical, critical, neither."""
    shape = (3, 2, 6)
    gap = np.broadcast_to([np.nan, 1e-3, 1e-2, 1e-1, -1e-9, 1.0], shape).copy()
    flags = {"flag_values": np.arange(4), "flag_meanings": "no-loss none gradient-flat critical"}
    dims = ("trained_on", "seed", "start")
    kinds = np.broadcast_to(np.array([0, 1, 2, 3, 3, 1], dtype="int8"), shape)
    fractions = np.broadcast_to([np.nan, 0.1, 0.2, 0.3, 0.4, 0.5], shape).copy()
    gradient = np.broadcast_to([np.nan, 1e-5, 1e-4, 1e-9, 0.0, 1e-3], shape).copy()
    variables = {"gap": (dims, gap), "index_fraction": (dims, fractions), "relative_gradient": (dims, gradient),
                 "quadrature_error": (dims, np.full(shape, 1e-12)), "kind": (dims, kinds, flags)}  # fmt: skip
    origins = {"flag_values": np.arange(2), "flag_meanings": "snapshot random"}
    coordinates = {"trained_on": NAMES, "seed": [0, 1], "start": range(6), "origin": ("start", [0, 0, 0, 1, 1, 1], origins)}
    return xr.Dataset(variables, coordinates, {"case": "poisson1d", "goal": 1e-7})


def drawn(ax):
    """Marker, face and places of what is drawn, for each label that has any."""
    lines = {line.get_label(): line for line in ax.lines if line.get_marker() != "None"}
    return {
        label: (line.get_marker(), line.get_markerfacecolor(), list(zip(*line.get_data(), strict=True)))
        for label, line in lines.items()
        if np.isfinite(line.get_data()).all(0).any()
    }


def test_markers_tell_kinds_and_colours_formulations():
    fig = critical_points.draw(synthetic())
    assert len(fig.axes) == 6
    for ax, name in zip(fig.axes[:3], NAMES, strict=True):
        found = drawn(ax)
        assert {label: look[0] for label, look in found.items()} == {
            "none, snapshot": "x", "gradient-flat, snapshot": "^", "critical, random": "o", "none, random": "x"}  # fmt: skip
        assert found["none, snapshot"][2] == [(1e-3, 0.1)] * 2  # of two seeds
        assert found["critical, random"][2][0] == (1e-1, 0.3)
        assert np.isnan(found["critical, random"][2][1][0])  # a gap below zero has no place on the axis ...
        assert to_hex(found["gradient-flat, snapshot"][1]) == style.colour(name).lower()
        assert ax.get_title("right") == "2 values ≤ 0 omitted"  # ... and that is said
        assert ax.get_xscale() == "log"
        assert ax.get_yscale() == "linear"
    assert fig.axes[0].get_title() == "Deep Ritz"


def test_the_gradient_stands_against_its_goal():
    fig = critical_points.draw(synthetic())
    for ax in fig.axes[3:]:
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"] == [1e-7]
        assert ax.get_xlabel() == "loss above its minimum"
    assert drawn(fig.axes[3])["none, random"][2] == [(1.0, 1e-3)] * 2
    assert [ax.get_ylabel() for ax in (fig.axes[0], fig.axes[3])] == list(critical_points._ROWS.values())


def test_one_formulation_and_an_index_that_is_not_known():
    data = synthetic().isel(trained_on=[1], seed=[0])
    data["index_fraction"][:] = np.nan
    fig = critical_points.draw(data)
    assert len(fig.axes) == 2
    assert fig.axes[0].texts[0].get_text() == "not measured"
    assert drawn(fig.axes[1])


@pytest.mark.parametrize("empty", ["nan", "seed", "start", "trained_on"])
def test_nothing_measured_is_said(empty):
    data = synthetic()
    if empty == "nan":
        data["gap"][:] = np.nan
    else:
        data = data.isel({empty: slice(0, 0)})
    fig = critical_points.draw(data)
    assert all(ax.texts[0].get_text() == "not measured" for ax in fig.axes)
