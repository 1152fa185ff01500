"""Figure: local learning coefficients against the inverse temperature, and the chains that give them."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import style

_SPREAD = 1.06  # ratio of the positions of two adjacent seeds


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Coefficients of all runs on the left; chains of each formulation on the right, one panel below the other.

    Args:
        data: learning_coefficient.nc.
    """
    fig, names = style.figure(3.6), style.ordered(data["trained_on"].values)
    parts: Any = fig.subfigures(1, 2, width_ratios=[1.0, 1.15])
    left, right = parts
    _coefficients(left.subplots(), data, names)
    axes = right.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(axes, names, strict=True):
        _chains(ax, data.sel(trained_on=name), name)
    axes[-1].set_xlabel("step of the chain after burn-in")
    _legend(fig, data, names)
    fig.suptitle(
        style.title([data], f"local learning coefficient (half the number of parameters: {data.attrs['parameters'] / 2:g})")
    )
    return fig


def _coefficients(ax: Axes, data: xr.Dataset, names: list[str]) -> None:
    at = data["inverse_temperature"].values
    for name in names:
        own, colour = data.sel(trained_on=name), style.colour(name)
        for i in range(data.sizes["seed"]):
            one, places = own.isel(seed=i), at * _SPREAD ** (i - 0.5 * (data.sizes["seed"] - 1))
            values, left = one["learning_coefficient"].values, one["left"].values == 1
            shown = np.where(left, np.nan, values)
            ax.errorbar(
                places, shown, one["standard_error"].values, color=colour, fmt="o", markersize=2.5, linewidth=0.7, capsize=1.5
            )
            ax.plot(places[left], values[left], "x", color=colour, markersize=4)
        ax.plot(at, _median(own["quadratic"]), color=colour, linestyle="--", linewidth=0.9)
        ax.plot(at, _median(own["learning_coefficient"]), color=colour, linewidth=1.6)
    ax.set(xscale="log", xlabel=r"inverse temperature $n\beta$", ylabel=r"local learning coefficient $\hat\lambda$")
    ax.grid(**style.GRID)
    if not np.isfinite(data["learning_coefficient"].values).any():
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)


def _median(values: xr.DataArray) -> np.ndarray:
    """Median over the seeds that have a value."""
    rows = np.ma.masked_invalid(values.transpose("seed", ...).values)
    return np.ma.median(rows, axis=0).filled(np.nan)


def _chains(ax: Axes, own: xr.Dataset, name: str) -> None:
    if own.sizes["seed"] and own.sizes["inverse_temperature"]:
        coldest = own.isel(seed=0, inverse_temperature=int(own["inverse_temperature"].values.argmax()))
        for row in coldest["trace"].values:
            ax.plot(coldest["sample"], row, color=style.colour(name), linewidth=0.5, alpha=0.7)
        ax.axhline(float(coldest["learning_coefficient"]), color="black", linewidth=0.8)
        note = rf"$n\beta$ = {style.number(float(coldest['inverse_temperature']))}, seed {int(coldest['seed'])}"
        ax.set_title(f"{style.formulation_label(name)}, {note}, R-hat {float(coldest['r_hat']):.2f}", fontsize=7)
        ax.set_ylabel(r"$n\beta\,(L - L^*)$")
    ax.grid(**style.GRID)
    if not np.isfinite(own["trace"].values).any():
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)


def _legend(fig: Figure, data: xr.Dataset, names: list[str]) -> None:
    handles = [Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f)) for f in names]
    handles.append(Line2D([], [], color="0.3", marker="o", markersize=2.5, linestyle="none", label="one seed"))
    handles.append(Line2D([], [], color="0.3", linestyle="--", linewidth=0.9, label="quadratic expansion"))
    handles.append(Line2D([], [], color="black", linewidth=0.8, label="mean of the chains"))
    if (data["left"].values == 1).any():
        handles.append(Line2D([], [], color="0.3", marker="x", linestyle="none", markersize=4, label="mean below $L^*$"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
