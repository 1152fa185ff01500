"""Figure: losses along straight lines between initial and final points and between the final points of seeds."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnscape.figures import paths, scales, style

_ROWS = {"value": ("seed", "initial → final point"), "pair_value": ("pair", "final point → that of another seed")}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """One column for each loss: lines from initial to final points above, lines between seeds below.

    Colours are the formulations that trained the points.

    Args:
        data: interpolation.nc.
    """
    losses = style.ordered(str(name) for name in data["loss"].values)
    fig = style.figure(4.6)
    grid = fig.subplots(2, len(losses), squeeze=False, sharex=True)
    for row, (name, (lines, text)) in zip(grid, _ROWS.items(), strict=True):
        for ax, loss in zip(row, losses, strict=True):
            _panel(ax, data, name, lines, loss)
        row[0].set_ylabel(f"{text}\nloss")
    for ax, loss in zip(grid[0], losses, strict=True):
        ax.set_title(paths.loss_label(data, loss))
    for ax in grid[-1]:
        ax.set_xlabel(r"position $\alpha$ on the line")
    handles = paths.formulation_handles(str(name) for name in data["trained_on"].values)
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    fig.suptitle(style.title([data], "losses along straight lines"))
    return fig


def _panel(ax: Axes, data: xr.Dataset, name: str, lines: str, loss: str) -> None:
    alpha, shown = data["alpha"].values, paths.shown(data, name, loss)
    for formulation in style.ordered(str(f) for f in data["trained_on"].values):
        for values in shown.sel(trained_on=formulation).transpose(lines, "alpha").values:
            # The line of the training loss is thicker than those of the losses that are only evaluated.
            width = 1.1 if formulation == loss else 0.6
            ax.plot(alpha, scales.positive(values), color=style.colour(formulation), linewidth=width, alpha=0.8)
    for end in (0.0, 1.0):
        ax.axvline(end, color="0.6", linewidth=0.5, linestyle=":", zorder=0)
    ax.set_xlim(alpha[0], alpha[-1])
    ax.grid(**style.GRID)
    paths.log_axis(ax, [shown])
