"""Figure: all losses between the minimisers of two losses, and similarity of the Hessians of these along training."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Above, each loss on the line, one panel per loss; below, principal angles and spectral distances against the step.

    Args:
        data: formulations.nc.
    """
    fig = style.figure(4.8)
    rows = fig.add_gridspec(2, 1)
    above, below = fig.add_subfigure(rows[0]), fig.add_subfigure(rows[1])
    losses = list(data["loss"].values)
    for ax, loss in zip(above.subplots(1, len(losses), squeeze=False)[0], losses, strict=True):
        _line(ax, data, loss)
    angle, spectrum = below.subplots(1, 2)
    _along(angle, data, data["angle"].median("eigen", skipna=False), "median principal angle of\ntop eigenspaces in degrees")
    _along(spectrum, data, data["spectral_distance"], "distance of scaled top\neigenvalues in decades")
    angle.set_ylim(0.0, 90.0)
    _legend(fig, data)
    fig.suptitle(style.title([data], "{} and {} between their minimisers and along training".format(*minimisers(data))))
    return fig


def minimisers(data: xr.Dataset) -> list[str]:
    """Names of the two losses whose minimisers the line connects."""
    return [style.formulation_label(str(name)) for name in data["physics"].values]


def _line(ax: Axes, data: xr.Dataset, loss: str) -> None:
    rows = data["line_gap"].sel(loss=loss).transpose("pair", "position").values
    for row in rows:
        ax.plot(data["position"], scales.positive(row), color=style.colour(loss), linewidth=0.5 if len(rows) > 1 else 1.6)
    if len(rows) > 1:
        ax.plot(data["position"], scales.positive(np.median(rows, 0)), color=style.colour(loss), linewidth=1.6)
    ax.set(yscale="log", title=style.loss_label(loss), xlabel="position from {} (0)\nto {} (1)".format(*minimisers(data)))
    ax.text(0.5, 0.03, scales.omission(rows), transform=ax.transAxes, fontsize=6.5, color="0.3", ha="center")
    ax.grid(**style.GRID)
    _say_if_empty(ax)


def _along(ax: Axes, data: xr.Dataset, values: xr.DataArray, label: str) -> None:
    for formulation in style.ordered(data["trained_on"].values):
        rows = values.sel(trained_on=formulation).transpose("seed", "snapshot").values
        steps = data["snapshot_step"].sel(trained_on=formulation).transpose("seed", "snapshot").values
        for at, row in zip(steps, rows, strict=True):
            ax.plot(at, row, color=style.colour(formulation), linewidth=0.5, alpha=0.6)
        if len(rows):
            ax.plot(
                np.median(steps, 0),
                np.median(rows, 0),
                color=style.colour(formulation),
                linewidth=1.6,
                marker="o",
                markersize=2.5,
            )
    ax.set(xscale="symlog", xlabel="optimisation step", ylabel=label, xlim=(0, None))
    ax.grid(**style.GRID)
    _say_if_empty(ax)


def _say_if_empty(ax: Axes) -> None:
    if not any(np.isfinite(np.asarray(line.get_ydata(), float)).any() for line in ax.get_lines()):
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4")


def _legend(fig: Figure, data: xr.Dataset) -> None:
    handles = [
        Line2D([], [], color=style.colour(f), linewidth=1.6, label=f"trained: {style.formulation_label(f)}")
        for f in style.ordered(data["trained_on"].values)
    ]
    handles.append(Line2D([], [], color="0.3", linewidth=1.6, label="median over seeds"))
    handles.append(Line2D([], [], color="0.3", linewidth=0.5, label="one seed"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
