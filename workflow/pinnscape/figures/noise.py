"""Figure: loss, gradient and largest eigenvalue on mini-batches or draws of random points."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

_PANELS = {"loss": "training loss", "gradient_norm": "norm of the gradient", "lambda_max": r"$\lambda_{\max}(H)$"}
_WIDTH = 0.8  # width of the group of marks of a checkpoint


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Three quantities and the noise scale at each checkpoint: a column for each run, dots for draws, a bar for the whole loss.

    Args:
        data: noise.nc.
    """
    fig = style.figure(4.6)
    axes = fig.subplots(2, 2).flat
    for ax, (name, label) in zip(axes, _PANELS.items(), strict=False):
        _spread(ax, data, name, label)
    _scale(axes[3], data)
    _legend(fig, data)
    drawn = "random points" if data.attrs["draws"] == "random points" else f"{data.attrs['draws']} mini-batches"
    fig.suptitle(style.title([data], f"noise over {drawn}"))
    return fig


def columns(data: xr.Dataset) -> list[tuple[float, str, xr.Dataset]]:
    """Position, training loss and data of each column: seeds next to each other, losses in groups, checkpoints along the axis."""
    trained, seeds = style.ordered(data["trained_on"].values), data["seed"].values
    places = np.linspace(-_WIDTH / 2, _WIDTH / 2, len(trained) * len(seeds) + 2)[1:-1].reshape(len(trained), len(seeds))
    return [
        (index + places[i, j], name, data.sel(checkpoint=checkpoint, trained_on=name, seed=seed))
        for index, checkpoint in enumerate(data["checkpoint"].values)
        for i, name in enumerate(trained)
        for j, seed in enumerate(seeds)
    ]


def _spread(ax: Axes, data: xr.Dataset, name: str, label: str) -> None:
    step = _WIDTH / (data.sizes["trained_on"] * data.sizes["seed"] + 1)
    for at, trained_on, own in columns(data):
        colour = style.colour(trained_on)
        values = scales.positive(own[name])
        ax.plot(np.full(len(values), at), values, linestyle="none", marker="o", markersize=1.8, color=colour, alpha=0.6)
        ax.plot(
            [at - 0.35 * step, at + 0.35 * step],
            np.repeat(scales.positive(own[f"whole_{name}"]), 2),
            color="black",
            linewidth=1.4,
        )
    _axes(ax, data, label)
    ax.set_title(scales.omission(data[name]), fontsize=7, loc="right")


def _scale(ax: Axes, data: xr.Dataset) -> None:
    for at, trained_on, own in columns(data):
        ax.plot(
            at,
            scales.positive(own["noise_scale"]),
            marker="s",
            markersize=3.2,
            linestyle="none",
            color=style.colour(trained_on),
        )
    ax.axhline(1.0, color="0.5", linewidth=0.7, linestyle=":")
    _axes(ax, data, r"noise scale tr Cov($g_b$) / $|g|^2$")


def _axes(ax: Axes, data: xr.Dataset, label: str) -> None:
    names = [style.checkpoint_label(str(name)) for name in data["checkpoint"].values]
    ax.set(ylabel=label, xlim=(-0.5, len(names) - 0.5), yscale="log")
    ax.set_xticks(range(len(names)), names)
    ax.grid(axis="y", **style.GRID)


def _legend(fig: Figure, data: xr.Dataset) -> None:
    dot = {"marker": "o", "markersize": 3, "linestyle": "none"}
    names = style.ordered(data["trained_on"].values)
    handles = [
        Line2D([], [], color=style.colour(name), label=f"draws, trained: {style.formulation_label(name)}", **dot)
        for name in names
    ]
    handles.append(Line2D([], [], color="black", linewidth=1.4, label="analysed loss"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
