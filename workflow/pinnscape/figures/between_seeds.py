"""Losses and barriers between the final points of seeds, on paths of several kinds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import paths, scales, style


@dataclass(frozen=True)
class Kinds:
    """Kinds of paths in a figure, with their names.

    Attributes:
        position: dimension of the position on a path.
        axis: label of this dimension.
        labels: name of each kind of path.
        lines: properties of the lines of each kind of path.
        subject: subject of the figure, for its title.
    """

    position: str
    axis: str
    labels: Mapping[str, str]
    lines: Mapping[str, Mapping[str, Any]]
    subject: str


def draw(data: xr.Dataset, kinds: Kinds) -> Figure:
    """Above, each loss along the paths between the points that it trained; below, the barriers of each loss, one line per pair.

    Args:
        data: barriers.nc or curves.nc.
        kinds: kinds of paths.
    """
    losses = style.ordered(str(name) for name in data["loss"].values)
    fig = style.figure(4.8)
    grid = fig.subplots(2, len(losses), squeeze=False, sharex="row")
    for above, below, loss in zip(*grid, losses, strict=True):
        _profiles(above, data, loss, kinds)
        _heights(below, data, loss, kinds)
        above.set_title(f"{style.formulation_label(loss)} points")
        above.set(xlabel=kinds.axis, ylabel=paths.loss_label(data, loss))
        below.set_ylabel(f"relative barrier, {style.loss_label(loss)}")
    handles = paths.formulation_handles(str(name) for name in data["trained_on"].values)
    handles += [Line2D([], [], color="0.3", label=kinds.labels[path], **line) for path, line in kinds.lines.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))
    fig.suptitle(style.title([data], kinds.subject))
    return fig


def _profiles(ax: Axes, data: xr.Dataset, loss: str, kinds: Kinds) -> None:
    if loss not in data["trained_on"].values:
        paths.not_measured(ax)
        return
    shown = paths.shown(data, "value", loss).sel(trained_on=loss)
    for path, line in kinds.lines.items():
        for values in shown.sel(path=path).transpose("pair", kinds.position).values:
            ax.plot(data[kinds.position].values, scales.positive(values), color=style.colour(loss), linewidth=0.9, **line)
    ax.grid(**style.GRID)
    paths.log_axis(ax, [shown])


def _heights(ax: Axes, data: xr.Dataset, loss: str, kinds: Kinds) -> None:
    names = list(kinds.lines)
    shown = data["relative_barrier"].sel(loss=loss, path=names)
    for formulation in style.ordered(str(f) for f in data["trained_on"].values):
        for heights in shown.sel(trained_on=formulation).transpose("pair", "path").values:
            width = 1.4 if formulation == loss else 0.7
            style_of = {"color": style.colour(formulation), "linewidth": width, "marker": "o", "markersize": 2.5}
            ax.plot(np.arange(len(names)), scales.positive(heights), **style_of)
    ax.set_xticks(np.arange(len(names)), [kinds.labels[name] for name in names])
    ax.set_xlim(-0.3, len(names) - 0.7)
    ax.axhline(1.0, color="0.6", linewidth=0.5, linestyle=":", zorder=0)
    ax.grid(axis="y", **style.GRID)
    paths.log_axis(ax, [shown])
