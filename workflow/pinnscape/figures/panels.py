"""A contour panel with its colour bar and its legend, shared by all figures of planes."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pinnscape.figures import scales, style
from pinnscape.figures.scales import Scale

INFEASIBLE_LABEL = "infeasible (no energy)"
MISSING_LABEL = "no value"
POINT_LABEL = "trained point"
_LEGEND_COLUMNS = 4  # number of columns that fit
ERRORS = {"h1_error": "relative $H^1$ error", "l2_error": "relative $L^2$ error"}  # with their labels
_POINT = {"marker": "P", "markersize": 6, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.7}


def contours(ax: Axes, surface: xr.Dataset, values: xr.DataArray, scale: Scale, cmap: str = "viridis") -> None:
    """Filled contours of ``values`` (alpha, beta): grey without a value, hatched where infeasible, a cross at the point."""
    alpha, beta = surface["alpha"].values, surface["beta"].values
    table = values.transpose("beta", "alpha").values
    ax.set_facecolor(style.NO_VALUE)
    if np.isfinite(table).any():
        table = np.ma.masked_invalid(scale.clip(table))
        ax.contourf(alpha, beta, table, levels=scale.levels(), norm=scale.norm(), cmap=cmap)
        ax.contour(alpha, beta, table, levels=scale.levels(), colors="black", linewidths=0.25, alpha=0.5)
    hatch(ax, surface)
    ax.plot(0.0, 0.0, linestyle="none", **_POINT)
    # The trained point may lie outside the plane and must not extend the limits.
    ax.set(xlim=(alpha[0], alpha[-1]), ylim=(beta[0], beta[-1]))


def hatch(ax: Axes, surface: xr.Dataset) -> None:
    """Hatch the cells where the energy does not exist."""
    infeasible = surface["infeasible"].transpose("beta", "alpha").values.astype(float)
    if infeasible.any():
        # Contours of a field with missing values end at the last cell that has a value; the hatching starts there.
        area = ax.contourf(
            surface["alpha"], surface["beta"], infeasible, levels=[1e-3, 2], colors="none", hatches=[style.HATCH]
        )
        area.set_label(INFEASIBLE_LABEL)


def with_unit(symbol: str, data: xr.Dataset) -> str:
    """The label of an axis along a direction, with the unit of its coordinate."""
    unit = data.attrs.get("axis_unit")
    return f"{symbol} ({unit})" if unit else symbol


def axis_labels(data: xr.Dataset) -> tuple[str, str]:
    """The labels of both axes of a plane."""
    return with_unit(r"$\alpha$", data), with_unit(r"$\beta$", data)


def name_axes(ax: Axes, labels: tuple[str, str], *, equal: bool = True) -> None:
    """Label both axes of a plane; ``equal`` gives both directions the same scale."""
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.locator_params(nbins=5)
    if equal:
        ax.set_aspect("equal")


def colour_bar(
    fig: Figure,
    axes: list[Axes],
    scale: Scale,
    name: str,
    cmap: str = "viridis",
    *,
    wide: bool = False,
    more: str = "",
    location: Literal["bottom", "right"] = "bottom",
) -> Colorbar:
    """A colour bar beside ``axes``, labelled with the quantity, the floor of the scale, and the text ``more``.

    ``wide`` is for a bar below axes next to each other.
    """
    aspect = 22 * (len(axes) if wide else 1)
    bar = fig.colorbar(ScalarMappable(scale.norm(), cmap), ax=axes, location=location, shrink=0.9, aspect=aspect, pad=0.02)
    bar.set_ticks(scale.ticks().tolist(), labels=scale.tick_labels())
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=6.5, length=2)
    bar.set_label(scale.label(name) + more, fontsize=7)
    bar.outline.set_linewidth(0.5)
    return bar


def few_ticks(ax: Axes, columns: int) -> None:
    """Leave space between the tick labels of neighbouring planes in a row of so many, which show their own."""
    ax.tick_params(labelsize=6.5)
    ax.locator_params(nbins=3 if columns > 3 else 5)


def plane_height(columns: int) -> float:
    """Height in inches of a row of so many square panels with labels, beside a colour bar."""
    return min(5.75 / columns + 0.4, 2.6)


def legend(fig: Figure, surfaces: Iterable[xr.Dataset], extra: Iterable[Line2D] = (), *, point: bool = True) -> None:
    """Draw one legend below the figure: the trained point, ``extra`` entries, and the reasons why cells are grey."""
    handles = [Line2D([], [], linestyle="none", label=POINT_LABEL, **_POINT)] if point else []
    surfaces = list(surfaces)
    handles += [*extra, *gap_handles(surfaces), *grid_note(surfaces)]
    columns = len(handles) if len(handles) <= _LEGEND_COLUMNS else 3
    fig.legend(handles=handles, loc="outside lower center", ncols=columns, handletextpad=0.5)


def gap_handles(surfaces: Iterable[xr.Dataset]) -> list[Patch]:
    """Legend entries for the kinds of missing values that occur in ``surfaces``."""
    surfaces = list(surfaces)
    handles = []
    if any((surface["infeasible"].values == 1).any() for surface in surfaces):
        handles.append(
            Patch(facecolor=style.NO_VALUE, hatch=style.HATCH, label=INFEASIBLE_LABEL, edgecolor="0.35", linewidth=0)
        )
    if any(has_missing(surface) for surface in surfaces):
        handles.append(Patch(facecolor=style.NO_VALUE, label=MISSING_LABEL, edgecolor="0.35", linewidth=0.5))
    return handles


def grid_note(surfaces: Iterable[xr.Dataset], what: str = "planes") -> list[Line2D]:
    """A legend entry with the number of spectral surfaces that did not converge and are drawn from the points of a grid."""
    surfaces = list(surfaces)
    count = sum("reason" in surface.attrs for surface in surfaces)
    label = f"{count} of {len(surfaces)} {what} from a plain grid (no spectral convergence)"
    return [Line2D([], [], linestyle="none", label=label)] if count else []


def has_missing(surface: xr.Dataset) -> bool:
    """Whether a loss, or an error that is known somewhere, lacks a value at a point that is not infeasible."""
    infeasible = surface["infeasible"].values
    fields = [surface["value"].transpose("loss", *surface["infeasible"].dims).values]
    fields += [surface[name].transpose(*surface["infeasible"].dims).values[None] for name in error_names([surface])]
    return any(bool(scales.missing(values, infeasible).any()) for field in fields for values in field)


def error_names(surfaces: Iterable[xr.Dataset]) -> list[str]:
    """The error that figures of surfaces show, in a list: H1, or L2 where H1 is not known; nothing where no solution is known."""
    surfaces = list(surfaces)
    return [name for name in ERRORS if any(np.isfinite(data[name].values).any() for data in surfaces if name in data)][:1]
