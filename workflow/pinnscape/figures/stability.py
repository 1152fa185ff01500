"""Figure: the Hessian spectrum along training, and gradient descent and Adam at the edge of stability."""

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import along_training, scales, style

MOST = 2.0  # upper limit of the shown ratio of curvature to threshold; larger values occur in catapults of a few steps only
_END = {"marker": "x", "markersize": 5, "markeredgewidth": 1.2, "linestyle": "none"}
_THRESHOLD = {"color": "0.3", "linestyle": "--", "linewidth": 0.9}
_LABELS = (
    "eigenvalue at snapshots",
    "gradient descent:\nloss above its minimum",
    "gradient descent:\n$\\lambda_{\\max}\\,\\eta\\,/\\,2$",
    "Adam, preconditioned:\n$\\lambda_{\\max}\\,\\eta\\,/\\,38$",
)


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """Columns are formulations; rows are spectra, the loss and curvature of gradient descent, and the curvature of Adam.

    Args:
        data: stability.nc.
    """
    data = data.assign(
        gd_ratio=data["gd_sharpness"] * data["gd_rate"] / 2, adam_ratio=data["adam_preconditioned"] * data["rate"] / 38
    )
    names = style.ordered(data["trained_on"].values)
    fig = style.figure(7.4)
    grid = fig.subplots(4, max(1, len(names)), squeeze=False)
    for column, name in zip(grid.T, names, strict=False):
        own = data.sel(trained_on=name)
        _spectra(column[0], own, style.colour(name))
        column[0].set_title(style.formulation_label(name), color=style.colour(name))
        _trainings(column[1], own, "gd", "gap", "fraction")
        _trainings(column[2], own, "gd", "ratio", "fraction")
        _trainings(column[3], own, "adam", "ratio", "rate")
    for row, label in zip(grid, _LABELS, strict=True):
        row[0].set_ylabel(label)
    _legend(fig, data)
    fig.suptitle(style.title([data], "curvature along training and the edge of stability"))
    return fig


def colours(count: int) -> list[str]:
    """Colours in ascending order of the step size, without the lightest yellows, which would vanish on white."""
    return [to_hex(colour) for colour in matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count))]


def last_record(values: np.ndarray, diverged: float) -> int | None:
    """Index of the last record before a divergence; None if the run did not diverge or has no record."""
    known = np.flatnonzero(np.isfinite(values))
    return int(known[-1]) if np.isfinite(diverged) and known.size else None


def _spectra(ax: Axes, data: xr.Dataset, colour: str) -> None:
    if not np.isfinite(data["eigenvalue"].values).any():
        along_training.unmeasured(ax)
        return
    for seed in data["seed"].values:
        run = data.sel(seed=seed)
        for i in range(data.sizes["eigen"]):
            top = scales.positive(run["eigenvalue"].isel(eigen=i))
            ax.plot(run["step"], top, color=colour, linewidth=1.2 if i == 0 else 0.5, alpha=0.8 if i == 0 else 0.5)
        ax.plot(run["step"], scales.positive(-run["smallest"]), color="0.3", linewidth=0.8, linestyle=":")
    ax.set_yscale("log")
    along_training.step_axis(ax)


def _trainings(ax: Axes, data: xr.Dataset, prefix: str, quantity: str, which: str) -> None:
    """Draw one line per training run, coloured by the step size, with a cross at the last record before a divergence."""
    values = data[f"{prefix}_{quantity}"]
    if not np.isfinite(values.values).any():
        along_training.unmeasured(ax)
        return
    log = quantity == "gap"
    for i, colour in enumerate(colours(data.sizes[which])):
        for seed in data["seed"].values:
            own = values.sel(seed=seed).isel({which: i})
            shown = scales.positive(own) if log else own.values
            ax.plot(data["record"], shown, color=colour, linewidth=0.8, alpha=0.85)
            end = last_record(own.values, float(data[f"{prefix}_diverged"].sel(seed=seed).isel({which: i})))
            if end is not None:
                ax.plot(
                    data["record"][end],
                    shown[end] if log else min(float(shown[end]), MOST),
                    color=colour,
                    clip_on=False,
                    **_END,
                )
    if log:
        ax.set_yscale("log")
        ax.set_title(scales.omission(values), fontsize=7, loc="right")
    else:
        ax.axhline(1.0, **_THRESHOLD)
        ax.set_ylim(0.0, MOST)
    ax.set_xlabel("optimisation step")
    ax.grid(**style.GRID)


def _legend(fig: Figure, data: xr.Dataset) -> None:
    top = data.sizes["eigen"]
    handles = [
        Line2D(
            [],
            [],
            color="0.4",
            linewidth=1.2,
            label=f"largest of {top} top eigenvalues" if top > 1 else "largest eigenvalue",
        ),
        Line2D([], [], color="0.3", linewidth=0.8, linestyle=":", label=r"$-\lambda_{\min}$ where negative"),
        Line2D([], [], label="threshold", **_THRESHOLD),
        Line2D([], [], color="0.3", label="diverged after this record", **_END),
    ]
    handles += _step_sizes(data["fraction"].values, r"$\eta=${:g} × $2/\lambda_{{\max}}(\theta_0)$")
    handles += _step_sizes(data["rate"].values, r"Adam $\eta=${:g}")
    fig.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)


def _step_sizes(values: np.ndarray, text: str) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, linewidth=1.4, label=text.format(value))
        for colour, value in zip(colours(len(values)), values, strict=True)
    ]
