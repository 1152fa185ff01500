"""Figure: one page that compares the physics formulations of a case in all techniques."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pinnscape.common.errors import StorageError
from pinnscape.common.formulations import PHYSICS
from pinnscape.figures import overview_marks, panels, scales, style, trajectory
from pinnscape.figures.overview_marks import SMALL
from pinnscape.figures.overview_panels import PANELS
from pinnscape.figures.spectra import SMALLEST

COLUMNS = 4
_FIELDS, _ROW, _REST = 2.2, 1.27, 0.8  # heights in inches of the fields, of a row of panels, and of title and legend
_HEIGHT = 9.6  # maximum height in inches; with more rows, each row is lower
_PLANES = {"random": "random plane", "trajectory": "trajectory"}
_PATH = {
    "color": "white",
    "linewidth": 0.7,
    "marker": "o",
    "markersize": 1.6,
    "markeredgecolor": "black",
    "markeredgewidth": 0.3,
}
_POINT = {"marker": "P", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.7}
_START = {"marker": "s", "markersize": 4, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.6}

Surfaces = Mapping[str, xr.Dataset]


@style.styled
def draw(
    planes: Mapping[str, Surfaces], hessians: Surfaces, techniques: Mapping[str, xr.Dataset], seed: int | None = None
) -> Figure:
    """Fields above, one small panel for each technique below; missing data take no space.

    Args:
        planes: resampled surface-{plane}.nc, keyed by the plane (random, trajectory) and the formulation that trained the
            point.
        hessians: hessian-{checkpoint}.nc of one checkpoint, keyed by the formulation.
        techniques: {technique}.nc keyed by the technique; techniques without an entry in ``PANELS`` are left out.
        seed: seed of the fields and the Hessians, for the title.

    Raises:
        StorageError: there is nothing to draw.
    """
    shown = {name: planes[name] for name in _PLANES if planes.get(name)}
    files = dict(techniques) | ({"hessian": ratios(hessians)} if hessians else {})
    drawn = [name for name in PANELS if name in files]
    everything = [*(data for part in shown.values() for data in part.values()), *hessians.values(), *techniques.values()]
    if not (shown or drawn):
        raise StorageError(
            "nothing to draw in the overview: the study has no surfaces, Hessians or techniques; see grid.planes"
        )
    rows = math.ceil(len(drawn) / COLUMNS)
    fields = _FIELDS if shown else 0.0
    row = min(_ROW, (_HEIGHT - fields - _REST) / max(1, rows))
    fig = style.figure(fields + row * rows + _REST)
    fig.get_layout_engine().set(w_pad=0.03, h_pad=0.025, hspace=0.015, wspace=0.02)  # pyright: ignore
    heights = [fields] * bool(shown) + [row] * rows
    grid = fig.add_gridspec(len(heights), COLUMNS, height_ratios=heights)
    if shown:
        _fields(fig, grid, shown, formulations(shown, hessians))
    for k, name in enumerate(drawn):
        ax = fig.add_subplot(grid[k // COLUMNS + bool(shown), k % COLUMNS])
        overview_marks.draw(ax, PANELS[name], files[name])
    _legend(fig, shown, {name: files[name] for name in drawn})
    names = style.ordered(name for key in drawn for name in PANELS[key].names(files[key]))
    fig.suptitle(style.title(everything, heading(formulations(shown, hessians) or compared(names), shown, hessians, seed)))
    return fig


def compared(names: Iterable[str]) -> list[str]:
    """The formulations that the page compares: those of the physics, or the reference if there is nothing else."""
    names = style.ordered(names)
    return [name for name in names if name in PHYSICS] or names


def formulations(planes: Mapping[str, Surfaces], hessians: Surfaces) -> list[str]:
    """The formulations of the upper part of the page."""
    return compared([*(name for part in planes.values() for name in part), *hessians])


def heading(names: Sequence[str], planes: Mapping[str, Surfaces], hessians: Surfaces, seed: int | None) -> str:
    """The title of the page, with the formulations that it compares, and the seed of its upper part."""
    text = " and ".join(style.formulation_label(name) for name in names) + " side by side" * (len(names) > 1)
    parts = [word for word, present in (("planes", planes), ("Hessians", hessians)) if present]
    return f"{text} ({' and '.join(parts)} of seed {seed})" if parts and seed is not None else text


def ratios(hessians: Surfaces) -> xr.Dataset:
    """Eigenvalues of each training loss relative to the largest one (trained_on, seed, eigen); NaN where unknown."""
    parts = []
    for name in style.ordered(hessians):
        values = hessians[name]["eigenvalue"].sel(loss=name).astype(float)
        largest = values.isel(eigen=0, drop=True) if values.size else np.nan
        ratio = (values / largest).drop_vars("loss").drop_attrs()
        parts.append(ratio.where(np.abs(ratio) >= SMALLEST).expand_dims(trained_on=[name], seed=[0]))
    return xr.Dataset({"ratio": xr.concat(parts, "trained_on", join="outer")})


def _fields(fig: Figure, grid: GridSpec, planes: Mapping[str, Surfaces], names: Sequence[str]) -> None:
    """Draw, for each plane, the fields of the formulations next to each other, every field on its own scale."""
    cells = [(plane, name) for plane in planes for name in names][:COLUMNS]
    for k, (plane, name) in enumerate(cells):
        ax = fig.add_subplot(grid[0, (COLUMNS - len(cells)) // 2 + k])
        ax.set_title(f"{style.formulation_label(name)}: {_PLANES[plane]}", fontsize=7.5, color=style.colour(name))
        ax.set_box_aspect(1.0)
        ax.tick_params(labelsize=SMALL, length=2, pad=1.5)
        data = planes[plane].get(name)
        if data is None or not np.isfinite(data["value"].sel(loss=name)).any():
            overview_marks.not_measured(ax)
        else:
            _field(fig, ax, data, name, plane)


def _field(fig: Figure, ax: Axes, data: xr.Dataset, name: str, plane: str) -> None:
    values = scales.shown(data, name)
    scale = scales.decide(values)
    panels.contours(ax, data, values, scale)
    labels = panels.axis_labels(data)
    if plane == "trajectory":
        path = data["trajectory"].transpose("snapshot", "axis").values
        ax.plot(path[:, 0], path[:, 1], **_PATH)
        ax.plot(*path[:1].T, linestyle="none", **_START)
        across, along = trajectory.axis_labels(data)
        labels = across.replace(" length", ""), along.replace(" length", "")  # the panels are small
    panels.name_axes(ax, labels, equal=False)
    ax.set_xlabel(labels[0], fontsize=SMALL + 0.5, labelpad=1.0)
    ax.set_ylabel(labels[1], fontsize=SMALL + 0.5, labelpad=1.0)
    loss = scales.loss_label(data, name)
    bar = panels.colour_bar(fig, [ax], scale, loss)
    bar.set_ticks(scale.ticks(4).tolist(), labels=scale.tick_labels(4))
    bar.ax.tick_params(labelsize=SMALL, pad=1.5)
    # A label in one line would not fit beside its neighbours.
    label = scale.label(loss).replace(" (", "\n(")
    bar.set_label(f"{label}\nbelow its minimum" if scales.is_below(data, name) else label, fontsize=SMALL, labelpad=1.0)


def _legend(fig: Figure, planes: Mapping[str, Surfaces], files: Mapping[str, xr.Dataset]) -> None:
    """Draw one legend for the whole page: the formulations and their marks, then the marks of the fields."""
    handles: list[Artist] = []
    for name in style.ordered(name for key, data in files.items() for name in PANELS[key].names(data)):
        handles.append(Line2D([], [], label=style.formulation_label(name), **overview_marks.look(name)))
    if any(data.sizes.get("seed", 0) > 1 for data in files.values()):
        handles.append(Patch(facecolor="0.4", alpha=0.3, label="median and range over seeds"))
    surfaces = [part[name] for part in planes.values() for name in compared(part)]
    if surfaces:
        handles.append(Line2D([], [], linestyle="none", label=panels.POINT_LABEL, **_POINT))
    if planes.get("trajectory"):
        handles.append(Line2D([], [], linestyle="none", label="initial point", **_START))
        handles.append(
            Line2D([], [], label="path of training, projected", **{**_PATH, "color": "0.5", "markerfacecolor": "white"})
        )
    handles += panels.gap_handles(surfaces)
    fig.legend(handles=handles, loc="outside lower center", ncols=max(1, min(len(handles), 4)), fontsize=6.5, columnspacing=1.5)
