"""Figure: natural gradient descents and the Hessian spectra at their ends."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

SMALLEST = 1e-17  # ratios below this are rounding errors of zero eigenvalues
_PANELS = {"gap": "gap of the training loss", "l2_error": "relative $L^2$ error"}
_NEGATIVE = {"marker": "x", "markersize": 2.6, "markeredgewidth": 0.6, "linestyle": "none"}


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """One column for each starting point; the rows show the gap, the error (if a solution is known) and the spectra.

    Args:
        data: refinement.nc.
    """
    starts, names = list(data["checkpoint"].values), quantities(data)
    fig = style.figure(2.2 * (1 + len(names)))
    grid = fig.subplots(1 + len(names), len(starts), squeeze=False, sharey="row")
    for column, start in zip(grid.T, starts, strict=True):
        point = data.sel(checkpoint=start)
        for ax, name in zip(column, names, strict=False):
            _descents(ax, point, name)
        _spectra(column[-1], point, style.known_alone(data))
        column[0].set_title(f"from the {style.checkpoint_label(start)}", fontsize=8)
    for ax, label in zip(grid[:, 0], [*map(_PANELS.get, names), r"$|\lambda|\,/\,\lambda_{\max}$ at the end"], strict=True):
        ax.set_ylabel(label)
    _legend(fig, data)
    fig.suptitle(style.title([data], "natural gradient descent towards a minimiser"))
    return fig


def quantities(data: xr.Dataset) -> list[str]:
    """The quantities that are drawn: without the error if only the gap is known."""
    error_alone_unknown = np.isfinite(data["gap"]).any() and not np.isfinite(data["l2_error"]).any()
    return ["gap"] if error_alone_unknown else list(_PANELS)


def ratios(values: np.ndarray) -> np.ndarray:
    """Eigenvalues relative to the largest one; NaN where zero up to rounding errors."""
    scaled = values / values[0] if values[0] > 0 else np.full_like(values, np.nan)
    return np.where(np.abs(scaled) >= SMALLEST, scaled, np.nan)


def _descents(ax: Axes, point: xr.Dataset, name: str) -> None:
    drawn, small = [], False
    for formulation in style.ordered(point["trained_on"].values):
        own = point.sel(trained_on=formulation).transpose("seed", "step", ...)
        rows = own[name].values
        if name == "gap":
            small |= scales.unresolved(rows, own["quadrature_error"])
            rows = scales.resolved(rows, own["quadrature_error"])
        for k, values in enumerate(rows):
            drawn.append(values)
            ax.plot(point["step"], scales.positive(values), color=style.colour(formulation), linewidth=1.4 if k == 0 else 0.5)
    ax.set(yscale="log", xlabel="natural gradient step")
    ax.grid(**style.GRID)
    ax.text(0.02, 0.03, scales.omission(*drawn, unresolved=small), transform=ax.transAxes, fontsize=6.5, color="0.3")
    _say_if_empty(ax)


def _spectra(ax: Axes, point: xr.Dataset, note: str) -> None:
    for formulation in style.ordered(point["trained_on"].values):
        for k, values in enumerate(point["eigenvalue"].sel(trained_on=formulation).transpose("seed", "eigen").values):
            row, colour = ratios(values), style.colour(formulation)
            ax.plot(point["eigen"], np.abs(row), color=colour, linewidth=1.4 if k == 0 else 0.5)
            if k == 0:
                ax.plot(point["eigen"], np.where(row < 0, -row, np.nan), color=colour, **_NEGATIVE)
    ax.set(yscale="log", xlabel="index, largest eigenvalue first")
    ax.grid(**style.GRID)
    if np.isfinite(point["eigenvalue"]).any():
        ax.text(0.02, 0.03, note, transform=ax.transAxes, fontsize=6.5, color="0.3")
    _say_if_empty(ax)


def _say_if_empty(ax: Axes) -> None:
    if not any(np.isfinite(np.asarray(line.get_ydata(), float)).any() for line in ax.get_lines()):
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4")


def _legend(fig: Figure, data: xr.Dataset) -> None:
    names = style.ordered(data["trained_on"].values)
    handles = [Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f)) for f in names]
    if data.sizes["seed"]:
        handles.append(Line2D([], [], color="0.3", linewidth=1.4, label=f"seed {data['seed'].values[0]}"))
    if data.sizes["seed"] > 1:
        handles.append(Line2D([], [], color="0.3", linewidth=0.5, label="other seeds"))
    handles.append(Line2D([], [], color="0.3", label="negative", **_NEGATIVE))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
