"""Figure: the training loss on planes of Hessian eigenvectors."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pinnscape.figures import panels, scales, style


@style.styled
def draw(tops: Mapping[str, xr.Dataset], extremes: Mapping[str, xr.Dataset]) -> Figure:
    """Planes of the two largest eigenvalues above, of the largest and the smallest below; each formulation has one scale.

    Args:
        tops: surface-hessian-top.nc keyed by the formulation that trained the point.
        extremes: surface-hessian-extreme.nc keyed by the formulation that trained the point.
    """
    trained = style.ordered([*tops, *extremes])
    fig = style.figure(5.6, square=True)
    grid = fig.subplots(2, len(trained), squeeze=False)
    for column, formulation in zip(grid.T, trained, strict=True):
        _column(fig, column, [tops.get(formulation), extremes.get(formulation)], formulation)
    surfaces = [*tops.values(), *extremes.values()]
    panels.legend(fig, surfaces)
    fig.suptitle(style.title(surfaces, "planes of Hessian eigenvectors (top: two largest, bottom: largest and smallest)"))
    return fig


def axis_labels(data: xr.Dataset, names: tuple[str, str]) -> tuple[str, str]:
    """Names of the eigenvectors with the unit of the axis and the curvature in this unit.

    The curvature is the eigenvalue times the squared length of the direction.
    """
    first, second = (
        rf"{panels.with_unit(f'$v_{{{name}}}$', data)}, curvature {style.number(value, 3)}"
        for name, value in zip(names, data["curvature"].values, strict=True)
    )
    return first, second


def _column(fig: Figure, axes: np.ndarray, data: list[xr.Dataset | None], formulation: str) -> None:
    scale = scales.decide(*(scales.shown(surface, formulation) for surface in data if surface is not None))
    for ax, surface, names in zip(axes, data, (("1", "2"), ("1", "P")), strict=True):
        if surface is None:
            ax.set_axis_off()
            continue
        panels.contours(ax, surface, scales.shown(surface, formulation), scale)
        panels.name_axes(ax, axis_labels(surface, names))
    axes[0].set_title(style.formulation_label(formulation), color=style.colour(formulation))
    present = next(surface for surface in data if surface is not None)  # both planes are of the same point
    name = scales.loss_label(present, formulation)
    panels.colour_bar(fig, list(axes), scale, name, more=scales.at_point(present, formulation))
