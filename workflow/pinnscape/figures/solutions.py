"""Figure: the exact solution, and the solution and the error of each formulation."""

import math
from collections.abc import Mapping, Sequence

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
    headings = {formulation: heading(formulation, data) for formulation, data in chosen.items()}
    text = f"solutions and errors, seed {seed}"
    first = next(iter(chosen.values()))
    if "z" in first["u"].dims:
        z = shown_plane(first)
        chosen = {formulation: data.sel(z=z) for formulation, data in chosen.items()}
        text = f"{text}, plane $z$ = {z:.3g}"
    fig = _images(chosen, headings) if "y" in first["u"].dims else _curves(chosen, headings)
    fig.suptitle(style.title(chosen.values(), text))
    return fig


def shown_plane(data: xr.Dataset) -> float:
    """The coordinate z of the plane that represents a solution in three dimensions.

    It is the middle plane, unless a component of u* is small there. In this case, it is the plane on which the smallest
    component is largest, each component being relative to its largest size on any plane.
    """
    sizes = np.sqrt((data["u_exact"] ** 2).mean(("x", "y")).transpose("component", "z").values)
    largest = sizes.max(1, keepdims=True)
    shown = np.where(largest > 0, sizes / np.where(largest > 0, largest, 1.0), 1.0).min(0)
    middle = len(shown) // 2
    return float(data["z"][middle if shown[middle] >= _FAINT else shown.argmax()])


def relative_error(data: xr.Dataset) -> float:
    """Relative L2 error of all components by the trapezoidal rule on the grid of the file; NaN if the exact one is zero."""
    axes = [name for name in data["u"].dims if name != "component"]
    error, exact = ((data[name] ** 2).sum("component").integrate(axes) for name in ("error", "u_exact"))
    return float(np.sqrt(error / exact)) if float(exact) > _ZERO**2 else math.nan


def error_limits(errors: Sequence[np.ndarray]) -> list[float]:
    """Half widths of the ranges, symmetric about zero, in which ``errors`` are shown; similar errors share one range."""
    sizes = [float(np.abs(error).max()) for error in errors]
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
    """The title of a panel: formulation and relative error."""
    error = relative_error(data)
    where = ", cube:" if "z" in data["u"].dims else ""
    said = f"rel. $L^2$ error{where} {style.number(error)}" if math.isfinite(error) else "exact solution zero"
    return f"{style.formulation_label(formulation)}\n{said}"


def exact_symbol(component: str) -> str:
    """The exact counterpart of a component in mathtext: ``u_1`` becomes ``u^*_1``."""
    name, _, index = str(component).partition("_")
    return f"{name}^*_{{{index}}}" if index else f"{name}^*"


def _errors(chosen: Mapping[str, xr.Dataset], component: str) -> list[np.ndarray]:
    return [data["error"].sel(component=component).values for data in chosen.values()]


def _curves(chosen: Mapping[str, xr.Dataset], headings: Mapping[str, str]) -> Figure:
    components = [str(name) for name in next(iter(chosen.values()))["component"].values]
    fig = style.figure(3.8 * len(components))
    grid = fig.subplots(2 * len(components), len(chosen), squeeze=False, sharex=True)
    for row, component in enumerate(components):
        limits = error_limits(_errors(chosen, component))
        for column, (formulation, data) in enumerate(chosen.items()):
            part = data.sel(component=component)
            top, bottom = grid[2 * row : 2 * row + 2, column]
            _solution_curve(top, part, formulation, component)
            _error_curve(bottom, part, formulation, component, limits[column])
            top.set_title(headings[formulation] if row == 0 else "")
    for ax in grid[-1]:
        ax.set_xlabel("$x$")
    return fig


def _solution_curve(ax: Axes, part: xr.Dataset, formulation: str, component: str) -> None:
    ax.plot(part["x"], part["u_exact"], color=style.EXACT_COLOUR, linewidth=2.4, alpha=0.3, label="exact")
    ax.plot(part["x"], part["u"], color=style.colour(formulation), label="network")
    ax.set_ylabel(f"${component}$")
    ax.grid(**style.GRID)
    ax.legend()


def _error_curve(ax: Axes, part: xr.Dataset, formulation: str, component: str, limit: float) -> None:
    ax.axhline(0.0, color="0.6", linewidth=0.5)
    ax.plot(part["x"], part["error"], color=style.colour(formulation))
    ax.set(ylim=(-1.1 * limit, 1.1 * limit), ylabel=f"error ${component} - {exact_symbol(component)}$")
    ax.grid(**style.GRID)


def _images(chosen: Mapping[str, xr.Dataset], headings: Mapping[str, str]) -> Figure:
    components = [str(name) for name in next(iter(chosen.values()))["component"].values]
    columns = 1 + len(chosen)
    fig = style.figure(0.7 + len(components) * (1.1 + 8.6 / columns), square=True)
    grid = fig.subplots(2 * len(components), columns, squeeze=False, sharex=True, sharey=True)
    for row, component in enumerate(components):
        _solution_images(fig, grid[2 * row], chosen, component)
        _error_images(fig, grid[2 * row + 1], chosen, component)
    grid[0, 0].set_title("exact\n")
    for ax, formulation in zip(grid[0, 1:], chosen, strict=True):
        ax.set_title(headings[formulation])
    for ax in grid[-1, 1:]:
        ax.set_xlabel("$x$")
    return fig


def _solution_images(fig: Figure, axes: np.ndarray, chosen: Mapping[str, xr.Dataset], component: str) -> None:
    first = next(iter(chosen.values()))
    fields = [first["u_exact"], *(data["u"] for data in chosen.values())]
    fields = [field.sel(component=component) for field in fields]
    low, high = min(float(f.min()) for f in fields), max(float(f.max()) for f in fields)
    images = [_image(ax, field, low, high, "viridis") for ax, field in zip(axes, fields, strict=True)]
    bar = fig.colorbar(images[0], ax=list(axes), location="right", aspect=16, pad=0.01)
    bar.set_label(f"${component}$")
    axes[0].set(ylabel="$y$", xlabel="$x$")
    axes[0].tick_params(labelbottom=True)


def _error_images(fig: Figure, axes: np.ndarray, chosen: Mapping[str, xr.Dataset], component: str) -> None:
    axes[0].set_axis_off()
    axes[1].set_ylabel("$y$")
    axes[1].tick_params(labelleft=True)
    limits = error_limits(_errors(chosen, component))
    for ax, data, limit in zip(axes[1:], chosen.values(), limits, strict=True):
        image = _image(ax, data["error"].sel(component=component), -limit, limit, "RdBu_r")
        bar = fig.colorbar(image, ax=ax, location="bottom", aspect=16, pad=0.02)
        tick = round_below(limit)
        bar.set_ticks([-tick, 0.0, tick], labels=[style.number(value, 1) for value in (-tick, 0.0, tick)])
        bar.set_label(f"error ${component} - {exact_symbol(component)}$", fontsize=7)


def _image(ax: Axes, field: xr.DataArray, low: float, high: float, cmap: str) -> QuadMesh:
    ax.set_aspect("equal")
    values = field.transpose("y", "x").values
    # Cells are rasterised: thousands of vector cells make a PDF slow and show hairlines.
    return ax.pcolormesh(field["x"], field["y"], values, vmin=low, vmax=high, cmap=cmap, shading="nearest", rasterized=True)
