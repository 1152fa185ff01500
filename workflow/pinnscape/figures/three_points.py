"""Figure: planes through two seeds and their curve, and through the minimisers of two losses and their initial point."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnscape.common.formulations import DEEP_RITZ
from pinnscape.figures import panels, paths, scales, style

_POINT = {"marker": "o", "markersize": 4.5, "markeredgecolor": "black", "markeredgewidth": 0.7, "linestyle": "none"}


@style.styled
def draw(data: xr.Dataset, seed: int | None = None) -> Figure:
    """Above, the training loss around two seeds of each formulation; below, each loss around both minimisers of one seed.

    Args:
        data: three_points.nc.
        seed: seed of the lower row, by default the first.
    """
    losses = style.ordered(str(name) for name in data["loss"].values)
    fig = style.figure(6.4, square=True)
    grid = fig.subplots(2, len(losses), squeeze=False)
    for ax, loss in zip(grid[0], losses, strict=True):
        _seeds(fig, ax, data, loss)
    for ax, loss in zip(grid[1], losses, strict=True):
        _physics(fig, ax, data, loss, seed)
    grid[0, 0].set_ylabel("two seeds and their curve")
    grid[1, 0].set_ylabel("both minimisers, initial point")
    fig.suptitle(style.title([data], "planes through three points; unit of the axes: distance of the first two"))
    return fig


def _seeds(fig: Figure, ax: Axes, data: xr.Dataset, loss: str) -> None:
    ax.set_title(f"{style.formulation_label(loss)} points", color=style.colour(loss))
    if loss not in data["trained_on"].values or not data.sizes["pair"]:
        return paths.not_measured(ax)
    own = data.sel(trained_on=loss, loss=loss).isel(pair=0)
    if _field(fig, ax, own, "seeds", loss):
        ax.plot(*own["seeds_curve"].transpose("axis", "t").values, color="white", linewidth=1.6)
        ax.plot(*own["seeds_curve"].transpose("axis", "t").values, color=style.colour(loss), linewidth=0.9)
        _corners(ax, own["seeds_corner"], [f"seed {int(own[name])}" for name in ("first_seed", "second_seed")], [loss, loss])
    return None


def _physics(fig: Figure, ax: Axes, data: xr.Dataset, loss: str, seed: int | None) -> None:
    if not data.sizes["seed"]:
        return paths.not_measured(ax)
    own = data.sel(loss=loss, seed=data["seed"].values[0] if seed is None else seed)
    compared = data.attrs["compared"].split(", ")
    if _field(fig, ax, own, "physics", loss):
        _corners(ax, own["physics_corner"], [*_letters(compared), "init"], [*compared, None])
    return None


def _letters(names: Sequence[str]) -> list[str]:
    """Letters for two losses: R (Ritz) and S, or initials, or 1 and 2 if these are equal."""
    letters = ["R" if name == DEEP_RITZ.name else style.formulation_label(name)[0].upper() for name in names]
    return letters if len(set(letters)) == len(letters) else [str(number + 1) for number in range(len(names))]


def _field(fig: Figure, ax: Axes, own: xr.Dataset, name: str, loss: str) -> bool:
    """Draw the gap as filled contours with a colour bar; return whether the gap has any value."""
    gap = own[f"{name}_gap"].transpose("row", "column").values
    if not np.isfinite(gap).any():
        paths.not_measured(ax)
        return False
    scale = scales.decide(gap)
    x, y = own[f"{name}_x"].values, own[f"{name}_y"].values
    ax.set_facecolor(style.NO_VALUE)
    if not np.isfinite(gap).all():
        ax.patch.set(hatch=style.HATCH, edgecolor="0.35")
    shown = np.ma.masked_invalid(scale.clip(gap))
    ax.contourf(x, y, shown, levels=scale.levels(), norm=scale.norm(), cmap="viridis")
    panels.name_axes(ax, ("", ""))
    panels.colour_bar(fig, [ax], scale, style.loss_label(loss))
    return True


def _corners(ax: Axes, corners: xr.DataArray, labels: list[str], owners: list[str | None]) -> None:
    """Draw the named points; the third point of a plane of two seeds, which lies on the curve, has no name."""
    for (x, y), label, owner in zip(corners.transpose("corner", "axis").values, labels, owners, strict=False):
        ax.plot(x, y, markerfacecolor=style.colour(owner) if owner else "white", **_POINT)
        text = ax.annotate(label, (x, y), xytext=(0, -9), textcoords="offset points", ha="center", va="center", fontsize=6.5)
        text.set_bbox({"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75})
