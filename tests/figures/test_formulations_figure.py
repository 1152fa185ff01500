"""The figure of the comparison of formulations: complete, incomplete and absent data."""

import numpy as np
import xarray as xr

from pinnscape.figures import formulations, style


def synthetic(seeds: int = 3, pairs: int | None = None) -> xr.Dataset:
    names, losses = ["deep-ritz", "strong-form"], ["deep-ritz", "strong-form", "supervised"]
    pairs, position = seeds if pairs is None else pairs, np.linspace(0, 1, 5)
    line = np.ones((pairs, 1, 1)) * (1e-6 + position * (1 - position))[:, None] * np.ones(3)
    line[:, -1, 0] = -1e-9
    angle = np.broadcast_to(np.array([[1.0, 5.0, 80.0], [1.0, 50.0, 60.0]]), (2, seeds, 2, 3)).copy()
    distance = np.full((2, seeds, 2), 0.5)
    distance[0, :1, 1] = np.nan
    steps = np.broadcast_to([0, 100], (2, seeds, 2)).copy()
    outer = ("trained_on", "seed", "snapshot")
    return xr.Dataset(
        {
            "line_gap": (("pair", "position", "loss"), line),
            "angle": ((*outer, "eigen"), angle),
            "spectral_distance": (outer, distance),
            "snapshot_step": (outer, steps),
        },
        coords={
            "trained_on": names,
            "seed": range(seeds),
            "loss": losses,
            "position": position,
            "eigen": range(3),
            "physics": names,
        },
        attrs={"case": "neo_hookean2d"},
    )


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_each_loss_has_a_line_and_curvature_is_drawn_along_training():
    fig = formulations.draw(synthetic())
    assert fig.get_figwidth() == style.WIDTH
    *lines, angle, spectrum = fig.axes
    assert [ax.get_title() for ax in lines] == ["energy gap", "strong-form loss", "supervised loss"]
    assert all(ax.get_yscale() == "log" and len(ax.get_lines()) == 3 + 1 for ax in lines)
    assert "3 values ≤ 0 omitted" in texts(lines[0])
    median = [line for line in angle.get_lines() if line.get_marker() == "o"]
    np.testing.assert_array_equal(median[0].get_ydata(), [5.0, 50.0])
    np.testing.assert_array_equal(median[0].get_xdata(), [0.0, 100.0])
    assert angle.get_ylim() == (0.0, 90.0)
    assert spectrum.get_ylabel().endswith("decades")
    fig.canvas.draw()


def test_what_was_not_measured_is_said():
    alone = formulations.draw(synthetic(1, pairs=0))
    assert all("not measured" in texts(ax) for ax in alone.axes[:3])
    assert "not measured" not in texts(alone.axes[3])
    data = synthetic()
    for name in data.data_vars:
        data[name] = data[name] * np.nan
    assert all("not measured" in texts(ax) for ax in formulations.draw(data).axes)
    formulations.draw(synthetic(0))
