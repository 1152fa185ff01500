"""The figure of curvature along training and the edge of stability."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import stability


def synthetic(seeds=2, fractions=(0.5, 4.0)):
    """The second fraction diverges after its second record; the smallest eigenvalue is once positive."""
    runs, dims, n = (2, seeds), ("trained_on", "seed"), len(fractions)
    data = {
        "step": ((*dims, "point"), np.broadcast_to([0.0, 10, 100], (*runs, 3)).copy()),
        "eigenvalue": ((*dims, "point", "eigen"), np.broadcast_to([9.0, 4.0], (*runs, 3, 2)).copy()),
        "smallest": ((*dims, "point"), np.broadcast_to([-3.0, -0.1, 0.2], (*runs, 3)).copy()),
        "gd_rate": ((*dims, "fraction"), np.full((*runs, n), 0.5)),
        "gd_gap": ((*dims, "fraction", "record"), np.broadcast_to([1.0, 0.5, 0.2, 0.1], (*runs, n, 4)).copy()),
        "gd_sharpness": ((*dims, "fraction", "record"), np.broadcast_to([2.0, 3.0, 4.0, 4.0], (*runs, n, 4)).copy()),
        "gd_diverged": ((*dims, "fraction"), np.full((*runs, n), np.nan)),
        "adam_preconditioned": ((*dims, "rate", "record"), np.broadcast_to([np.nan, 1e3, 2e3, 3.8e3], (*runs, 1, 4)).copy()),
        "adam_diverged": ((*dims, "rate"), np.full((*runs, 1), np.nan)),
    }
    coordinates = {
        "trained_on": ["deep-ritz", "strong-form"], "seed": range(seeds), "eigen": [0, 1], "fraction": list(fractions),
        "rate": [0.01], "record": [0, 20, 40, 60],
    }  # fmt: skip
    out = xr.Dataset(data, coordinates, {"case": "poisson2d"})
    if n > 1:
        out["gd_diverged"][..., 1] = 33.0
        out["gd_gap"][..., 1, 2:] = np.nan
        out["gd_sharpness"][..., 1, 2:] = np.nan
    return out


def test_columns_are_formulations_and_rows_spectra_losses_and_curvatures():
    fig = stability.draw(synthetic())
    grid = np.array(fig.axes).reshape(4, 2)
    assert [ax.get_title() for ax in grid[0]] == ["Deep Ritz", "strong form"]
    assert [ax.get_yscale() for ax in grid[:, 0]] == ["log", "log", "linear", "linear"]
    assert len(grid[0, 0].lines) == 2 * (2 + 1)
    np.testing.assert_array_equal(grid[0, 0].lines[2].get_ydata(), [3.0, 0.1, np.nan])  # -λ_min, a gap where it is positive
    np.testing.assert_allclose(grid[2, 0].lines[0].get_ydata(), [0.5, 0.75, 1.0, 1.0])  # λ η / 2
    np.testing.assert_allclose(grid[3, 0].lines[0].get_ydata(), np.array([np.nan, 10, 20, 38]) / 38)
    for ax in (*grid[2], *grid[3]):
        assert any(list(line.get_ydata()) == [1.0, 1.0] for line in ax.lines)  # the threshold
    assert all(ax.get_ylabel() for ax in grid[:, 0])


def test_a_divergence_is_marked_at_its_last_record():
    column = np.array(stability.draw(synthetic(seeds=1)).axes).reshape(4, 2)[:, 0]
    crosses = [[line for line in ax.lines if line.get_marker() == "x"] for ax in column]
    assert [len(found) for found in crosses] == [0, 1, 1, 0]
    assert (crosses[1][0].get_xdata()[0], crosses[1][0].get_ydata()[0]) == (20, 0.5)


@pytest.mark.parametrize(
    ("values", "diverged", "expected"),
    [([1.0, 2.0, np.nan], 5.0, 1), ([1.0, 2.0], np.nan, None), ([np.nan, np.nan], 0.0, None)],
)
def test_the_last_record_before_a_divergence(values, diverged, expected):
    assert stability.last_record(np.array(values), diverged) == expected


def test_nothing_measured_or_no_step_sizes_do_not_fail():
    fig = stability.draw((synthetic() * np.nan).assign_attrs(case="poisson1d"))
    assert all("not measured" in [text.get_text() for text in ax.texts] for ax in fig.axes)
    fig = stability.draw(synthetic(fractions=()).isel(rate=[]))
    said = ["not measured" in [text.get_text() for text in ax.texts] for ax in np.array(fig.axes).reshape(4, 2)[:, 0]]
    assert said == [False, True, True, True]
