"""The figure of the maps of convexity: values, marks, gaps."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh

from pinnscape.figures import curvature_map


def synthetic():
    coordinates = {"trained_on": ["deep-ritz", "strong-form"], "seed": [0, 1], "loss": ["deep-ritz", "strong-form", "supervised"],
                   "alpha": [-1.0, 0.0, 1.0], "beta": [-1.0, 0.0, 1.0]}  # fmt: skip
    shape = [len(c) for c in coordinates.values()]
    dims = tuple(coordinates)
    values = {"lambda_max": np.full(shape, 2.0), "lambda_min": np.full(shape, -1.0), "sign": np.full(shape, -1.0)}
    return xr.Dataset({name: (dims, v) for name, v in values.items()}, coordinates, {"case": "neo_hookean2d"})


def test_ratios_are_drawn_where_they_are_and_convex_points_marked():
    data = synthetic()
    own = {"trained_on": "deep-ritz", "loss": "deep-ritz", "seed": 0}
    data["lambda_min"].loc[{**own, "alpha": 1.0, "beta": -1.0}] = -4.0
    for name, value in (("lambda_min", 1e-3), ("sign", 1.0)):
        data[name].loc[{**own, "alpha": 0.0, "beta": 0.0}] = value
    for name in ("lambda_min", "sign"):
        data[name].loc[{**own, "alpha": -1.0, "beta": 1.0}] = np.nan
    data["lambda_min"].loc[{**own, "alpha": 0.0, "beta": -1.0}] = np.nan  # negative for certain, its size is not known
    data["sign"].loc[{**own, "alpha": -1.0, "beta": -1.0}] = 0.0
    fig = curvature_map.draw(data)
    first = fig.axes[0]
    mesh = next(c for c in first.collections if isinstance(c, QuadMesh))
    table = mesh.get_array().reshape(3, 3)  # rows are beta
    assert table[0, 2] == 2.0
    assert table[1, 1] == pytest.approx(5e-4)
    assert table.mask.tolist() == [[True, True, False], [False, False, False], [True, False, False]]
    boxes = [(patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()) for patch in first.patches]
    assert sorted(boxes) == [(-1.5, -1.5, 1.0, 1.0), (-0.5, -1.5, 1.0, 1.0)]
    assert not fig.axes[1].patches
    assert mesh.norm.vmax == 2.0
    assert [list(axis) for axis in first.lines[0].get_data()] == [[0.0], [0.0]]
    assert first.patch.get_hatch()
    assert not fig.axes[1].patch.get_hatch()
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "not negative up to rounding errors",
        "undecided",
        "no value",
    ]
    assert (first.get_xlabel(), first.get_ylabel()) == (r"$\alpha$", r"$\beta$")


@pytest.mark.parametrize("empty", ["nan", "seed"])
def test_nothing_measured_is_said(empty):
    data = synthetic()
    data = (data * np.nan).assign_attrs(data.attrs) if empty == "nan" else data.isel(seed=slice(0, 0))
    fig = curvature_map.draw(data)
    assert [ax.texts[0].get_text() for ax in fig.axes[:2]] == ["not measured"] * 2
