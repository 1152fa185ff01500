"""Figure: eigenvalues of the Hessian, of its Gauss-Newton part and of the remainder, and the angles between their top eigenspaces."""

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import style

SMALLEST = 1e-15  # ratios below this are rounding errors of zero eigenvalues
_NEGATIVE = {"marker": "x", "markersize": 2.6, "markeredgewidth": 0.6, "linestyle": "none"}
_LABELS = {"hessian": "Hessian H", "gauss-newton": "Gauss–Newton part G", "remainder": "remainder R = H − G"}
_LINES: dict[str, Literal["-", "--"]] = {"hessian": "-", "gauss-newton": "--", "remainder": "-"}
_MARKERS = ("o", "s", "^", "D", "v")


@style.styled
def draw(data: xr.Dataset) -> Figure:
    """One row for each loss at the points that it trained: spectra at each checkpoint, then the principal angles.

    Args:
        data: ntk.nc.
    """
    losses, checkpoints = list(data["loss"].values), list(data["checkpoint"].values)
    fig = style.figure(0.9 + 2.1 * len(losses))
    grid = fig.subplots(len(losses), len(checkpoints) + 1, squeeze=False)
    for row, loss in zip(grid, losses, strict=True):
        own = own_run(data, loss)
        for ax, checkpoint in zip(row, checkpoints, strict=False):
            _spectra(ax, own.sel(checkpoint=checkpoint), loss, style.known_alone(data).replace(" of ", " of\n"))
            ax.set_title(f"{style.checkpoint_label(checkpoint)}: {share_label(own.sel(checkpoint=checkpoint))}")
        row[0].set_ylabel(f"{style.formulation_label(loss)}\n" + r"$|\lambda|\,/\,\lambda_{\max}(H)$")
        _angles(row[-1], own, loss)
    for ax in grid[-1, :-1]:
        ax.set_xlabel("index, largest eigenvalue first")
    grid[-1, -1].set_xlabel("index of the principal angle")
    _legend(fig, losses, checkpoints)
    fig.suptitle(style.title([data], "Hessians, their Gauss–Newton parts and the remainders"))
    return fig


def own_run(data: xr.Dataset, loss: str) -> xr.Dataset:
    """The data of a loss at the points that it trained; at those of the first formulation if it trained none."""
    trained = list(data["trained_on"].values)
    return data.sel(loss=loss).isel(trained_on=trained.index(loss) if loss in trained else 0)


def share_label(point: xr.Dataset) -> str:
    """The median over seeds of |R|/|H|; if it was not computed, the median of its estimate with the largest error."""
    shares = point["remainder_share"].values
    shares = shares[np.isfinite(shares)]
    if len(shares):
        return f"|R|/|H| = {style.number(float(np.median(shares)))}"
    if "remainder_share_estimate" not in point or not np.isfinite(point["remainder_share_estimate"]).any():
        return "no value"
    share, error = float(point["remainder_share_estimate"].median()), float(point["remainder_share_error"].max())
    return f"|R|/|H| ≈ {style.number(share)} ± {style.number(error, 1)}"


def ratios(point: xr.Dataset, part: str) -> np.ndarray:
    """Eigenvalues of a part (seed, eigen) relative to the largest one of the Hessian; NaN where zero up to rounding errors."""
    values = point["eigenvalue"].sel(part=part).transpose("seed", "eigen").values
    largest = point["eigenvalue"].sel(part="hessian").transpose("seed", "eigen").values[:, :1]
    scaled = values / np.where(largest > 0, largest, np.nan)
    return np.where(np.abs(scaled) >= SMALLEST, scaled, np.nan)


def _spectra(ax: Axes, point: xr.Dataset, loss: str, note: str) -> None:
    ax.set_yscale("log")
    ax.grid(**style.GRID)
    measured = False
    for part in point["part"].values:
        rows, colour = ratios(point, part), _colour(part, loss)
        for k, row in reversed(list(enumerate(rows))):
            width, alpha = (1.4, 1.0) if k == 0 else (0.4, 0.5)
            ax.plot(point["eigen"], np.abs(row), _LINES[part], color=colour, linewidth=width, alpha=alpha)
            measured |= bool(np.isfinite(row).any())
            if k == 0:
                ax.plot(point["eigen"], np.where(row < 0, -row, np.nan), color=colour, **_NEGATIVE)
    if not measured:
        _not_measured(ax)
    elif note:
        ax.text(0.97, 0.75, note, transform=ax.transAxes, fontsize=6.5, color="0.3", ha="right", va="top")


def _angles(ax: Axes, own: xr.Dataset, loss: str) -> None:
    ax.set(yscale="log", title="top eigenspaces of H and G", ylabel="principal angle in degrees", ylim=(1e-7, 200.0))
    ax.axhline(90.0, color="0.4", linewidth=0.6, linestyle=":")
    ax.grid(**style.GRID)
    at = own["vector"].values + 1
    measured = False
    for marker, checkpoint in zip(_MARKERS, own["checkpoint"].values, strict=False):
        rows = own["angle"].sel(checkpoint=checkpoint).transpose("seed", "vector").values
        rows = np.where(rows > 0, rows, np.nan)
        measured |= bool(np.isfinite(rows).any())
        for k, row in enumerate(rows):
            width, alpha = (0.9, 1.0) if k == 0 else (0.4, 0.4)
            ax.plot(at, row, marker=marker, markersize=3, color=style.colour(loss), linewidth=width, alpha=alpha)
    if not measured:
        _not_measured(ax)


def _not_measured(ax: Axes) -> None:
    ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4")


def _colour(part: str, loss: str) -> str:
    return {"hessian": style.colour(loss), "gauss-newton": "black"}.get(part, style.OTHER_COLOUR)


def _legend(fig: Figure, losses: list[str], checkpoints: list[str]) -> None:
    handles = [Line2D([], [], color=style.colour(f), label=f"H, {style.formulation_label(f)}") for f in losses]
    handles += [
        Line2D([], [], color=_colour(part, ""), linestyle=_LINES[part], label=_LABELS[part])
        for part in ("gauss-newton", "remainder")
    ]
    handles.append(Line2D([], [], color="0.3", label="negative", **_NEGATIVE))
    handles += [
        Line2D([], [], color="0.3", marker=marker, markersize=3, linewidth=0.9, label=f"angles, {style.checkpoint_label(name)}")
        for marker, name in zip(_MARKERS, checkpoints, strict=False)
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)
