"""Figure: the plane of the training trajectory, and how well it represents the loss along training."""

from collections.abc import Mapping

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import panels, scales, style

_PATH = {
    "color": "white",
    "linewidth": 0.9,
    "marker": "o",
    "markersize": 2.4,
    "markeredgecolor": "black",
    "markeredgewidth": 0.4,
}
_START = {"marker": "s", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.7}


@style.styled
def draw(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """Above, the training loss on the plane of each trajectory; below, the loss at the snapshots and at their projections.

    Args:
        surfaces: surface-trajectory.nc keyed by the formulation that trained the point.
    """
    trained = style.ordered(surfaces)
    fig = style.figure(5.6)
    grid = fig.subplots(2, len(trained), squeeze=False)
    for column, formulation in zip(grid.T, trained, strict=True):
        _plane(fig, column[0], surfaces[formulation], formulation)
        _losses(column[1], surfaces[formulation], formulation)
    path = Line2D([], [], label="snapshots, projected", **{**_PATH, "color": "0.5", "markerfacecolor": "white"})
    start = Line2D([], [], linestyle="none", label="initial point", **_START)
    panels.legend(fig, surfaces.values(), [start, path])
    fig.suptitle(style.title(surfaces.values(), "plane of the training trajectory"))
    return fig


def axis_labels(data: xr.Dataset) -> tuple[str, str]:
    """Names of the axes with the share of the squared distance from the final point that each explains, and their unit."""
    names = [f"PC {i + 1}: {100 * share:.3g} %" for i, share in enumerate(data["explained_variance"].values)]
    first, second = (panels.with_unit(name, data) for name in names)
    return first, second


def _plane(fig: Figure, ax: Axes, data: xr.Dataset, formulation: str) -> None:
    values = scales.shown(data, formulation)
    scale = scales.decide(values)
    panels.contours(ax, data, values, scale)
    path = data["trajectory"].transpose("snapshot", "axis").values
    ax.plot(path[:, 0], path[:, 1], **_PATH)
    ax.plot(*path[0], linestyle="none", **_START)
    # Both axes have the same unit but very different extents; an equal aspect would give a thin strip.
    panels.name_axes(ax, axis_labels(data), equal=False)
    panels.colour_bar(fig, [ax], scale, scales.loss_label(data, formulation), more=scales.at_point(data, formulation))
    ax.set_title(style.formulation_label(formulation), color=style.colour(formulation))


def _losses(ax: Axes, data: xr.Dataset, formulation: str) -> None:
    step = data["snapshot_step"].values
    true, projected = (scales.shown(data, formulation, name).values for name in ("trajectory_loss", "projected_loss"))
    log = scales.has_minimum(data, formulation)  # an energy without a known minimum has no logarithm
    if log:
        ax.set_title(scales.omission(true, projected), fontsize=7, loc="right")
        true, projected = scales.positive(true), scales.positive(projected)
    ax.plot(step, true, color=style.colour(formulation), marker="o", markersize=2, label="at the snapshot")
    ax.plot(step, projected, color="0.35", linestyle="--", marker="x", markersize=3, label="at its projection")
    ax.set(xlabel="optimisation step", ylabel=scales.loss_label(data, formulation))
    ax.set_xscale("symlog", linthresh=10)
    ax.set_yscale("log" if log else "linear")
    ax.grid(**style.GRID)
    ax.legend()
