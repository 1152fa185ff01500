"""Figure: contours on the random plane around each minimiser, one column for each formulation."""

from collections.abc import Mapping

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnscape.figures import panels, scales, style

_ERROR_CMAP = "magma"


@style.styled
def draw(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """The training loss of each point above; the relative H1 error below, on one scale.

    Args:
        surfaces: surface-random.nc keyed by the formulation that trained the point.
    """
    trained = style.ordered(surfaces)
    fig = style.figure(5.9, square=True)
    grid = fig.subplots(2, len(trained), squeeze=False, sharex="col", sharey="row")
    for ax, formulation in zip(grid[0], trained, strict=True):
        _loss(fig, ax, surfaces[formulation], formulation)
    errors = scales.decide(*(surfaces[name]["h1_error"] for name in trained))
    for ax, formulation in zip(grid[1], trained, strict=True):
        data = surfaces[formulation]
        panels.contours(ax, data, data["h1_error"], errors, _ERROR_CMAP)
        panels.name_axes(ax, panels.axis_labels(data))
    panels.colour_bar(fig, list(grid[1]), errors, "relative $H^1$ error", _ERROR_CMAP, wide=True)
    for ax in grid.flat:
        ax.label_outer()
    panels.legend(fig, surfaces.values())
    fig.suptitle(style.title(surfaces.values(), "random plane through each trained point"))
    return fig


def _loss(fig: Figure, ax: Axes, data: xr.Dataset, formulation: str) -> None:
    values = scales.shown(data, formulation)
    scale = scales.decide(values)
    panels.contours(ax, data, values, scale)
    panels.name_axes(ax, panels.axis_labels(data))
    panels.colour_bar(fig, [ax], scale, style.loss_label(formulation), more=scales.at_point(data, formulation))
    ax.set_title(style.formulation_label(formulation), color=style.colour(formulation))
