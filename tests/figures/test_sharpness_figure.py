"""The figure of sharpness: markers, scales, gaps."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.figures import sharpness, style

NAMES = ("lambda_max", "trace", "lambda_max_filter", "epsilon_sharpness", "sam_sharpness", "adaptive_sharpness")


def synthetic():
    coordinates = {"trained_on": ["deep-ritz", "supervised"], "seed": [0, 1, 2], "checkpoint": ["middle", "final"],
                   "loss": ["deep-ritz", "strong-form", "supervised"]}  # fmt: skip
    shape = tuple(map(len, coordinates.values()))
    values = np.exp(np.random.default_rng(0).standard_normal(shape))
    data = xr.Dataset({name: (tuple(coordinates), values.copy()) for name in NAMES}, coordinates)
    return data.assign_attrs(case="poisson2d", radius=0.05)


def test_each_seed_is_a_marker_and_values_that_are_not_positive_are_told():
    data = synthetic()
    data["trace"][0, 0, 0, 0] = -2.0
    data["sam_sharpness"][0, 1, 0, 0] = np.nan
    fig = sharpness.draw(data)
    assert len(fig.axes) == 6
    for ax in fig.axes:
        assert ax.get_yscale() == "log"
        assert ax.get_ylabel()
        assert len(ax.lines) == 2 * 2 * 3
        assert {line.get_color() for line in ax.lines} == {style.colour("deep-ritz"), style.colour("supervised")}
    shown = [np.isfinite(np.concatenate([line.get_ydata() for line in ax.lines])).sum() for ax in fig.axes]
    assert shown == [36, 35, 36, 36, 35, 36]
    assert fig.axes[1].get_title(loc="right") == "1 value ≤ 0 omitted"
    assert "Poisson 2-D" in fig.get_suptitle()
    assert [text.get_text() for text in fig.legends[0].get_texts()][-2:] == ["middle point", "final point"]


@pytest.mark.parametrize("empty", ["nan", "length"])
def test_nothing_measured_is_said(empty):
    data = synthetic() * np.nan if empty == "nan" else synthetic().isel(seed=slice(0, 0))
    fig = sharpness.draw(data.assign_attrs(case="poisson2d"))
    assert all("not measured" in [text.get_text() for text in ax.texts] for ax in fig.axes)
