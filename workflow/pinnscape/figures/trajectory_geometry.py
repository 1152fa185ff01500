"""Figure: the direction of gradients relative to the final point, and the straightness of training trajectories."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import along_training, style

RANDOM = {"color": "0.55", "linewidth": 0.0, "alpha": 0.3}
_PANELS = {
    "rsi": r"RSI" "\n" r"$\langle g,\theta-\theta_*\rangle\,/\,\Vert\theta-\theta_*\Vert^2$",
    "eb": r"EB" "\n" r"$\Vert g\Vert\,/\,\Vert\theta-\theta_*\Vert$",
    "cosine": r"RSI / EB: cosine" "\n" r"of $g$ and $\theta-\theta_*$",
    "distance": "distance to the\nfinal point " r"$\Vert\theta-\theta_*\Vert$",
    "turn": "angle between successive\ndisplacements (degrees)",
    "ratio": "length of the polygon\nover displacement",
}
_LOGARITHMIC = ("rsi", "eb", "distance")


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Six quantities of every run against the step.

    Args:
        data: trajectory_geometry.nc.
    """
    data = data.assign(ratio=ratio(data), distance=data["distance"].where(data["distance"] > 0))  # 0 at the final point itself
    fig = style.figure(4.6)
    for ax, (name, label) in zip(fig.subplots(2, 3).flat, _PANELS.items(), strict=True):
        along_training.curves(ax, data, name, log=name in _LOGARITHMIC)
        ax.set_ylabel(label)
        if name == "cosine":
            _random(ax, data)
        elif name == "turn":
            ax.axhline(90.0, color="0.4", linestyle=":", linewidth=0.8)
    band = Line2D([], [], color="0.55", linewidth=5, alpha=0.3, label=r"random directions, ±2σ")
    along_training.legend(fig, data, band)
    fig.suptitle(style.title([data], "geometry of the trajectories relative to their final points"))
    return fig


def ratio(data: xr.Dataset) -> xr.DataArray:
    """Length of the polygon up to each snapshot relative to its distance from the initial point; NaN at the initial point."""
    return data["length"] / data["displacement"].where(data["displacement"] > 0)


def _random(ax: Axes, data: xr.Dataset) -> None:
    """Draw the range of the cosine of two random directions."""
    ax.axhline(0.0, color="0.4", linestyle=":", linewidth=0.8)
    spread = data["random_cosine"].values
    if np.isfinite(spread).any():
        ax.axhspan(-2 * float(np.nanmax(spread)), 2 * float(np.nanmax(spread)), **RANDOM)
