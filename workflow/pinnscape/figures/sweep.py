"""Figure: how the landscape changes with a setting that a sweep varies."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from pinnscape.common.errors import StorageError
from pinnscape.common.formulations import PHYSICS, STRONG_FORM
from pinnscape.figures import overview_marks, panels, scales, style

COLUMNS = ("case", "trained_on", "seed", "checkpoint", "metric", "loss", "variant", "value")
PLANES, PANELS = 5, 3  # largest numbers of planes and of statistics in a row
DECADE = 10.0  # ratio of the largest to the smallest value beyond which an axis is logarithmic
_HEIGHT, _REST = 1.75, 0.9  # heights in inches of a row of statistics, and of title and legends
_BAND = {"alpha": 0.2, "linewidth": 0}

Value = Any  # of the swept setting: a number, or a word such as the name of an activation
Surfaces = Mapping[str, xr.Dataset]  # surface-random.nc by the formulation that trained the point


@dataclass(frozen=True)
class Statistic:
    """A number of each run that is drawn against the swept setting.

    Attributes:
        title: name of the statistic.
        metrics: metrics at the final point. The first one that a run has, for its training loss or for none, is drawn.
        variant: variant of the metrics.
    """

    title: str
    metrics: tuple[str, ...]
    variant: str = ""


STATISTICS = (
    Statistic("relative $L^2$ error", ("l2_error",)),
    Statistic(r"largest eigenvalue $\lambda_1$", ("lambda_max",)),
    Statistic("effective rank", ("effective_rank", "effective_rank_estimate")),
    Statistic("roughness index", ("roughness_index",)),
    Statistic("barrier after alignment / initial gap", ("barrier_relative",), "aligned"),
)


@style.styled
def draw(surfaces: Mapping[Value, Surfaces], metrics: pd.DataFrame, setting: str) -> Figure:
    """Above, a physics loss on the random plane for each value, on one scale; below, statistics of all losses.

    Args:
        surfaces: resampled surface-random.nc, keyed by the value of the setting and the formulation that trained the point.
        metrics: the rows of metrics.csv of the cases of the sweep, with the value of the setting in the column ``swept``.
        setting: dotted key of the setting, such as ``parameters.beta``.

    Raises:
        StorageError: there are no surfaces.
    """
    if not any(surfaces.values()):
        raise StorageError("nothing to draw in the figure of a sweep: it has no surfaces; see grid.planes")
    values, loss = in_order(surfaces), shown_loss(surfaces.values())
    tables = {statistic.title: table(metrics, statistic) for statistic in STATISTICS}
    tables = {title: rows for title, rows in tables.items() if len(rows)}
    columns, lines = min(len(values), PLANES), math.ceil(len(values) / PLANES)
    heights = [lines * panels.plane_height(columns), _HEIGHT * rows_of_panels(len(tables))]
    fig = style.figure(sum(heights) + _REST)
    parts: Any = fig.subfigures(2, 1, height_ratios=heights) if tables else [fig]
    _planes(parts[0], [(value, surfaces[value].get(loss)) for value in values], loss, setting)
    if tables:
        _statistics(parts[1], tables, values, setting)
    fig.suptitle(f"sweep of {setting}: {style.loss_label(loss)} around the points that it trained")
    return fig


def in_order(values: Iterable[Value]) -> list[Value]:
    """Numbers in ascending order; values that are not all numbers in the given order."""
    values = list(values)
    return sorted(values) if are_numbers(values) else values


def are_numbers(values: Iterable[Value]) -> bool:
    """Whether all values are numbers."""
    return all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values)


def spans_decade(values: Iterable[Any]) -> bool:
    """Whether values are positive numbers that span more than a decade."""
    values = list(values)
    return are_numbers(values) and min(values) > 0 and max(values) > DECADE * min(values)


def key(value: Value) -> float | str:
    """A value of the setting in a form in which those of the configuration and those of a table are equal."""
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def shown_loss(surfaces: Iterable[Surfaces]) -> str:
    """The loss of the planes: the strong form, or else the first physics loss, or else the first loss."""
    names = style.ordered(name for part in surfaces for name in part)
    preferred = [STRONG_FORM.name, *PHYSICS, *names]
    return next(name for name in preferred if name in names)


def table(metrics: pd.DataFrame, statistic: Statistic) -> pd.DataFrame:
    """The finite values of a statistic, with the columns trained_on, swept (see ``key``), seed and value."""
    known = (metrics["checkpoint"] == "final") & np.isfinite(metrics["value"]) & (metrics["variant"] == statistic.variant)
    own = pd.DataFrame(metrics[known & ((metrics["loss"] == metrics["trained_on"]) | (metrics["loss"] == ""))])
    found = [own.query("metric == @name") for name in statistic.metrics]
    run = ["trained_on", "swept", "seed"]
    rows = pd.DataFrame(pd.concat(found))[[*run, "value"]]
    return rows.assign(swept=[key(value) for value in rows["swept"]]).drop_duplicates(run)


def spread(rows: pd.DataFrame, loss: str, values: Sequence[Value]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minimum, median and maximum over seeds at each value of the setting; NaN where there are no runs."""
    own = rows[rows["trained_on"] == loss]
    at = [own.loc[[swept == key(value) for swept in own["swept"]], "value"].to_numpy(float) for value in values]
    longest = max((len(found) for found in at), default=0)
    padded = [np.pad(found, (0, longest - len(found)), constant_values=np.nan) for found in at]
    return overview_marks.spread(np.transpose(padded))


def heading(setting: str, value: Value) -> str:
    """The title of a plane: the last part of the key of the setting, and its value."""
    return f"{setting.rpartition('.')[2]} = {text_of(value)}"


def text_of(value: Value) -> str:
    """A value of the setting as text."""
    return f"{value:g}".replace("-", "−") if are_numbers([value]) else str(value)


def rows_of_panels(count: int) -> int:
    """The number of rows in which this number of statistics is drawn."""
    return math.ceil(count / PANELS)


def _planes(part: Any, cells: Sequence[tuple[Value, xr.Dataset | None]], loss: str, setting: str) -> None:
    columns, known = min(len(cells), PLANES), [data for _, data in cells if data is not None]
    fields = [scales.shown(data, loss) for data in known]
    scale = scales.decide(*fields)
    grid = part.subplots(math.ceil(len(cells) / PLANES), columns, squeeze=False)
    for ax in grid.flat[len(cells) :]:
        ax.set_visible(False)
    for place, (ax, (value, data)) in enumerate(zip(grid.flat, cells, strict=False)):
        ax.set_title(heading(setting, value))
        lowest, leftmost = place + columns >= len(cells), place % columns == 0
        ax.tick_params(labelbottom=lowest, labelleft=leftmost)
        if data is None:
            ax.set_box_aspect(1.0)
            overview_marks.not_measured(ax)
            continue
        panels.contours(ax, data, scales.shown(data, loss), scale)
        across, along = panels.axis_labels(data)
        panels.name_axes(ax, (across if lowest else "", along if leftmost else ""))
        panels.few_ticks(ax, columns)
    bar = panels.colour_bar(part, list(grid.flat[: len(cells)]), scale, "", location="right")
    bar.set_label(scale.label(scales.loss_label(known[0], loss)).replace(" (", "\n("), fontsize=7)
    panels.legend(part, known)


def _statistics(part: Any, tables: Mapping[str, pd.DataFrame], values: Sequence[Value], setting: str) -> None:
    lines = rows_of_panels(len(tables))
    grid = part.subplots(lines, math.ceil(len(tables) / lines), squeeze=False)
    for ax in grid.flat[len(tables) :]:
        ax.set_visible(False)
    losses = style.ordered(name for rows in tables.values() for name in rows["trained_on"])
    for ax, (title, rows) in zip(grid.flat, tables.items(), strict=False):
        _panel(ax, rows, losses, values)
        ax.set_title(title, fontsize=7)
        ax.set_xlabel(setting.rpartition(".")[2])
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=style.colour(f), marker="o", markersize=3, label=style.formulation_label(f)) for f in losses
    ]
    if any(rows["seed"].nunique() > 1 for rows in tables.values()):
        handles.append(Patch(facecolor="0.4", label="median and range over seeds", **_BAND))
    part.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _panel(ax: Axes, rows: pd.DataFrame, losses: Sequence[str], values: Sequence[Value]) -> None:
    numbers = are_numbers(values)
    at = np.array(values, float) if numbers else np.arange(len(values))
    for loss in losses:
        low, middle, high = spread(rows, loss, values)
        look = {"color": style.colour(loss), "marker": "o", "markersize": 3, "linewidth": 1.2 if numbers else 0.0}
        ax.plot(at, middle, **look)
        if numbers:
            ax.fill_between(at, low, high, color=style.colour(loss), **_BAND)
        else:
            ax.vlines(at, low, high, color=style.colour(loss), linewidth=1.2, alpha=0.5)
    if numbers and spans_decade(values):
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
    if spans_decade(rows["value"].tolist()):
        ax.set_yscale("log")
    if not numbers:
        ax.set_xlim(-0.5, len(values) - 0.5)
    ax.set_xticks(at, [text_of(value) for value in values])
    ax.tick_params(labelsize=6.5)
    ax.grid(**style.GRID)
