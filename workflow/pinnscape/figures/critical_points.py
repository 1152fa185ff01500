"""Figure: index and gradient against the loss at the end points of searches for critical points."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import along_training, scales, style

_ROWS = {"index_fraction": "share of negative\neigenvalues", "relative_gradient": r"$|g|\,/\,|g_{\mathrm{init}}|$"}
_MARKERS = {"critical": "o", "gradient-flat": "^", "none": "x"}
_LABELS = {"critical": "critical", "gradient-flat": "gradient-flat", "none": "neither"}
_ORIGINS = {"snapshot": "from a snapshot", "random": "from a random point"}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Share of negative eigenvalues above, relative gradient below; one column for each formulation, with all its seeds.

    Args:
        data: critical_points.nc.
    """
    names = style.ordered(data["trained_on"].values)
    fig = style.figure(4.4)
    grid = fig.subplots(2, max(1, len(names)), squeeze=False, sharex="col", sharey="row")
    for column, name in zip(grid.T, names, strict=False):
        own = data.sel(trained_on=name)
        for ax, quantity in zip(column, _ROWS, strict=True):
            _panel(ax, own, quantity, style.colour(name))
        column[0].set_title(style.formulation_label(name), color=style.colour(name))
        column[1].set_xlabel("loss above its minimum")
    for ax in grid.flat[: 0 if names else None]:
        along_training.unmeasured(ax)
    for row, label in zip(grid, _ROWS.values(), strict=True):
        row[0].set_ylabel(label)
    _legend(fig)
    fig.suptitle(style.title([data], "end points of searches for critical points"))
    return fig


def _panel(ax: Axes, data: xr.Dataset, name: str, colour: str) -> None:
    resolved = scales.resolved(data["gap"], data["quadrature_error"])
    gap, values = scales.positive(resolved), data[name].values
    values = scales.positive(values) if name == "relative_gradient" else values
    if not (np.isfinite(gap) & np.isfinite(values)).any():
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
        return
    ax.grid(**style.GRID)
    ax.set_xscale("log")
    if name == "relative_gradient":
        ax.set_yscale("log")
        ax.axhline(data.attrs["goal"], color="0.3", linestyle="--", linewidth=0.9)
    else:
        ax.set_title(
            scales.omission(resolved, unresolved=scales.unresolved(data["gap"], data["quadrature_error"])),
            fontsize=7,
            loc="right",
        )
    kinds = _names(data["kind"])
    origins = np.broadcast_to(_names(data["origin"]), kinds.shape)
    for kind in _MARKERS:
        for origin in _ORIGINS:
            chosen = (kinds == kind) & (origins == origin)
            ax.plot(gap[chosen], values[chosen], **_look(kind, origin, colour))


def _names(flags: xr.DataArray) -> np.ndarray:
    """The meanings of the values of a flag variable."""
    return np.array(flags.attrs["flag_meanings"].split(" "))[flags.values]


def _look(kind: str, origin: str, colour: str) -> dict[str, Any]:
    """Properties of the markers: the shape depends on the kind; searches from random points have larger and paler markers."""
    size, alpha = (6.5, 0.4) if origin == "random" else (4.5, 0.85)
    return {
        "label": f"{kind}, {origin}",
        "linestyle": "none",
        "marker": _MARKERS[kind],
        "color": colour,
        "markerfacecolor": "none" if kind == "none" else colour,
        "markersize": size,
        "markeredgewidth": 0.9,
        "alpha": alpha,
    }


def _legend(fig: Figure) -> None:
    looks = [_look(kind, "snapshot", "0.2") | {"label": text} for kind, text in _LABELS.items()]
    looks += [_look("critical", origin, "0.2") | {"label": text, "marker": "s"} for origin, text in _ORIGINS.items()]
    looks.append({"color": "0.3", "linestyle": "--", "linewidth": 0.9, "label": "goal of the search"})
    fig.legend(handles=[_handle(look) for look in looks], loc="outside lower center", ncols=len(looks), columnspacing=1.2)


def _handle(look: dict[str, Any]) -> Line2D:
    return Line2D([], [], **look)
