"""Figure: ratio of the smallest to the largest Hessian eigenvalue on the random plane through each trained point."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from pinnscape.figures import panels, style

_LOWEST = 1e-4  # smaller ratios are practically convex and share one colour
_UNDECIDED, _DOTS = "0.8", "...."
_CONVEX: dict[str, Any] = {
    "marker": "o",
    "markersize": 2.5,
    "markerfacecolor": "none",
    "markeredgecolor": "white",
    "markeredgewidth": 0.7,
}


@style.styled
def draw(data: xr.Dataset, seed: int | None = None) -> Figure:
    """One panel for each formulation: its loss around the point that it trained.

    Args:
        data: curvature_map.nc.
        seed: seed that is shown, by default the first.
    """
    trained = style.ordered(data["trained_on"].values)
    fig = style.figure(3.1, square=True)
    grid = fig.subplots(1, max(1, len(trained)), squeeze=False, sharey=True)[0]
    shown = [_of(data, formulation, seed) for formulation in trained]
    ratios = [ratio(part) for part in shown if part is not None]
    highest = max([1.0, *(float(np.nanmax(r)) for r in ratios if np.isfinite(r).any())])
    norm = LogNorm(_LOWEST, highest)
    for ax, formulation, part in zip(grid, trained, shown, strict=False):
        _panel(ax, part, norm)
        ax.set_title(style.formulation_label(formulation), color=style.colour(formulation))
        ax.set_xlabel(panels.axis_labels(data)[0])
    grid[0].set_ylabel(panels.axis_labels(data)[1])
    bar = fig.colorbar(ScalarMappable(norm, "cividis"), ax=list(grid), location="bottom", shrink=0.6, aspect=40, extend="min")
    bar.set_label(r"$|\lambda_{\min}\,/\,\lambda_{\max}|$")
    dark: dict[str, Any] = _CONVEX | {"markeredgecolor": "0.2"}
    handles: list[Line2D | Patch] = []
    if any(part is not None and convex(part).any() for part in shown):
        handles.append(Line2D([], [], linestyle="none", label="not negative up to rounding errors", **dark))
    if any(part is not None and undecided(part).any() for part in shown):
        handles.append(Patch(facecolor=_UNDECIDED, hatch=_DOTS, edgecolor="0.35", linewidth=0, label="undecided"))
    if any(part is None or np.isnan(part["sign"].values).any() for part in shown):
        handles.append(Patch(facecolor=style.NO_VALUE, hatch=style.HATCH, edgecolor="0.35", linewidth=0, label="no value"))
    if handles:
        fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    fig.suptitle(style.title([data], "ratio of smallest to largest Hessian eigenvalue on the random plane"))
    return fig


def ratio(data: xr.Dataset) -> np.ndarray:
    """|λmin/λmax| (alpha, beta); NaN where the smallest eigenvalue is undecided."""
    share = (data["lambda_min"] / data["lambda_max"]).transpose("alpha", "beta").values
    return np.where(undecided(data), np.nan, np.abs(share))


def convex(data: xr.Dataset) -> np.ndarray:
    """Mask (alpha, beta) of the points at which λmin is not negative up to rounding errors."""
    return data["sign"].transpose("alpha", "beta").values > 0


def undecided(data: xr.Dataset) -> np.ndarray:
    """Mask (alpha, beta) of the points with a Hessian at which the sign of λmin or one of the eigenvalues is unknown."""
    sign, low, high = (data[name].transpose("alpha", "beta").values for name in ("sign", "lambda_min", "lambda_max"))
    return np.isfinite(sign) & ((sign == 0) | np.isnan(low) | np.isnan(high))


def _of(data: xr.Dataset, formulation: str, seed: int | None) -> xr.Dataset | None:
    if not data.sizes["seed"]:
        return None
    chosen = data["seed"].values[0] if seed is None else seed
    return data.sel(trained_on=formulation, loss=formulation, seed=chosen)


def _panel(ax: Axes, part: xr.Dataset | None, norm: LogNorm) -> None:
    ax.set_facecolor(style.NO_VALUE)
    ax.set_aspect("equal")
    if part is None or not np.isfinite(part["sign"].values).any():
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.3")
        return
    alpha, beta, values = part["alpha"].values, part["beta"].values, ratio(part).T
    if np.isnan(part["sign"].values).any():
        ax.patch.set(hatch=style.HATCH, edgecolor="0.35")
    table = np.ma.masked_invalid(np.where(values < _LOWEST, _LOWEST, values))
    ax.pcolormesh(alpha, beta, table, norm=norm, cmap="cividis", shading="nearest")
    _fill(ax, alpha, beta, undecided(part).T)
    b, a = np.nonzero(convex(part).T)
    ax.plot(alpha[a], beta[b], linestyle="none", **_CONVEX)


def _fill(ax: Axes, alpha: np.ndarray, beta: np.ndarray, cells: np.ndarray) -> None:
    """Draw dots in the undecided cells (beta, alpha)."""
    width, height = (float(np.diff(axis).mean()) if len(axis) > 1 else 1.0 for axis in (alpha, beta))
    for row, column in zip(*np.nonzero(cells), strict=True):
        corner = float(alpha[column]) - width / 2, float(beta[row]) - height / 2
        ax.add_patch(Rectangle(corner, width, height, facecolor=_UNDECIDED, hatch=_DOTS, edgecolor="0.35", linewidth=0))
