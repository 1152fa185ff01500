"""Figure: sharpness of every loss at the trained points, in six measures."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

_PANELS = {
    "lambda_max": r"$\lambda_{\max}(H)$",
    "trace": r"tr $H$",
    "lambda_max_filter": r"$\lambda_{\max}$ in units of the filters",
    "epsilon_sharpness": r"$\epsilon$-sharpness in %",
    "sam_sharpness": "increase in the ball",
    "adaptive_sharpness": "increase in the adaptive ball",
}
_MARKERS = "osD^v"
_WIDTH = 0.7  # width of the group of markers of a loss


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Six measures of each loss; colours are the formulations that trained the points, markers are the checkpoints.

    Args:
        data: sharpness.nc.
    """
    fig = style.figure(4.9)
    for ax, (name, label) in zip(fig.subplots(2, 3).flat, _PANELS.items(), strict=True):
        _panel(ax, data, name, label)
    _legend(fig, data)
    fig.suptitle(style.title([data], "sharpness at the trained points"))
    return fig


def _panel(ax: Axes, data: xr.Dataset, name: str, label: str) -> None:
    losses, trained = style.ordered(data["loss"].values), style.ordered(data["trained_on"].values)
    values = scales.positive(data[name])
    ax.set(ylabel=label, xlabel="measured loss", xlim=(-0.5, len(losses) - 0.5))
    ax.set_xticks(range(len(losses)), [style.formulation_label(loss).replace(" ", "\n") for loss in losses])
    ax.grid(axis="y", **style.GRID)
    if not np.isfinite(values).any():
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
        return
    ax.set_yscale("log")
    shift = _WIDTH * (np.arange(len(trained)) - (len(trained) - 1) / 2) / max(1, len(trained))
    for i, loss in enumerate(losses):
        for offset, formulation in zip(shift, trained, strict=True):
            _points(ax, data[name].sel(loss=loss, trained_on=formulation), i + offset, style.colour(formulation))
    ax.set_title(scales.omission(data[name]), fontsize=7, loc="right")


def _points(ax: Axes, part: xr.DataArray, at: float, colour: str) -> None:
    """Draw one marker for each seed, with the checkpoints next to each other; only the last checkpoint has filled markers."""
    count = part.sizes["checkpoint"]
    for j, checkpoint in enumerate(part["checkpoint"].values):
        y = scales.positive(part.sel(checkpoint=checkpoint))
        x = np.full(len(y), at + 0.1 * (j - (count - 1) / 2))
        ax.plot(x, y, linestyle="none", marker=_MARKERS[j % len(_MARKERS)], color=colour, **_face(j == count - 1, colour))


def _face(full: bool, colour: str) -> dict:
    return {"markersize": 3.6, "markeredgewidth": 0.8, "markerfacecolor": colour if full else "white"}


def _legend(fig: Figure, data: xr.Dataset) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=style.colour(f),
            marker="o",
            markersize=4,
            linestyle="none",
            label=f"trained: {style.formulation_label(f)}",
        )
        for f in style.ordered(data["trained_on"].values)
    ]
    checkpoints = data["checkpoint"].values
    for j, name in enumerate(checkpoints):
        marker, face = _MARKERS[j % len(_MARKERS)], _face(j == len(checkpoints) - 1, "0.3")
        handles.append(Line2D([], [], color="0.3", marker=marker, linestyle="none", label=style.checkpoint_label(name), **face))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
