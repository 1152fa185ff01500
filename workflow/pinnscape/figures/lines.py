"""Figure: every loss along a bundle of random lines through each trained point."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pinnscape.figures import panels, scales, style

INFEASIBLE_LABEL = f"{panels.INFEASIBLE_LABEL} on at least one line"


@style.styled
def draw(lines: Mapping[str, xr.Dataset]) -> Figure:
    """Losses along lines, each scaled to its own range: rows are the points, columns are the losses.

    Scaling to [0, 1] shows whether a line is smooth and convex; the title gives the median range over lines.

    Args:
        lines: surface-lines.nc keyed by the formulation that trained the point.
    """
    trained = style.ordered(lines)
    losses = style.ordered(str(name) for data in lines.values() for name in data["loss"].values)
    fig = style.figure(0.7 + 1.65 * len(trained))
    grid = fig.subplots(len(trained), len(losses), squeeze=False, sharex=True, sharey=True)
    for row, formulation in zip(grid, trained, strict=True):
        for ax, loss in zip(row, losses, strict=True):
            panel(ax, lines[formulation], loss)
            ax.set_title(heading(lines[formulation], loss))
        row[0].set_ylabel(f"{style.formulation_label(formulation)} point\nloss, scaled to [0, 1]")
    for ax in grid[-1]:
        ax.set_xlabel(panels.with_unit(r"$\alpha$ along the line", lines[trained[-1]]))
    _legend(fig, lines)
    fig.suptitle(style.title(lines.values(), "losses along random lines"))
    return fig


def typical_range(values: np.ndarray) -> float:
    """Median over lines (line, point) of the largest minus the smallest value; NaN if no line has a value."""
    ranges = [row[np.isfinite(row)] for row in np.asarray(values, float)]
    ranges = [np.ptp(row) for row in ranges if row.size]
    return float(np.median(ranges)) if ranges else float("nan")


def heading(data: xr.Dataset, loss: str) -> str:
    """The loss of a panel and its typical range."""
    values = scales.shown(data, loss).transpose("line", "alpha").values
    return f"{scales.loss_label(data, loss)}, range {style.number(typical_range(values))}"


def spans(alpha: np.ndarray, inside: np.ndarray) -> list[tuple[float, float]]:
    """Intervals of ``alpha`` that cover the points ``inside``, extended by half a step on each side within its range."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    middles = np.concatenate([alpha[:1], (alpha[1:] + alpha[:-1]) / 2, alpha[-1:]])
    return [(float(middles[a]), float(middles[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def panel(ax: Axes, data: xr.Dataset, loss: str) -> None:
    alpha = data["alpha"].values
    values = scales.shown(data, loss).transpose("line", "alpha").values
    infeasible = data["infeasible"].transpose("line", "alpha").values == 1
    for start, stop in spans(alpha, infeasible.any(axis=0)):
        ax.axvspan(
            start, stop, facecolor=style.NO_VALUE, hatch=style.HATCH, edgecolor="0.35", linewidth=0, label=INFEASIBLE_LABEL
        )
    ax.plot(alpha, scales.normalised(values).T, color=style.colour(loss), linewidth=0.6, alpha=0.7)
    ax.axvline(0.0, color="0.6", linewidth=0.5, zorder=0)
    ax.set(xlim=(alpha[0], alpha[-1]), ylim=(-0.04, 1.04))


def _legend(fig: Figure, lines: Mapping[str, xr.Dataset]) -> None:
    handles: list[Artist] = [*panels.grid_note(lines.values(), "bundles")]
    if any((data["infeasible"].values == 1).any() for data in lines.values()):
        patch = Patch(facecolor=style.NO_VALUE, hatch=style.HATCH, edgecolor="0.35", linewidth=0, label=INFEASIBLE_LABEL)
        handles.append(patch)
    if handles:
        fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
