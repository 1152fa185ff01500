"""The figure of trainings in random subspaces."""

import numpy as np
import pytest
import xarray as xr
from figures import synthetic

from pinnscape.figures import intrinsic_dimension as figure

DIMENSIONS, LEVELS = np.array([1, 4, 16, 64]), np.array([0.1, 0.001])


def data(dimensions=DIMENSIONS, broken=False):
    f, s, d = len(synthetic.FORMULATIONS), len(synthetic.SEEDS), len(dimensions)
    error = np.ones((f, s, d, 2)) / np.maximum(dimensions, 1)[:, None] ** 1.5 if d else np.ones((f, s, 0, 2))
    gap = error**2
    if d > 1:
        error[0, 0, 1, :] = np.nan
        gap[1, 1, 2] = -1e-9
    error = np.full_like(error, np.nan) if broken else error
    least = np.full((f, s, 2), np.nan)
    least[:, :, 0] = np.nan if broken or not d else 16.0
    dims = ("trained_on", "seed", "dimension", "basis")
    variables = {
        "l2_error": (dims, error),
        "gap": (dims, gap * (np.nan if broken else 1)),
        "quadrature_error": (dims, np.zeros_like(gap)),
    }
    variables |= {f"full_{n}": (dims[:2], np.full((f, s), np.nan if broken else 1e-4)) for n in ("l2_error", "gap")}
    variables["intrinsic_dimension"] = ((*dims[:2], "level"), least)
    variables["failed_dimension"] = ((*dims[:2], "level"), np.full((f, s, 2), 4.0))
    coordinates = {"trained_on": list(synthetic.FORMULATIONS), "seed": list(synthetic.SEEDS), "dimension": dimensions}
    attributes = synthetic.attributes("intrinsic_dimension", "poisson2d", "", parameters=337)
    return xr.Dataset(variables, {**coordinates, "level": LEVELS}, attributes)


def test_curves_levels_and_scales():
    fig = figure.draw(data())
    left, middle, right = fig.axes
    assert [ax.get_yscale() for ax in fig.axes] == ["log", "log", "linear"]
    assert left.get_ylabel() == "relative $L^2$ error"
    # For each formulation a line a seed, the median, and the full training; and the levels.
    assert len(left.lines) == 3 * 5 + len(LEVELS)
    assert len(middle.lines) == 3 * 5
    assert middle.get_title("right") == "1 value ≤ 0 omitted"
    assert "d_" in right.get_ylabel()
    assert "Poisson 2-D" in fig.get_suptitle()
    assert "337" in fig.get_suptitle()


def test_a_failed_training_is_a_gap_and_not_a_number():
    each, middle = figure.medians(data().sel(trained_on="deep-ritz"), "l2_error")
    assert np.isnan(each[0, 1])
    assert np.isfinite(middle).all()  # two of three seeds are well


def test_levels_that_are_not_reached_are_triangles_above_all_dimensions():
    right = figure.draw(data()).axes[2]
    triangles = [line for line in right.lines if line.get_marker() == "^" and len(line.get_xdata())]
    assert len(triangles) == 3
    assert all((np.asarray(line.get_ydata()) > DIMENSIONS[-1]).all() for line in triangles)
    circles = [line for line in right.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert all((np.asarray(line.get_ydata()) == 16).all() for line in circles)


@pytest.mark.parametrize("empty", [data(np.array([], int)), data(broken=True)])
def test_nothing_to_draw(empty):
    texts = [text.get_text() for ax in figure.draw(empty).axes[:2] for text in ax.texts]
    assert texts == ["not measured"] * 2
