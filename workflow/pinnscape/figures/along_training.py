"""Curves of quantities along training, one for each run, in the colour of the formulation."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

LINEAR_STEPS = 10  # number of first steps on the linear part of an axis that is logarithmic beyond


def runs(data: xr.Dataset) -> list[tuple[str, xr.Dataset]]:
    """The data of each run, with the formulation that it trained on."""
    return [
        (name, data.sel(trained_on=name, seed=seed))
        for name in style.ordered(data["trained_on"].values)
        for seed in data["seed"].values
    ]


def curves(ax: Axes, data: xr.Dataset, name: str, step: str = "step", *, log: bool = False, marker: str = "") -> None:
    """Draw one variable of every run against the step; a panel without values is labelled as not measured.

    Args:
        ax: the panel.
        data: dataset with the variables ``name`` and ``step`` of every run.
        name: name of the variable.
        step: name of the variable of the steps.
        log: whether the axis of the values is logarithmic; values that are not positive are then omitted, and their number is
            noted.
        marker: marker of the points.
    """
    values = data[name].values
    shown = scales.positive(values) if log else values
    if not np.isfinite(shown).any():
        unmeasured(ax)
        return
    for formulation, run in runs(data):
        at = scales.positive(run[name]) if log else run[name].values
        ax.plot(run[step], at, color=style.colour(formulation), linewidth=0.8, alpha=0.75, marker=marker, markersize=2.5)
    if log:
        ax.set_yscale("log")
        ax.set_title(scales.omission(values), fontsize=7, loc="right")
    step_axis(ax)


def step_axis(ax: Axes, label: str = "optimisation step") -> None:
    """Make the horizontal axis one of steps from 0 on: linear over the first few steps, logarithmic beyond."""
    ax.set_xscale("symlog", linthresh=LINEAR_STEPS)
    ax.set_xlim(left=0)
    ax.set_xlabel(label)
    ax.grid(**style.GRID)


def unmeasured(ax: Axes) -> None:
    """Label a panel without values as not measured."""
    ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4")
    ax.set(xticks=[], yticks=[])


def legend(fig: Figure, data: xr.Dataset, *more: Line2D) -> None:
    """Draw a legend of the formulations and of the number of seeds below the panels."""
    count = data.sizes["seed"]
    handles = [
        Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f))
        for f in style.ordered(data["trained_on"].values)
    ]
    handles.append(Line2D([], [], linestyle="none", label=f"one line for each of {count} seed{'s' if count != 1 else ''}"))
    fig.legend(handles=[*handles, *more], loc="outside lower center", ncols=min(5, len(handles) + len(more)))
