"""Figure: the known solution, and the solution and the error of each formulation."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from pinnscape.common.errors import StorageError
from pinnscape.figures import style

ALIKE = 5.0  # errors share a scale if their largest values differ by less than this factor
_FAINT = 0.1  # smallest relative size of the exact solution on the middle plane at which this plane is shown
_ZERO = 1e-12  # a solution of at most this size has no relative error
_TIMES = ("t", "time", "tau")  # names of a variable of time, which has another unit than those of space
_SIDE = 2.6  # largest height in inches of an image
_NARROW, _SMALL = 7.0, 6.0  # sizes in points of titles and of the labels of errors in more than three columns

Solutions = Mapping[str, xr.Dataset]  # solution.nc by the formulation


@style.styled
def draw(solutions: Mapping[tuple[str, int], xr.Dataset], seed: int) -> Figure:
    """Solutions and errors of the runs with ``seed``: curves in one dimension, images in two, images of a plane in three.

    Args:
        solutions: solution.nc of each run, keyed by (trained_on, seed).
        seed: seed that is shown.
    """
    chosen = {f: solutions[f, seed] for f in style.ordered(f for f, s in solutions if s == seed)}
    if not chosen:
        known = ", ".join(map(str, sorted({s for _, s in solutions})))
        raise StorageError(f"solution.nc: no file of seed {seed} among those of seeds {known}; set figures.seed to one of them")
    first = next(iter(chosen.values()))
    headings = {formulation: heading(formulation, data) for formulation, data in chosen.items()}
    text = f"{'solutions and errors' if is_known(first) else 'solutions'}, seed {seed}"
    if len(variables(first)) > 2:
        name = variables(first)[2]
        place = shown_plane(first)
        chosen = {formulation: data.sel({name: place}) for formulation, data in chosen.items()}
        text = f"{text}, plane ${name}$ = {place:.3g}"
    if "at" in first.attrs:
        text = f"{text}, at {first.attrs['at']}"
    fig = _images(chosen, headings) if len(variables(first)) > 1 else _curves(chosen, headings)
    fig.suptitle(style.title(chosen.values(), text))
    return fig


def variables(data: xr.Dataset) -> list[str]:
    """The variables of the problem, in their order."""
    return [str(name) for name in data["u"].dims if name != "component"]


def is_known(data: xr.Dataset) -> bool:
    """Whether there is a solution to compare with."""
    return bool(np.isfinite(data["u_exact"].values).any())


def known_label(data: xr.Dataset) -> str:
    """What the solution is to which networks are compared: ``exact``, or ``reference`` if it is numerical."""
    return str(data.attrs.get("known", "exact"))


def aspect(names: Sequence[str]) -> Literal["auto", "equal"]:
    """The aspect of an image: equal in space, but free if one of the variables is time."""
    return "auto" if set(names) & set(_TIMES) else "equal"


def shown_plane(data: xr.Dataset) -> float:
    """The third coordinate of the plane that represents a solution in three dimensions.

    It is the middle plane, unless a component of u* is small there. In this case, it is the plane on which the smallest
    component is largest, each component being relative to its largest size on any plane. The solution of the network takes the
    place of u* if that is not known.
    """
    first, second, third = variables(data)
    field = data["u_exact"] if is_known(data) else data["u"]
    sizes = np.nan_to_num(np.sqrt((field**2).mean((first, second)).transpose("component", third).values))
    largest = sizes.max(1, keepdims=True)
    shown = np.where(largest > 0, sizes / np.where(largest > 0, largest, 1.0), 1.0).min(0)
    middle = len(shown) // 2
    return float(data[third][middle if shown[middle] >= _FAINT else shown.argmax()])


def relative_error(data: xr.Dataset) -> float:
    """Relative L2 error of all components by the trapezoidal rule on the grid of the file; NaN if the exact one is zero.

    Points outside the domain do not count.
    """
    squares = ((data[name] ** 2).sum("component").integrate(variables(data)) for name in ("error", "u_exact"))
    error, exact = squares
    return float(np.sqrt(error / exact)) if float(exact) > _ZERO**2 else math.nan


def error_limits(errors: Sequence[np.ndarray]) -> list[float]:
    """Half widths of the ranges, symmetric about zero, in which ``errors`` are shown; similar errors share one range."""
    sizes = [float(np.nanmax(np.abs(error))) for error in errors]
    largest, smallest = max(sizes), min(sizes)
    if largest == 0:
        return [1.0] * len(sizes)
    if largest < ALIKE * smallest:
        return [largest] * len(sizes)
    return [size if size > 0 else largest for size in sizes]


def round_below(limit: float) -> float:
    """``limit`` rounded down to one significant digit."""
    power = 10.0 ** math.floor(math.log10(limit) + 1e-9)
    return math.floor(limit / power + 1e-9) * power


def heading(formulation: str, data: xr.Dataset) -> str:
    """The title of a panel: formulation and, if a solution is known, the relative error."""
    if not is_known(data):
        return style.formulation_label(formulation)
    error = relative_error(data)
    where = ", cube:" if len(variables(data)) > 2 else ""
    said = f"rel. $L^2$ error{where} {style.number(error)}" if math.isfinite(error) else f"{known_label(data)} solution zero"
    return f"{style.formulation_label(formulation)}\n{said}"


def exact_symbol(component: str) -> str:
    """The exact counterpart of a component in mathtext: ``u_1`` becomes ``u^*_1``."""
    name, _, index = str(component).partition("_")
    return f"{name}^*_{{{index}}}" if index else f"{name}^*"


def image_height(first: xr.Dataset, columns: int) -> float:
    """Height in inches of a row of images with its colour bar."""
    names = variables(first)[:2]
    if aspect(names) == "auto":
        return 2.0
    wide, high = (float(np.ptp(first[name].values)) for name in names)
    return 0.55 + min(4.3 / columns * high / wide, _SIDE)


def _errors(chosen: Solutions, component: str) -> list[np.ndarray]:
    return [data["error"].sel(component=component).values for data in chosen.values()]


def _components(chosen: Solutions) -> tuple[xr.Dataset, list[str]]:
    first = next(iter(chosen.values()))
    return first, [str(name) for name in first["component"].values]


def _curves(chosen: Solutions, headings: Mapping[str, str]) -> Figure:
    first, components = _components(chosen)
    rows = 1 + is_known(first)
    fig = style.figure(1.9 * rows * len(components))
    grid = fig.subplots(rows * len(components), len(chosen), squeeze=False, sharex=True)
    for place, component in enumerate(components):
        above, *below = grid[rows * place : rows * (place + 1)]
        limits = error_limits(_errors(chosen, component)) if below else []
        for column, (formulation, data) in enumerate(chosen.items()):
            part = data.sel(component=component)
            _solution_curve(above[column], part, formulation, component)
            for row in below:
                _error_curve(row[column], part, formulation, component, limits[column])
            above[column].set_title(headings[formulation] if place == 0 else "")
    for ax in grid[-1]:
        ax.set_xlabel(f"${variables(first)[0]}$")
    return fig


def _solution_curve(ax: Axes, part: xr.Dataset, formulation: str, component: str) -> None:
    x = part[variables(part)[0]]
    if is_known(part):
        ax.plot(x, part["u_exact"], color=style.EXACT_COLOUR, linewidth=2.4, alpha=0.3, label=known_label(part))
    ax.plot(x, part["u"], color=style.colour(formulation), label="network")
    ax.set_ylabel(f"${component}$")
    ax.grid(**style.GRID)
    ax.legend()


def _error_curve(ax: Axes, part: xr.Dataset, formulation: str, component: str, limit: float) -> None:
    ax.axhline(0.0, color="0.6", linewidth=0.5)
    ax.plot(part[variables(part)[0]], part["error"], color=style.colour(formulation))
    ax.set(ylim=(-1.1 * limit, 1.1 * limit), ylabel=f"error ${component} - {exact_symbol(component)}$")
    ax.grid(**style.GRID)


def _images(chosen: Solutions, headings: Mapping[str, str]) -> Figure:
    """The known solution on the left, if there is one, with a row of errors below each row of solutions."""
    first, components = _components(chosen)
    known = is_known(first)
    columns, rows = known + len(chosen), 1 + known
    height, equal = image_height(first, columns), aspect(variables(first)) == "equal"
    fig = style.figure(0.7 + rows * len(components) * height, square=equal)
    grid = fig.subplots(rows * len(components), columns, squeeze=False, sharex=True, sharey=True)
    for place, component in enumerate(components):
        above, *below = grid[rows * place : rows * (place + 1)]
        _solution_images(fig, above, chosen, component, known)
        for row in below:
            _error_images(fig, row, chosen, component)
    titles = [*[f"{known_label(first)}\n"] * known, *headings.values()]
    for ax, title in zip(grid[0], titles, strict=True):
        ax.set_title(title, fontsize=_NARROW if columns > 3 else None)
    for ax in grid[-1, int(known) :]:
        ax.set_xlabel(f"${variables(first)[0]}$")
    return fig


def _solution_images(fig: Figure, axes: np.ndarray, chosen: Solutions, component: str, known: bool) -> None:
    first = next(iter(chosen.values()))
    fields = [*([first["u_exact"]] if known else []), *(data["u"] for data in chosen.values())]
    fields = [field.sel(component=component) for field in fields]
    low, high = min(float(f.min()) for f in fields), max(float(f.max()) for f in fields)
    images = [_image(ax, field, low, high, "viridis") for ax, field in zip(axes, fields, strict=True)]
    bar = fig.colorbar(images[0], ax=list(axes), location="right", aspect=16, pad=0.01)
    bar.set_label(f"${component}$")
    across, along = (f"${name}$" for name in variables(first)[:2])
    axes[0].set_ylabel(along)
    if known:  # nothing is below this image
        axes[0].set_xlabel(across)
        axes[0].tick_params(labelbottom=True)


def _error_images(fig: Figure, axes: np.ndarray, chosen: Solutions, component: str) -> None:
    axes[0].set_axis_off()
    axes[1].set_ylabel(f"${variables(next(iter(chosen.values())))[1]}$")
    axes[1].tick_params(labelleft=True)
    limits = error_limits(_errors(chosen, component))
    for ax, data, limit in zip(axes[1:], chosen.values(), limits, strict=True):
        image = _image(ax, data["error"].sel(component=component), -limit, limit, "RdBu_r")
        bar = fig.colorbar(image, ax=ax, location="bottom", aspect=16, pad=0.02)
        tick = round_below(limit)
        bar.set_ticks([-tick, 0.0, tick], labels=[style.number(value, 1) for value in (-tick, 0.0, tick)])
        if len(axes) > 3:
            bar.ax.tick_params(labelsize=_SMALL)
        bar.set_label(f"error ${component} - {exact_symbol(component)}$", fontsize=7)


def _image(ax: Axes, field: xr.DataArray, low: float, high: float, cmap: str) -> QuadMesh:
    """An image with the first variable along the horizontal axis; points outside the domain are left blank."""
    across, along = map(str, field.dims)
    ax.set_aspect(aspect([across, along]))
    values = field.transpose(along, across).values
    # Cells are rasterised: thousands of vector cells make a PDF slow and show hairlines.
    return ax.pcolormesh(
        field[across], field[along], values, vmin=low, vmax=high, cmap=cmap, shading="nearest", rasterized=True
    )
