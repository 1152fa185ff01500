"""Draws a panel of the overview: the median over seeds with the range over seeds, in the colour of the formulation."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from pinnscape.common.formulations import is_reference
from pinnscape.figures import scales, style
from pinnscape.figures.overview_panels import Panel

SMALL = 6.0  # size in points of the smallest text of the page
LINEAR_STEPS = 10.0
_ALPHA = 0.22  # opacity of bands
_FEW = 12  # largest number of points that are drawn with markers
_LEVEL = {"color": "0.45", "linestyle": ":", "linewidth": 0.7, "zorder": 0.5}


def look(name: str) -> dict[str, Any]:
    """Colour and width of the line of a formulation; the line of the reference is thin and grey."""
    if is_reference(name):
        return {"color": "0.55", "linewidth": 0.7, "zorder": 1.8}
    return {"color": style.colour(name), "linewidth": 1.3, "zorder": 2.2}


def spread(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minimum, median and maximum of the finite values in each column of ``rows`` (seed, n); NaN if there are none."""
    known = np.ma.masked_invalid(np.asarray(rows, float))
    return tuple(np.ma.filled(part.astype(float), np.nan) for part in (known.min(0), np.ma.median(known, axis=0), known.max(0)))  # pyright: ignore


def draw(ax: Axes, panel: Panel, data: xr.Dataset) -> None:
    """Draw the panel of one technique; a panel without values is labelled as not measured."""
    names = panel.names(data)
    title(ax, panel.title, panel.quantity(data) if names else "")
    series = {name: panel.measure(data, name) for name in names}
    series = {name: (at, rows) for name, (at, rows) in series.items() if np.isfinite(rows).any()}
    if not series:
        not_measured(ax)
        return
    log = panel.scales[1] == "log"
    words = next((list(at) for at, _ in series.values() if np.asarray(at).dtype.kind == "U"), None)
    for k, (name, (at, rows)) in enumerate(series.items()):
        if words is None:
            _line(ax, name, at, rows, log)
        else:
            _bars(ax, name, np.arange(len(words)) + _beside(k, len(series)), rows, log)
        if np.isfinite(mark := panel.marks(data, name)):
            ax.axvline(mark, **{**look(name), "linewidth": 0.8, "alpha": 0.7, "zorder": 1.0})
    for level in panel.levels(data):
        ax.axhline(level, **_LEVEL)
    _axes(ax, panel, words)
    along = panel.along if isinstance(panel.along, str) else panel.along(data)
    ax.set_xlabel(along, fontsize=SMALL, labelpad=1.5)
    omitted = scales.omission(*(spread(rows)[1] for _, rows in series.values())) if log else ""
    ax.text(0.03, 0.03, omitted, transform=ax.transAxes, va="bottom", fontsize=SMALL, color="0.3")  # few curves pass here


def title(ax: Axes, text: str, quantity: str) -> None:
    """Write the title in one line, and the quantity that is drawn in the line below."""
    ax.set_title(text, loc="left", fontsize=7, fontweight="bold", pad=11.0)
    below = ax.annotate(quantity, (0.0, 1.0), (0.0, 3.0), "axes fraction", "offset points", fontsize=SMALL, color="0.25")
    below.set_in_layout(False)  # the padding of the title leaves space for it; its width must not move columns apart
    ax.tick_params(labelsize=SMALL, length=2, pad=1.5)
    ax.tick_params(which="minor", length=1.2)


def not_measured(ax: Axes) -> None:
    """Label a panel without values as not measured."""
    ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4", fontsize=SMALL + 0.5)
    ax.set(xticks=[], yticks=[])


def _line(ax: Axes, name: str, at: np.ndarray, rows: np.ndarray, log: bool) -> None:
    low, middle, high = spread(rows)
    reference = is_reference(name)
    marker = {"marker": "o", "markersize": 2.2} if len(at) <= _FEW and not reference else {}
    ax.plot(at, scales.positive(middle) if log else middle, **look(name), **marker)
    if not reference and len(rows) > 1:
        ax.fill_between(at, low, high, color=style.colour(name), alpha=_ALPHA, linewidth=0, zorder=1.5)


def _bars(ax: Axes, name: str, at: np.ndarray, rows: np.ndarray, log: bool) -> None:
    low, middle, high = spread(rows)
    reference = is_reference(name)
    marker = {"marker": "D", "markersize": 2.4} if reference else {"marker": "o", "markersize": 3.6}
    ax.plot(at, scales.positive(middle) if log else middle, **{**look(name), "linestyle": "none"}, **marker)
    if len(rows) > 1:
        ax.vlines(at, low, high, colors=look(name)["color"], linewidth=0.7 if reference else 1.6, alpha=0.6)


def _beside(k: int, count: int) -> float:
    """Horizontal offset of the k-th of ``count`` marks at the same word."""
    return 0.2 * (k - 0.5 * (count - 1))


def _axes(ax: Axes, panel: Panel, words: list[str] | None) -> None:
    across, up = panel.scales
    if panel.limits is not None:
        ax.set_ylim(*panel.limits)
    if up == "log" and any((np.asarray(line.get_ydata(), float) > 0).any() for line in ax.lines):
        ax.set_yscale("log")
        few_decades(ax.yaxis, ax.get_ylim(), 4)
    else:
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=up == "count"))
    if words is not None:
        ax.set_xticks(range(len(words)), words)
        ax.set_xlim(-0.5, len(words) - 0.5)
        ax.tick_params(axis="x", length=0)
    elif across == "log":
        ax.set_xscale("log")
        few_decades(ax.xaxis, ax.get_xlim(), 4)
    elif across == "steps":
        ax.set_xscale("symlog", linthresh=LINEAR_STEPS)
        last = max(ax.dataLim.x1, LINEAR_STEPS)
        ax.set_xlim(0, last)
        ax.set_xticks(step_ticks(last))
        ax.minorticks_off()
    else:
        ax.margins(x=0.0)
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.grid(axis="y" if words is not None else "both", **style.GRID)


def step_ticks(last: float) -> list[float]:
    """Zero, and the powers of ten from the end of the linear part up to ``last``."""
    return [0.0, *(10.0**k for k in range(round(np.log10(LINEAR_STEPS)), int(np.floor(np.log10(last) + 1e-9)) + 1))]


def few_decades(axis: Any, limits: tuple[float, float], most: int) -> None:
    """Use about ``most`` labels at most, at powers of ten if at least two of these lie within the limits."""
    axis.set_major_locator(LogLocator(numticks=most + 1))
    inside = np.floor(np.log10(limits[1]) + 1e-9) - np.ceil(np.log10(limits[0]) - 1e-9) + 1
    if inside >= 2:
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=most + 1))
        axis.set_major_formatter(lambda value, position: f"{value:g}")
        axis.set_minor_formatter(NullFormatter())
