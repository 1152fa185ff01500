"""Figure: share of the gradient in the top eigenspaces of the Hessian along training, and drift of these spaces."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import along_training, style

_RANDOM = {"color": "0.35", "linestyle": "--", "linewidth": 0.9}
_ROWS = {
    "share": "share of the\nsquared gradient",
    "overlap_next": "overlap with the\nnext point",
    "overlap_final": "overlap with the\nfinal point",
}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Rows are shares and overlaps, columns are dimensions of the eigenspace.

    Args:
        data: gradient_subspace.nc.
    """
    dimensions = data["k"].values
    fig = style.figure(5.2)
    grid = fig.subplots(len(_ROWS), max(1, len(dimensions)), sharex=True, sharey=True, squeeze=False)
    for row, (name, label) in zip(grid, _ROWS.items(), strict=True):
        row[0].set_ylabel(label)
        for ax, k in zip(row, dimensions, strict=False):
            _panel(ax, data.sel(k=k), name)
    for ax, k in zip(grid[0], dimensions, strict=False):
        ax.set_title("top eigenvector" if k == 1 else f"top {k} eigenvectors")
    for ax in grid[:-1].ravel():
        ax.set_xlabel("")
    along_training.legend(fig, data, Line2D([], [], label="random directions (k/P)", **_RANDOM))
    fig.suptitle(style.title([data], "gradients in the top eigenspaces of the Hessian"))
    return fig


def _panel(ax: Axes, data: xr.Dataset, name: str) -> None:
    along_training.curves(ax, data, name, marker="o")
    random = data["random_share"].values
    if np.isfinite(random).any():
        ax.axhline(float(np.nanmax(random)), **_RANDOM)
    ax.set_ylim(-0.03, 1.03)
