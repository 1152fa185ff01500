"""Figure: losses and barriers between the final points of seeds, before and after alignment."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import paths, scales, style

_LINES = {"straight": {"linestyle": "--", "alpha": 0.6}, "aligned": {"linestyle": "-", "alpha": 1.0}}
_LABELS = {"straight": "as trained", "aligned": "after alignment"}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Above each trained loss along the lines between its points; below the barriers of each loss, one line for a pair.

    Args:
        data: barriers.nc.
    """
    losses = style.ordered(str(name) for name in data["loss"].values)
    fig = style.figure(4.8)
    grid = fig.subplots(2, len(losses), squeeze=False, sharex="row")
    for above, below, loss in zip(*grid, losses, strict=True):
        _profiles(above, data, loss)
        _heights(below, data, loss)
        above.set_title(f"{style.formulation_label(loss)} points")
        above.set(xlabel=r"position $\alpha$ on the line", ylabel=style.loss_label(loss))
        below.set_ylabel(f"relative barrier, {style.loss_label(loss)}")
    handles = paths.formulation_handles(str(name) for name in data["formulation"].values)
    handles += [Line2D([], [], color="0.3", label=_LABELS[path], **line) for path, line in _LINES.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    fig.suptitle(style.title([data], "straight lines between the final points of seeds"))
    return fig


def _profiles(ax: Axes, data: xr.Dataset, loss: str) -> None:
    if loss not in data["formulation"].values:
        paths.not_measured(ax)
        return
    shown = paths.shown(data, "value", loss).sel(formulation=loss)
    for path, line in _LINES.items():
        for values in shown.sel(path=path).transpose("pair", "alpha").values:
            ax.plot(data["alpha"].values, scales.positive(values), color=style.colour(loss), linewidth=0.9, **line)
    ax.grid(**style.GRID)
    paths.log_axis(ax, [shown])


def _heights(ax: Axes, data: xr.Dataset, loss: str) -> None:
    names = list(_LINES)
    shown = data["relative_barrier"].sel(loss=loss, path=names)
    for formulation in style.ordered(str(f) for f in data["formulation"].values):
        for heights in shown.sel(formulation=formulation).transpose("pair", "path").values:
            width = 1.4 if formulation == loss else 0.7
            style_of = {"color": style.colour(formulation), "linewidth": width, "marker": "o", "markersize": 2.5}
            ax.plot(np.arange(len(names)), scales.positive(heights), **style_of)
    ax.set_xticks(np.arange(len(names)), [_LABELS[name] for name in names])
    ax.set_xlim(-0.3, len(names) - 0.7)
    ax.axhline(1.0, color="0.6", linewidth=0.5, linestyle=":", zorder=0)
    ax.grid(axis="y", **style.GRID)
    paths.log_axis(ax, [shown])
