"""Figure: contours on the random plane around each minimiser, one column for each formulation."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnscape.figures import panels, scales, style

_ERROR_CMAP = "magma"


@style.styled
def draw(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """The training loss of each point above; a relative error below, on one scale, if a solution is known.

    Args:
        surfaces: surface-random.nc keyed by the formulation that trained the point.
    """
    trained, errors = style.ordered(surfaces), panels.error_names(surfaces.values())
    fig = style.figure(3.2 + 2.7 * len(errors), square=True)
    grid = fig.subplots(1 + len(errors), len(trained), squeeze=False, sharex="col", sharey="row")
    for ax, formulation in zip(grid[0], trained, strict=True):
        panel(fig, ax, surfaces[formulation], formulation)
    for row, error in zip(grid[1:], errors, strict=True):
        _errors(fig, row, [surfaces[name] for name in trained], error)
    for ax in grid.flat:
        ax.label_outer()
    panels.legend(fig, surfaces.values())
    fig.suptitle(style.title(surfaces.values(), "random plane through each trained point"))
    return fig


def _errors(fig: Figure, axes: np.ndarray, surfaces: list[xr.Dataset], error: str) -> None:
    scale = scales.decide(*(data[error] for data in surfaces))
    for ax, data in zip(axes, surfaces, strict=True):
        panels.contours(ax, data, data[error], scale, _ERROR_CMAP)
        panels.name_axes(ax, panels.axis_labels(data))
    panels.colour_bar(fig, list(axes), scale, panels.ERRORS[error], _ERROR_CMAP, wide=True)


def panel(fig: Figure, ax: Axes, data: xr.Dataset, formulation: str) -> None:
    values = scales.shown(data, formulation)
    scale = scales.decide(values)
    panels.contours(ax, data, values, scale)
    panels.name_axes(ax, panels.axis_labels(data))
    panels.colour_bar(fig, [ax], scale, scales.loss_label(data, formulation), more=scales.at_point(data, formulation))
    ax.set_title(style.formulation_label(formulation), color=style.colour(formulation))
