"""Figure: extent of the basins of trained points along random rays."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import style

_KINDS = {"sphere": "distance along unit rays (Euclidean)", "filter": "distance along rays (filter norms)"}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Share of rays outside the basin against the radius.

    Columns are losses, rows are kinds of rays, and colours are the formulations that trained the point.

    Args:
        data: basin.nc.
    """
    losses, kinds = style.ordered(data["loss"].values), list(data["kind"].values)
    fig = style.figure(1.2 + 1.9 * max(1, len(kinds)))
    grid = fig.subplots(max(1, len(kinds)), len(losses), squeeze=False, sharex="row", sharey=True)
    for row, kind in zip(grid, kinds, strict=False):
        for ax, loss in zip(row, losses, strict=True):
            _panel(ax, data.sel(loss=loss, kind=kind))
            ax.set_xlabel(_KINDS.get(kind, kind))
        row[0].set_ylabel("share of rays outside")
    for ax, loss in zip(grid[0], losses, strict=True):
        ax.set_title(f"basin of the {style.loss_label(loss)}")
    handles = [
        Line2D([], [], color=style.colour(f), label=f"trained: {style.formulation_label(f)}")
        for f in style.ordered(data["trained_on"].values)
    ]
    handles.append(Line2D([], [], color="none", label="one line per seed"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    fraction = style.number(100 * data.attrs["fraction"])
    fig.suptitle(style.title([data], f"radius at which the loss regains {fraction} % of its decrease by training"))
    return fig


def exceeded(radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted finite radii, and the share of rays that have left the basin at each of them.

    Censored rays, which never leave the basin, count only in the total.
    """
    known = np.sort(radius[np.isfinite(radius)])
    return known, np.arange(1, len(known) + 1) / max(1, len(radius))


def _panel(ax: Axes, data: xr.Dataset) -> None:
    ax.grid(**style.GRID)
    ax.set_ylim(0, 1.02)
    if not np.isfinite(data["radius"].values).any():
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
        return
    ax.set_xscale("log")
    for formulation in style.ordered(data["trained_on"].values):
        for radius in data["radius"].sel(trained_on=formulation).values:
            ax.step(*exceeded(radius), where="post", color=style.colour(formulation), linewidth=0.9)
