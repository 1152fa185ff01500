"""Functions shared by the figures of paths through parameter space."""

from collections.abc import Iterable

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

NOT_MEASURED = "not measured"
_VALUES = ("value", "pair_value")  # variables of losses along paths


def shown(data: xr.Dataset, name: str, loss: str) -> xr.DataArray:
    """Values of a loss as shown in figures: an energy as its gap to the exact energy, or to the lowest one of the file."""
    values = data[name].sel(loss=loss, drop=True)
    return scales.gap(values, data, loss) if scales.has_minimum(data, loss) else values - lowest(data, loss)


def lowest(data: xr.Dataset, loss: str) -> float:
    """The lowest value of a loss in a file of paths; NaN if there is none."""
    values = np.concatenate([data[name].sel(loss=loss).values.ravel() for name in _VALUES if name in data])
    return float(np.nanmin(values)) if np.isfinite(values).any() else np.nan


def loss_label(data: xr.Dataset, loss: str) -> str:
    """The name of a loss as ``shown`` gives it."""
    return style.loss_label(loss) if scales.has_minimum(data, loss) else "energy above the lowest"


def log_axis(ax: Axes, values: Iterable[xr.DataArray]) -> None:
    """Make the vertical axis logarithmic and note how many values it omits; label a panel without positive values."""
    values = list(values)
    if not any((np.asarray(array, float) > 0).any() for array in values):
        not_measured(ax)
        return
    ax.set_yscale("log")
    ax.text(0.98, 0.02, scales.omission(*values), transform=ax.transAxes, ha="right", va="bottom", fontsize=6.5, color="0.3")


def not_measured(ax: Axes) -> None:
    """Label a panel without values as not measured."""
    ax.text(0.5, 0.5, NOT_MEASURED, transform=ax.transAxes, ha="center", va="center", color="0.4")
    ax.set_yticks([])


def formulation_handles(names: Iterable[str], linewidth: float = 1.2) -> list[Artist]:
    """Legend entries, one for each formulation that trained points."""
    return [
        Line2D([], [], color=style.colour(name), linewidth=linewidth, label=f"trained: {style.formulation_label(name)}")
        for name in style.ordered(names)
    ]
