"""Figure: every loss on the random plane of every trained point."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pinnscape.figures import panels, scales, style
from pinnscape.landscape.similarity import spearman


@style.styled
def draw(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """Rows are the points, columns are the losses, each on one scale; titles give the rank correlation with the training loss.

    Args:
        surfaces: surface-random.nc keyed by the formulation that trained the point.
    """
    trained = style.ordered(surfaces)
    losses = style.ordered(str(name) for data in surfaces.values() for name in data["loss"].values)
    fig = style.figure(1.2 + 2.1 * len(trained), square=True)
    grid = fig.subplots(len(trained), len(losses), squeeze=False, sharex=True, sharey=True)
    for column, loss in zip(grid.T, losses, strict=True):
        values = {name: scales.shown(surfaces[name], loss) for name in trained}
        scale = scales.decide(*values.values())
        for ax, formulation in zip(column, trained, strict=True):
            data = surfaces[formulation]
            panels.contours(ax, data, values[formulation], scale)
            panels.name_axes(ax, panels.axis_labels(data))
            ax.set_title(heading(data, formulation, loss))
        panels.colour_bar(fig, list(column), scale, scales.loss_label(surfaces[trained[0]], loss))
    for row, formulation in zip(grid, trained, strict=True):
        label = panels.axis_labels(surfaces[formulation])[1]
        row[0].set_ylabel(f"{style.formulation_label(formulation)} point\n{label}", color=style.colour(formulation))
    for ax in grid.flat:
        ax.label_outer()
    panels.legend(fig, surfaces.values())
    fig.suptitle(
        style.title(surfaces.values(), r"all losses on the same random planes; $\rho$: rank correlation with the training loss")
    )
    return fig


def heading(data: xr.Dataset, formulation: str, loss: str) -> str:
    """The loss of a panel and its rank correlation with the loss that trained the point."""
    name = scales.loss_label(data, loss)
    if loss == formulation:
        return f"{name} (trained)"
    correlation = spearman(*(data["value"].sel(loss=name).values for name in (formulation, loss)))
    return rf"{name}, $\rho$ = {correlation:.3f}" if np.isfinite(correlation) else rf"{name}, no $\rho$"
