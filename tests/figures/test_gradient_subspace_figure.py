"""The figure of gradients in top eigenspaces."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import gradient_subspace


def synthetic(seeds=2):
    shape, dims = (2, seeds, 4, 2), ("trained_on", "seed", "point", "k")
    rng = np.random.default_rng(0)
    data = {name: (dims, rng.uniform(0.0, 1.0, shape)) for name in ("share", "overlap_next", "overlap_final")}
    data["step"] = dims[:3], np.broadcast_to([0.0, 1, 30, 400], shape[:3]).copy()
    data["random_share"] = (*dims[:2], "k"), np.broadcast_to([0.01, 0.05], (2, seeds, 2)).copy()
    coordinates = {"trained_on": ["deep-ritz", "supervised"], "seed": range(seeds), "k": [1, 5]}
    out = xr.Dataset(data, coordinates, {"case": "poisson1d"})
    out["overlap_next"][:, :, -1] = np.nan
    return out


def test_rows_are_quantities_and_columns_dimensions_each_with_a_line_for_every_run():
    fig = gradient_subspace.draw(synthetic())
    grid = np.array(fig.axes).reshape(3, 2)
    assert [ax.get_title() for ax in grid[0]] == ["top eigenvector", "top 5 eigenvectors"]
    assert [len([line for line in ax.lines if len(line.get_xdata()) == 4]) for ax in grid.ravel()] == [4] * 6
    for column, random in zip(grid.T, (0.01, 0.05), strict=True):
        for ax in column:
            assert ax.lines[-1].get_ydata()[0] == pytest.approx(random)
    assert np.isnan(grid[1, 0].lines[0].get_ydata()[-1])
    assert "share" in grid[0, 0].get_ylabel()
    assert "step" in grid[-1, 0].get_xlabel()


def test_nothing_measured_is_said_and_does_not_fail():
    fig = gradient_subspace.draw((synthetic() * np.nan).assign_attrs(case="poisson1d"))
    assert all("not measured" in [text.get_text() for text in ax.texts] for ax in fig.axes)


def test_no_dimension_at_all_does_not_fail():
    assert gradient_subspace.draw(synthetic().isel(k=[])) is not None
