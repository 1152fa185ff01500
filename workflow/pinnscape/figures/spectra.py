"""Figure: eigenvalues and spectral densities of the Hessian of each training loss along training."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pinnscape.figures import style

SMALLEST = 1e-17  # ratios below this are rounding errors of zero eigenvalues
DENSITY_DECADES = 5.0
_BINS = 60
_NEGATIVE = {"marker": "x", "markersize": 2.6, "markeredgewidth": 0.6, "linestyle": "none"}

Hessians = Mapping[tuple[str, int, str], xr.Dataset]


@style.styled
def draw(hessians: Hessians, seed: int | None = None) -> Figure:
    """Eigenvalues in the first row, one row of densities per formulation below; columns are checkpoints.

    Args:
        hessians: hessian-{checkpoint}.nc keyed by (trained_on, seed, checkpoint); checkpoints appear in the order of the keys.
        seed: seed with thick lines, by default the smallest.
    """
    seed = min(s for _, s, _ in hessians) if seed is None else seed
    trained, checkpoints = style.ordered(f for f, _, _ in hessians), list(dict.fromkeys(c for _, _, c in hessians))
    fig = style.figure(2.6 + 1.35 * len(trained))
    ratios = [1.6, *[1.0] * len(trained)]
    grid = fig.subplots(1 + len(trained), len(checkpoints), squeeze=False, sharey="row", height_ratios=ratios)
    for ax in grid[2:].ravel():
        ax.sharex(grid[1, ax.get_subplotspec().colspan.start])
    for column, checkpoint in zip(grid.T, checkpoints, strict=True):
        chosen = {(f, s): data for (f, s, c), data in hessians.items() if c == checkpoint}
        _ordered_eigenvalues(column[0], chosen, seed)
        column[0].set_title(style.checkpoint_label(checkpoint))
        for ax, formulation in zip(column[1:], trained, strict=True):
            _densities(ax, {s: data for (f, s), data in chosen.items() if f == formulation}, formulation, seed)
    for row in grid:
        _without_data(row)
    _label(grid, trained)
    _legend(fig, hessians, seed)
    fig.suptitle(style.title(hessians.values(), "Hessian spectra of the trained losses, divided by the largest eigenvalue"))
    return fig


def ratios_of(data: xr.Dataset, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Indices, and eigenvalues relative to the largest one, in descending order.

    A single NaN stands for all unknown eigenvalues between the known ones; eigenvalues that are not verified are NaN.
    """
    index, values = data["eigen"].values, data["eigenvalue"].sel(loss=loss).values
    jump = np.flatnonzero(np.diff(index) > 1) + 1
    largest = values[0] if values[0] > 0.0 else np.nan  # ratios are undefined without a positive eigenvalue
    return np.insert(index.astype(float), jump, np.nan), np.insert(values / largest, jump, np.nan)


def magnitudes(ratios: np.ndarray) -> np.ndarray:
    """Magnitudes of ratios for a logarithmic axis; NaN where zero up to rounding errors."""
    size = np.abs(ratios)
    return np.where(size >= SMALLEST, size, np.nan)


def histogram(ratios: np.ndarray, bins: int = _BINS) -> tuple[np.ndarray, np.ndarray]:
    """Density of ``ratios`` in equal bins, normalised to the integral 1 and NaN in empty bins, and the edges of the bins."""
    density, edges = np.histogram(ratios, bins=bins, density=True)
    return np.where(density > 0, density, np.nan), edges


def shown_density(density: np.ndarray) -> np.ndarray:
    """A density with NaN for negligible values, for a logarithmic axis."""
    return np.where(density > density.max() * 10**-DENSITY_DECADES, density, np.nan)


def _ordered_eigenvalues(ax: Axes, chosen: Mapping[tuple[str, int], xr.Dataset], seed: int) -> None:
    for (formulation, run), data in chosen.items():
        index, ratios = ratios_of(data, formulation)
        colour, thick = style.colour(formulation), run == seed
        ax.plot(index, magnitudes(ratios), color=colour, linewidth=1.6 if thick else 0.5, alpha=1.0 if thick else 0.5)
        if thick and np.isnan(data["eigenvalue"].sel(loss=formulation).values).any():
            ax.set_title("unverified omitted", fontsize=6.5, loc="right", color="0.3")
        if thick:
            ax.plot(index, magnitudes(np.where(ratios < 0, ratios, np.nan)), color=colour, **_NEGATIVE)
    ax.set(yscale="log", xlabel="index, largest eigenvalue first")
    ax.grid(**style.GRID)


def _densities(ax: Axes, runs: Mapping[int, xr.Dataset], formulation: str, seed: int) -> None:
    for run, data in runs.items():
        part = data.sel(loss=formulation)
        thick = run == seed
        width, alpha = (1.3, 1.0) if thick else (0.5, 0.5)
        density = shown_density(part["density"].values)
        ax.plot(part["density_at"], density, color=style.colour(formulation), linewidth=width, alpha=alpha)
        if thick and data.attrs.get("method") == "dense" and np.isfinite(density).any():
            heights, edges = histogram(ratios_of(data, formulation)[1])
            ax.stairs(heights, edges, baseline=np.nanmin(density), fill=True, color="0.8", zorder=0)
    ax.axvline(0.0, color="0.4", linewidth=0.5, linestyle=":")
    ax.set_yscale("log")


def _without_data(row: np.ndarray) -> None:
    """Label panels without data, and set limits if all panels of a row are empty, since an empty logarithmic axis has none."""
    shown = [any(np.isfinite(line.get_ydata()).any() for line in ax.lines if len(line.get_xdata()) > 2) for ax in row]
    for ax in row[np.logical_not(shown)]:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
    if not any(shown):
        row[0].set_ylim(0.1, 1.0)


def _label(grid: np.ndarray, trained: list[str]) -> None:
    grid[0, 0].set_ylabel(r"$|\lambda|\,/\,\lambda_{\max}$")
    for row, formulation in zip(grid[1:], trained, strict=True):
        row[0].set_ylabel(f"density\n{style.formulation_label(formulation)}")
    for ax in grid[1:-1].ravel():
        ax.tick_params(labelbottom=False)
    for ax in grid[-1]:
        ax.set_xlabel(r"$\lambda\,/\,\lambda_{\max}$")


def _legend(fig: Figure, hessians: Hessians, seed: int) -> None:
    names = style.ordered(f for f, _, _ in hessians)
    handles: list[Line2D | Patch] = []
    handles += [Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f)) for f in names]
    handles.append(Line2D([], [], color="0.3", linewidth=1.6, label=f"seed {seed}"))
    if any(s != seed for _, s, _ in hessians):
        handles.append(Line2D([], [], color="0.3", linewidth=0.5, label="other seeds"))
    handles.append(Line2D([], [], color="0.3", label="negative", **_NEGATIVE))
    if any(data.attrs.get("method") == "dense" for data in hessians.values()):
        handles.append(Patch(facecolor="0.8", label="exact eigenvalues"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
