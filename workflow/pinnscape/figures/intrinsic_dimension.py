"""Figure: error and gap after training in random subspaces against their dimension, and the intrinsic dimension."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from pinnscape.figures import scales, style

_PANELS = {"l2_error": "relative $L^2$ error", "gap": "gap of the training loss"}
_SPREAD = 0.26  # distance between two adjacent formulations in the last panel


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Error and gap against the dimension of the subspace, and the intrinsic dimension at each level.

    Args:
        data: intrinsic_dimension.nc.
    """
    fig = style.figure(2.9)
    left, middle, right = fig.subplots(1, 3, width_ratios=[1.15, 1.15, 1.0])
    for ax, quantity in ((left, "l2_error"), (middle, "gap")):
        _curves(ax, data, quantity)
    for level in data["level"].values:
        left.axhline(level, color="0.4", linestyle=":", linewidth=0.8)
    _intrinsic(right, data)
    _legend(fig, data)
    fig.suptitle(style.title([data], f"training in random subspaces of the {data.attrs['parameters']} parameters"))
    return fig


def medians(data: xr.Dataset, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """Median over bases for each seed (seed, dimension), and median of these over seeds (dimension,).

    A failed training run counts as infinite.
    """
    data = data.transpose("seed", "dimension", "basis", ...)
    values = scales.resolved(data["gap"], data["quadrature_error"]) if quantity == "gap" else data[quantity].values
    each = np.median(np.where(np.isnan(values), np.inf, values), axis=-1)
    middle = np.median(each, axis=0)
    return np.where(np.isinf(each), np.nan, each), np.where(np.isinf(middle), np.nan, middle)


def _curves(ax: Axes, data: xr.Dataset, quantity: str) -> None:
    omitted, shown = [], False
    small = quantity == "gap" and scales.unresolved(data["gap"], data["quadrature_error"])
    for formulation in style.ordered(data["trained_on"].values):
        own, colour = data.sel(trained_on=formulation), style.colour(formulation)
        if data.sizes["dimension"]:
            each, middle = medians(own, quantity)
            omitted += [each]
            shown |= bool((each > 0).any())
            for row in each:
                ax.plot(data["dimension"], scales.positive(row), color=colour, linewidth=0.5, alpha=0.45)
            ax.plot(data["dimension"], scales.positive(middle), color=colour, linewidth=1.6, marker="o", markersize=2.2)
        full = float(np.median(own[f"full_{quantity}"].values))
        if full > 0:
            ax.axhline(full, color=colour, linestyle="--", linewidth=0.8)
    ax.set_title(scales.omission(*omitted, unresolved=small), fontsize=7, loc="right")
    ax.set(ylabel=_PANELS[quantity], xlabel="dimension of the subspace $d$")
    ax.grid(**style.GRID)
    if shown:
        ax.set(xscale="log", yscale="log")
    else:
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)


def _intrinsic(ax: Axes, data: xr.Dataset) -> None:
    names, levels, tried = style.ordered(data["trained_on"].values), data["level"].values, data["dimension"].values
    ceiling = 1.35 * float(max(tried, default=1))
    for i, level in enumerate(levels):
        for j, name in enumerate(names):
            own = data.sel(trained_on=name, level=level)
            at = i + _SPREAD * (j - 0.5 * (len(names) - 1)) + 0.06 * _centred(data.sizes["seed"])
            least, failed = own["intrinsic_dimension"].values, own["failed_dimension"].values
            reached = np.isfinite(least)
            ax.vlines(at[reached], failed[reached], least[reached], color=style.colour(name), linewidth=0.8)
            ax.plot(at[reached], least[reached], "o", color=style.colour(name), markersize=3.5)
            missing = np.full((~reached).sum(), ceiling)
            ax.plot(at[~reached], missing, "^", color=style.colour(name), markersize=4, markerfacecolor="none")
    ax.set_xticks(range(len(levels)), [style.number(level) for level in levels])
    ax.set(xlabel="relative $L^2$ error to reach", ylabel=r"intrinsic dimension $d_\mathrm{int}$")
    ax.set_xlim(-0.6, max(len(levels), 1) - 0.4)
    ax.set_ylim(0, None)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y", **style.GRID)
    if not (len(levels) and len(tried)):
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)


def _centred(count: int) -> np.ndarray:
    """Positions of ``count`` adjacent marks, centred at zero."""
    return np.arange(count) - 0.5 * (count - 1)


def _legend(fig: Figure, data: xr.Dataset) -> None:
    handles = [
        Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f))
        for f in style.ordered(data["trained_on"].values)
    ]
    handles.append(Line2D([], [], color="0.3", linewidth=0.5, alpha=0.6, label="one seed"))
    handles.append(Line2D([], [], color="0.3", linestyle="--", linewidth=0.8, label="all parameters"))
    handles.append(Line2D([], [], color="0.4", linestyle=":", linewidth=0.8, label="level"))
    if np.isnan(data["intrinsic_dimension"].values).any():
        handles.append(
            Line2D([], [], color="0.3", marker="^", markerfacecolor="none", markersize=4, linestyle="none", label="not reached")
        )
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
