"""What the figure of planes through three points draws."""

import numpy as np
import xarray as xr

from pinnscape.figures import three_points

LOSSES = ["deep-ritz", "strong-form", "supervised"]


def synthetic(pairs: int = 1, seeds: int = 1, hole: bool = False) -> xr.Dataset:
    axis = np.linspace(-0.5, 1.5, 9)
    gap = 1e-3 + axis[:, None] ** 2 + axis**2
    if hole:
        gap = np.where(gap > 3, np.nan, gap)
    t = np.linspace(0, 1, 5)
    corner = np.array([[0, 0], [1, 0], [0.5, 0.7]])
    variables = {}
    for name, owner, sizes in (("seeds", ("trained_on", "pair"), (3, pairs)), ("physics", ("seed",), (seeds,))):
        variables |= {
            f"{name}_gap": ((*owner, "loss", "column", "row"), np.broadcast_to(gap, (*sizes, 3, 9, 9))),
            f"{name}_x": ((*owner, "column"), np.broadcast_to(axis, (*sizes, 9))),
            f"{name}_y": ((*owner, "row"), np.broadcast_to(axis, (*sizes, 9))),
            f"{name}_corner": ((*owner, "corner", "axis"), np.broadcast_to(corner, (*sizes, 3, 2))),
        }
    curve = np.broadcast_to(np.stack([t, t * (1 - t)], -1), (3, pairs, 5, 2))
    variables["seeds_curve"] = (("trained_on", "pair", "t", "axis"), curve)
    coordinates = {"trained_on": LOSSES, "loss": LOSSES, "seed": np.arange(seeds)}
    coordinates |= {"first_seed": ("pair", np.zeros(pairs, int)), "second_seed": ("pair", np.ones(pairs, int))}
    return xr.Dataset(variables, coordinates, {"case": "poisson2d", "compared": "deep-ritz, strong-form"})


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_points_and_curve_are_marked_and_named():
    fig = three_points.draw(synthetic())
    above, below = fig.axes[:3], fig.axes[3:6]
    assert [ax.get_title() for ax in above] == ["Deep Ritz points", "strong form points", "supervised points"]
    for ax in above:
        assert texts(ax) == ["seed 0", "seed 1"]
        np.testing.assert_allclose(ax.lines[1].get_ydata(), np.linspace(0, 1, 5) * (1 - np.linspace(0, 1, 5)))
    for ax in below:
        assert texts(ax) == ["R", "S", "init"]
        assert [float(line.get_xdata()[0]) for line in ax.lines] == [0.0, 1.0, 0.5]
    assert len(fig.axes) == 12  # a colour bar each


def test_what_does_not_exist_is_hatched_and_what_is_missing_said():
    fig = three_points.draw(synthetic(hole=True))
    assert all(ax.patch.get_hatch() for ax in fig.axes[:6])
    fig = three_points.draw(synthetic(pairs=0, seeds=0))
    assert [texts(ax) for ax in fig.axes] == [["not measured"]] * 6
    fig.canvas.draw()
