"""Figure: roughness of losses by quadrature rule and number of points."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

# Colours of Okabe & Ito (2008) that no formulation has.
_RULES = {
    "gauss-legendre": ("black", "o"),
    "simpson": ("#E69F00", "s"),
    "uniform": ("#56B4E9", "D"),
    "monte-carlo": ("#CC79A7", "v"),
}
_SMALLEST = 1e-16


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Roughness index above, difference from a fine rule below; one column for each loss at the points that it trained.

    Args:
        data: roughness_rules.nc.
    """
    trained = [name for name in style.ordered(data["trained_on"].values) if name in data["loss"].values]
    fig = style.figure(4.4)
    grid = fig.subplots(2, max(1, len(trained)), sharex=True, squeeze=False)
    for column, name in zip(grid.T, trained, strict=False):
        own = data.sel(trained_on=name, loss=name)
        _lines(column[0], own["roughness_index"].median("seed"), own)
        column[0].axhline(float(own["reference_index"].median()), color=style.colour(name), linestyle="--", linewidth=1.0)
        column[0].set_title(style.formulation_label(name), color=style.colour(name))
        _lines(column[1], own["deviation"].median(("seed", "line")), own, log=True)
        column[1].set_xlabel("points along each axis")
    grid[0, 0].set_ylabel("roughness index")
    grid[1, 0].set_ylabel("difference from the fine rule\nrelative to its range")
    handles = [
        Line2D([], [], color=_RULES[r][0], marker=_RULES[r][1], markersize=3, label=r.replace("-", " "))
        for r in data["rule"].values.tolist()
    ]
    handles.append(Line2D([], [], color="0.4", linestyle="--", label="fine Gauss–Legendre rule"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    fig.suptitle(style.title([data], "roughness and the quadrature rule"))
    return fig


def _lines(ax: Axes, values: xr.DataArray, own: xr.Dataset, log: bool = False) -> None:
    drawn = False
    for rule in own["rule"].values.tolist():
        y = values.sel(rule=rule).values
        y = scales.positive(np.maximum(y, _SMALLEST)) if log else y
        colour, marker = _RULES[rule]
        drawn = drawn or bool(np.isfinite(y).any())
        ax.plot(own["points"].values, y, color=colour, marker=marker, markersize=3, linewidth=1.0)
    if log and drawn:
        ax.set_yscale("log")
    if not drawn:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4", fontsize=7)
    ax.set_xscale("log", base=2)
    ax.set_xticks(own["points"].values, [str(n) for n in own["points"].values])
    ax.grid(**style.GRID)
