"""Figure: the three coordinate planes through the middle of a cube of parameter space."""

import xarray as xr
from matplotlib.figure import Figure

from pinnscape.figures import panels, scales, style

_PLANES = (("alpha", "beta", "gamma"), ("alpha", "gamma", "beta"), ("beta", "gamma", "alpha"))
_SYMBOLS = {"alpha": r"$\alpha$", "beta": r"$\beta$", "gamma": r"$\gamma$"}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """The loss on which the point was trained, on planes with a common scale.

    Args:
        data: a dataset of ``pinnscape.volume``.
    """
    loss = str(data.attrs["trained_on"])
    values = scales.shown(data, loss)
    scale = scales.decide(values.values)
    fig = style.figure(3.1, square=True)
    axes = fig.subplots(1, 3)
    for ax, (across, up, fixed) in zip(axes, _PLANES, strict=True):
        own = values.sel({fixed: 0.0}).transpose(up, across)
        ax.contourf(own[across], own[up], scale.clip(own.values), levels=scale.levels(), norm=scale.norm(), cmap="viridis")
        ax.plot(0, 0, marker="+", color="white", markersize=6)
        panels.name_axes(ax, (panels.with_unit(_SYMBOLS[across], data), panels.with_unit(_SYMBOLS[up], data)))
        ax.set_title(f"{_SYMBOLS[fixed]} = 0", fontsize=8)
    panels.colour_bar(fig, list(axes), scale, scales.loss_label(data, loss), wide=True)
    fig.suptitle(style.title([data], "planes through the middle of a random cube"))
    return fig
