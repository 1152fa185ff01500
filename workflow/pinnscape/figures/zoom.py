"""Figure: the random plane through each trained point at radii of several orders of magnitude."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnscape.common.formulations import is_energy
from pinnscape.figures import panels, scales, style


@style.styled
def draw(data: xr.Dataset, seed: int | None = None) -> Figure:
    """Rows are formulations, each with its loss around the point that it trained; columns are radii.

    Args:
        data: zoom.nc.
        seed: seed that is shown, by default the first.
    """
    trained, radii = style.ordered(data["trained_on"].values), data["radius"].values
    labels = panels.axis_labels(data)
    side = 5.0 / max(1, len(radii))  # approximate side of a panel
    fig = style.figure(0.6 + (0.3 + side) * max(1, len(trained)), square=True)
    grid = fig.subplots(max(1, len(trained)), max(1, len(radii)), squeeze=False)
    for row, formulation in zip(grid, trained, strict=False):
        for i, ax in enumerate(row):
            _panel(fig, ax, data, formulation, i, seed)
        row[0].set_ylabel(f"{style.formulation_label(formulation)}\n{labels[1]}", color=style.colour(formulation))
    for ax in grid[-1]:
        ax.set_xlabel(labels[0])
    text = "gap of the training loss on the random plane; share of convex points"
    fig.suptitle(style.title([data], text))
    return fig


def _panel(fig: Figure, ax: Axes, data: xr.Dataset, formulation: str, i: int, seed: int | None) -> None:
    ax.set_facecolor(style.NO_VALUE)
    ax.set_aspect("equal")
    ax.tick_params(labelsize=6.5)
    if not data.sizes["seed"] or not data.sizes["radius"]:
        return _empty(ax)
    chosen = data["seed"].values[0] if seed is None else seed
    part = data.sel(trained_on=formulation, loss=formulation, seed=chosen).isel(radius=i)
    gap = part["gap"].transpose("beta", "alpha").values
    if not np.isfinite(gap).any():
        return _empty(ax)
    if not np.isfinite(gap).all():
        ax.patch.set(hatch=style.HATCH, edgecolor="0.35")
    error = float(part["quadrature_error"])
    resolution = error if is_energy(formulation) and np.isfinite(error) else 0.0
    scale, radius = scales.decide(xr.DataArray(gap, attrs={"resolution": resolution})), float(part["radius"])
    mesh = ax.pcolormesh(
        radius * part["alpha"].values, radius * part["beta"].values, np.ma.masked_invalid(scale.clip(gap)),
        norm=scale.norm(), cmap="viridis", shading="nearest", rasterized=True,
    )  # fmt: skip
    ax.set_xticks([-radius, 0, radius], [f"{-radius:g}", "0", f"{radius:g}"])
    ax.set_yticks([-radius, 0, radius], [f"{-radius:g}", "0", f"{radius:g}"])
    share = float(part["convex_share"])
    ax.set_title(f"{100 * share:.0f} % convex" if np.isfinite(share) else "convexity unknown", fontsize=7)
    bar = fig.colorbar(mesh, ax=ax, location="right", shrink=0.85, aspect=16, pad=0.03)
    bar.set_ticks(scale.ticks(3).tolist(), labels=scale.tick_labels(3))
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=6.5, length=2, pad=1)
    return None


def _empty(ax: Axes) -> None:
    ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
