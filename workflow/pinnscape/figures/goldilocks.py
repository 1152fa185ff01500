"""Figure: convexity of losses in random subspaces against the norm of theta."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import style

_ROWS = {"trace_ratio": r"tr $H_d\,/\,\|H_d\|_F$", "positive_share": "share of positive eigenvalues"}
_NEUTRAL = {"trace_ratio": 0.0, "positive_share": 0.5}  # values of a random matrix


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Both measures of convexity, one column for each loss.

    Vertical lines mark the norms of initial points in grey, those of final points in the colour of their formulation.

    Args:
        data: goldilocks.nc. Initial points are taken from the first formulation, because all formulations start from the same
            points.
    """
    losses = style.ordered(data["loss"].values)
    fig = style.figure(4.2)
    grid = fig.subplots(2, len(losses), squeeze=False, sharex=True, sharey="row")
    for axes, name in zip(grid, _ROWS, strict=True):
        for ax, loss in zip(axes, losses, strict=True):
            _panel(ax, data.sel(loss=loss), name)
            _marks(ax, data)
        axes[0].set_ylabel(_ROWS[name])
    for ax, loss in zip(grid[0], losses, strict=True):
        ax.set_title(f"Hessian of the {style.loss_label(loss)}")
    for ax in grid[1]:
        ax.set_xlabel(r"Euclidean norm $\|\theta\|$")
    _legend(fig, data)
    fig.suptitle(style.title([data], f"convexity of random subspaces of dimension {data.attrs['dimension']}"))
    return fig


def _panel(ax: Axes, data: xr.Dataset, name: str) -> None:
    ax.grid(**style.GRID)
    if not data[name].size or not np.isfinite(data[name].values).any():
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
        return
    ax.set_xscale("log")
    ax.axhline(_NEUTRAL[name], color="0.5", linewidth=0.6, linestyle=":")
    first = data.isel(trained_on=0)
    values, radius = first[name].mean("draw", skipna=False).transpose("seed", "scale").values, first["radius"].values
    for at, row in zip(radius, values, strict=True):
        ax.plot(at, row, color="0.2", linewidth=0.5, alpha=0.6)
    if len(values) > 1:
        ax.plot(np.exp(np.log(radius).mean(0)), values.mean(0), color="0.2", linewidth=1.6)


def _marks(ax: Axes, data: xr.Dataset) -> None:
    """Draw the norms of the initial points of all seeds, and of the final points by formulation."""
    for formulation in style.ordered(data["trained_on"].values):
        norm = data["norm"].sel(trained_on=formulation)
        for checkpoint, colour in (("init", "0.6"), ("final", style.colour(formulation))):
            for value in norm.sel(checkpoint=checkpoint).values:
                ax.axvline(value, color=colour, linewidth=0.7, alpha=0.8, zorder=0.5)


def _legend(fig: Figure, data: xr.Dataset) -> None:
    handles = [
        Line2D([], [], color="0.2", linewidth=1.6, label="mean over seeds"),
        Line2D([], [], color="0.6", label="initial point"),
    ]
    handles += [
        Line2D([], [], color=style.colour(f), label=f"final point, {style.formulation_label(f)}")
        for f in style.ordered(data["trained_on"].values)
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
