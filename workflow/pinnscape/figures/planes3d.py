"""Figure: the random plane around each minimiser as a surface in three dimensions."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.axes3d import Axes3D

from pinnscape.figures import panels, scales, style
from pinnscape.figures.scales import Scale

_THIRD_LINE = 0.17  # height in inches


@style.styled
def draw(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """The training loss of each point over its random plane; heights are decimal logarithms where the loss spans decades.

    Args:
        surfaces: surface-random.nc keyed by the formulation that trained the point.
    """
    trained = style.ordered(surfaces)
    more = _THIRD_LINE * any(title(surfaces[name], name).count("\n") > 1 for name in trained)
    height = 3.05 + more
    fig = style.figure(height, right=0.97, top=1.0 - more / height)  # the layout does not account for labels and titles
    axes = fig.subplots(1, len(trained), squeeze=False, subplot_kw={"projection": "3d"})[0]
    for ax, formulation in zip(axes, trained, strict=True):
        _surface(ax, surfaces[formulation], formulation)
    panels.legend(fig, surfaces.values(), point=False)
    fig.suptitle(style.title(surfaces.values(), "random plane through each trained point"))
    return fig


def heights(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Heights of a surface: ``values`` clipped to ``scale``, as log10 on a logarithmic scale; NaN stays NaN."""
    clipped = scale.clip(values)
    return np.log10(clipped) if scale.log else clipped


def height_label(scale: Scale) -> str:
    """The label of the vertical axis; it is short to avoid overlap with the next panel. The title defines L."""
    return r"$\log_{10} L$" if scale.log else "$L$"


def title(data: xr.Dataset, formulation: str) -> str:
    """The title of a surface, which defines L; ends of its scale are in a third line, because panels are narrow."""
    name = scales.decide(scales.shown(data, formulation)).label(scales.loss_label(data, formulation)).replace(" (", "\n(")
    return f"{style.formulation_label(formulation)}\n$L$: {name}"


def _surface(ax: Axes3D, data: xr.Dataset, formulation: str) -> None:
    shown = scales.shown(data, formulation)
    scale, values = scales.decide(shown), shown.transpose("beta", "alpha").values
    alpha, beta = np.meshgrid(data["alpha"].values, data["beta"].values)
    height = heights(values, scale)
    low, high = heights(scale.levels()[[0, -1]], scale)
    ax.plot_surface(
        alpha, beta, height, cmap="viridis", vmin=low, vmax=high, rcount=60, ccount=60, linewidth=0.1, edgecolor="0.25"
    )
    _floor(ax, data, values, low)
    across, along = panels.axis_labels(data)
    ax.set(xlabel=across, ylabel=along, zlim=(low, high))
    ax.set_zlabel(height_label(scale), labelpad=-5)
    ax.set_title(title(data, formulation), color=style.colour(formulation))
    ax.view_init(elev=28, azim=-55)
    ax.set_box_aspect((1, 1, 0.8), zoom=0.85)  # pyright: ignore[reportArgumentType] (typed as an integer by mistake)
    ax.tick_params(pad=-1)
    ax.xaxis.labelpad = ax.yaxis.labelpad = -3
    ax.patch.set_visible(False)  # a white background would hide the labels of the next panel
    ax.locator_params(nbins=5)


def _floor(ax: Axes3D, data: xr.Dataset, values: np.ndarray, low: float) -> None:
    """Mark the reasons for holes in the surface on the plane below them."""
    infeasible = data["infeasible"].transpose("beta", "alpha").values.astype(float)
    absent = scales.missing(values, infeasible).astype(float)
    for mask, hatch, label in ((infeasible, style.HATCH, panels.INFEASIBLE_LABEL), (absent, "", panels.MISSING_LABEL)):
        if mask.any():
            area = ax.contourf(
                data["alpha"], data["beta"], mask, levels=[0.5, 2], colors=style.NO_VALUE, hatches=[hatch], zdir="z", offset=low
            )
            area.set_label(label)
