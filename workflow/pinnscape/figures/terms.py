"""Figure: the terms of a loss on the random plane through each trained point, and the curvature of each term."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.common.errors import StorageError
from pinnscape.common.formulations import STRONG_FORM
from pinnscape.figures import panels, scales, style

SUM = "sum"
MOST = 10  # number of eigenvalues
SMALLEST = 1e-14  # relative to the largest eigenvalue; smaller ones are rounding errors of zero
_SPECTRA, _REST = 1.6, 0.8  # heights in inches of a row of spectra, and of title and legend
_TERM: dict[str, Any] = {"linewidth": 0.9, "marker": "o", "markersize": 2.5}
_WHOLE: dict[str, Any] = {"linewidth": 1.0, "alpha": 0.55}
_TRACE: dict[str, Any] = {"linewidth": 1.0, "linestyle": "--"}
_ABOVE = "above its lowest"


@dataclass(frozen=True)
class Curvature:
    """Curvature of a loss, or of one of its terms alone, at a trained point.

    Attributes:
        eigenvalues: the largest eigenvalues of the Hessian, in descending order; NaN where unknown.
        trace: trace of the Hessian; NaN if unknown.
    """

    eigenvalues: np.ndarray
    trace: float


@style.styled
def draw(surfaces: Mapping[str, xr.Dataset], hessians: Mapping[str, xr.Dataset]) -> Figure:
    """For each trained point: a loss and its terms on the random plane, on one scale, and below them their largest eigenvalues.

    Points of a loss with a single term, such as the supervised loss, show the terms of the strong form.

    Args:
        surfaces: resampled surface-random.nc keyed by the formulation that trained the point.
        hessians: hessian-final.nc keyed by the formulation; may be empty. Points without spectra of terms show planes only.

    Raises:
        StorageError: no loss has several terms.
    """
    shown = {name: loss_at(surfaces[name], name) for name in style.ordered(surfaces)}
    shown = {name: loss for name, loss in shown.items() if loss}
    if not shown:
        raise StorageError("nothing to draw in the figure of terms: no loss of this case has several terms")
    columns = 1 + max(len(terms_of(surfaces[name], loss)) for name, loss in shown.items())
    spectra = [name for name, loss in shown.items() if name in hessians and has_terms(hessians[name], loss)]
    heights = [height for name in shown for height in [panels.plane_height(columns), *[_SPECTRA] * (name in spectra)]]
    fig = style.figure(sum(heights) + _REST)
    grid = fig.subplots(len(heights), columns, squeeze=False, height_ratios=heights)
    for ax in grid.flat:
        ax.set_visible(False)  # those of terms that a loss does not have
    rows = iter(grid)
    for name, loss in shown.items():
        _planes(fig, next(rows), surfaces[name], name, loss)
        if name in spectra:
            _spectra(next(rows), curvatures(hessians[name], loss, terms_of(surfaces[name], loss)), loss)
    _legend(fig, [surfaces[name] for name in shown], bool(spectra))
    text = "a loss and its terms on the random plane" + ", and their curvature" * bool(spectra)
    fig.suptitle(style.title(surfaces.values(), text))
    return fig


def losses_with_terms(data: xr.Dataset) -> list[str]:
    """The losses of which a surface has terms."""
    names = data["term"].values if "term_value" in data else []
    return style.ordered(str(name).partition("/")[0] for name in names)


def loss_at(data: xr.Dataset, trained_on: str) -> str:
    """The loss whose terms are shown at a point: the one that trained it if it has several, otherwise the strong form.

    Empty if no loss has several terms.
    """
    several = losses_with_terms(data)
    return next((name for name in (trained_on, STRONG_FORM.name, *several) if name in several), "")


def terms_of(data: xr.Dataset, loss: str) -> list[str]:
    """Names of the terms of a loss on a surface, in their order."""
    return [str(name) for name in data["term"].values if str(name).partition("/")[0] == loss]


def fields(data: xr.Dataset, loss: str) -> dict[str, xr.DataArray]:
    """The loss (key ``SUM``) and its terms on the plane, by title.

    Fields that are negative somewhere, which belong to energies, are shown above their lowest value on the plane. Values below the
    interpolation error of a field are raised to this error: on the common scale, the errors of others do not matter for it.
    """
    values = {SUM: scales.shown(data, loss)}
    for name in terms_of(data, loss):
        known = "bound" in data and name in data["field"].values
        error = float(data["bound"].sel(field=name)) if known else math.nan
        values[style.term_label(name)] = data["term_value"].sel(term=name, drop=True).assign_attrs(resolution=error)
    found = {}
    for title, field in values.items():
        is_gap = title == SUM and scales.has_minimum(data, loss)
        lowest, error = 0.0 if is_gap else scales.lowest_if_negative([field.values]), field.attrs.get("resolution", math.nan)
        shifted = (field - lowest).drop_attrs()
        found[f"{title}\n({_ABOVE})" if lowest else title] = shifted.clip(min=error) if math.isfinite(error) else shifted
    return found


def has_terms(hessian: xr.Dataset, loss: str) -> bool:
    """Whether a file has the spectrum of a term of this loss; names of terms may lack that of the loss."""
    names = [str(name) for name in hessian["term"].values] if "term_eigenvalue" in hessian else []
    return any("/" not in name or name.startswith(f"{loss}/") for name in names)


def curvatures(hessian: xr.Dataset, loss: str, terms: list[str]) -> list[Curvature]:
    """Curvature of the loss and of each of its terms; NaN where the file lacks it.

    Eigenvalues that are zero up to rounding errors are NaN.
    """
    unknown = Curvature(np.full(MOST, np.nan), math.nan)
    alone = [_of_term(hessian, name) or unknown for name in terms]
    whole = _of_loss(hessian, loss) or unknown
    if not math.isfinite(whole.trace):  # the Hessian is the sum of those of its terms
        whole = Curvature(whole.eigenvalues, sum(each.trace for each in alone))
    found = [whole, *alone]
    sizes = np.abs(np.concatenate([each.eigenvalues for each in found]))
    zero = SMALLEST * np.max(sizes[np.isfinite(sizes)], initial=0.0)
    return [Curvature(np.where(np.abs(each.eigenvalues) > zero, each.eigenvalues, np.nan), each.trace) for each in found]


def _of_loss(hessian: xr.Dataset, loss: str) -> Curvature | None:
    if loss not in hessian["loss"].values:
        return None
    own = hessian.sel(loss=loss)
    largest = own["eigenvalue"].values[own["eigen"].values < MOST]
    traces = [float(own[name]) for name in ("trace", "trace_estimate") if name in own]
    return Curvature(largest, next((trace for trace in traces if math.isfinite(trace)), math.nan))


def _of_term(hessian: xr.Dataset, name: str) -> Curvature | None:
    """The curvature of a term; files may name it with or without its loss."""
    known = {str(term) for term in hessian["term"].values} if "term_eigenvalue" in hessian else set()
    key = next((key for key in (name, name.rpartition("/")[2]) if key in known), None)
    if key is None:
        return None
    own = hessian.sel(term=key)
    return Curvature(own["term_eigenvalue"].values[:MOST], float(own["term_trace"]) if "term_trace" in own else math.nan)


def heading(curvature: Curvature, whole: Curvature) -> str:
    """The largest eigenvalue and the trace, with its share of the trace of the sum."""
    if not (np.isfinite(curvature.eigenvalues).any() or math.isfinite(curvature.trace)):
        return ""
    share = curvature.trace / whole.trace if whole.trace > 0 else math.nan
    note = f" ({percent(share)})" if curvature is not whole and math.isfinite(share) else ""
    return f"$\\lambda_1$ = {style.number(float(curvature.eigenvalues[0]))}\ntrace {style.number(curvature.trace)}{note}"


def percent(share: float) -> str:
    """A share in percent; small shares that are not zero are not rounded to zero."""
    return "< 1 %" if 0.0 < share < 0.01 else f"{100 * share:.0f} %".replace("-", "−")


def _planes(fig: Figure, axes: np.ndarray, data: xr.Dataset, trained_on: str, loss: str) -> None:
    drawn = fields(data, loss)
    scale = scales.decide(*drawn.values())
    across, along = panels.axis_labels(data)
    used = list(axes[: len(drawn)])
    for index, (ax, (title, field)) in enumerate(zip(used, drawn.items(), strict=True)):
        ax.set_visible(True)
        panels.contours(ax, data, field, scale)
        panels.name_axes(ax, (across, ""))
        panels.few_ticks(ax, len(used))
        ax.tick_params(labelleft=index == 0)
        ax.set_title(title, color=style.term_colour(index - 1) if index else style.colour(loss))
    used[0].set_ylabel(f"{style.formulation_label(trained_on)} point\n{along}", color=style.colour(trained_on))
    bar = panels.colour_bar(fig, used, scale, "", location="right")
    bar.set_label(scale.label(scales.loss_label(data, loss)).replace(" (", "\n("), fontsize=7)


def _spectra(axes: np.ndarray, found: list[Curvature], loss: str) -> None:
    whole = found[0]
    used = axes[: len(found)]
    positive = [scales.positive(np.append(each.eigenvalues, each.trace)) for each in found]
    finite = np.concatenate([values[np.isfinite(values)] for values in positive])
    for index, (ax, each) in enumerate(zip(used, found, strict=True)):
        ax.set_visible(True)
        colour = style.term_colour(index - 1) if index else style.colour(loss)
        if index:
            _line(ax, whole, color=style.colour(loss), **_WHOLE)
        _line(ax, each, color=colour, **_TERM)
        if each.trace > 0:
            ax.axhline(each.trace, color=colour, **_TRACE)
        ax.set(yscale="log", xlabel="index", xticks=[1, MOST // 2, MOST])
        ax.set_title(heading(each, whole), fontsize=6.5)
        ax.tick_params(labelleft=index == 0, labelsize=6.5)
        ax.grid(**style.GRID)
        if finite.size:
            ax.set_ylim(finite.min() / 2, finite.max() * 2)
        if not np.isfinite(each.eigenvalues).any():
            ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color="0.4", fontsize=7)
    used[0].set_ylabel("eigenvalue")


def _line(ax: Axes, curvature: Curvature, **look) -> None:
    ax.plot(np.arange(1, 1 + len(curvature.eigenvalues)), scales.positive(curvature.eigenvalues), **look)


def _legend(fig: Figure, surfaces: list[xr.Dataset], spectra: bool) -> None:
    looks = {f"{MOST} largest eigenvalues": _TERM, "those of the sum": _WHOLE, "trace": _TRACE}
    extra = [Line2D([], [], color="0.3", label=label, **look) for label, look in looks.items()]
    panels.legend(fig, surfaces, extra if spectra else [])
