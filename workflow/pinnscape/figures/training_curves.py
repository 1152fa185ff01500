"""Figure: loss, errors, gradient norm and terms of the loss along training, for all seeds."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.common.formulations import DEEP_RITZ, is_energy
from pinnscape.common.measured import NOT_MEASURED
from pinnscape.figures import fresh, scales, style
from pinnscape.figures.fresh import Trainings
from pinnscape.losses import gaps

_ERROR = {"color": style.colour(DEEP_RITZ.name), "linewidth": 0.9, "linestyle": "-."}
_FRESH = {"linewidth": 0.8, "linestyle": "--"}
_NEAR = 1e-2  # relative to the smallest gap; smaller quadrature errors are not drawn
_OPTIMISERS = {"adam": "Adam", "lbfgs": "L-BFGS"}
_LEGEND_COLUMNS = 6  # number of entries that fit in one line
ERRORS = ("l2_error", "h1_error")
_MEASURE = "measure: "  # before the names of further measures
_PANELS = {"loss": "training loss", "l2_error": "relative $L^2$ error", "h1_error": "relative $H^1$ error",
           "gradient_norm": "norm of the gradient"}  # fmt: skip


_ROW, _REST = 2.0, 0.8  # heights in inches of a row of panels, and of title and legend


@style.styled
def draw(trainings: Trainings) -> Figure:
    """Quantities against the step: thin lines for single seeds, thick lines for the median over seeds.

    Below, the terms of each loss of several terms: solid at the points of the training, dashed at points that training does not
    use.

    Args:
        trainings: training.nc of each run, keyed by (trained_on, seed).
    """
    quantities, several = shown_quantities(trainings), with_terms(trainings)
    mosaic = layout(quantities)
    fig = style.figure(_ROW * (len(mosaic) + len(several)) + _REST)
    above, below = _parts(fig, len(mosaic), len(several)) if several else (fig, None)
    panels = above.subplot_mosaic(cast("list[Any]", mosaic), sharex=True)
    for quantity in quantities:
        _panel(panels[quantity], trainings, quantity)
    drawn = _at_fresh_points(panels["loss"], trainings)
    error = _quadrature_error(panels["loss"], trainings)
    for name in mosaic[-1]:
        panels[name].set_xlabel("optimisation step")
    if below is not None:
        for ax, formulation in zip(below.subplots(len(several), squeeze=False)[:, 0], several, strict=True):
            _terms(ax, of_formulation(trainings, formulation), formulation)
    _legend(fig, trainings, error, drawn)
    wrong = [text for text in (warning(trainings), fresh.warning(trainings)) if text]
    title = "\n".join([style.title(trainings.values(), "training"), *wrong])
    fig.suptitle(title, color=style.WARNING if wrong else "black")
    return fig


def shown_quantities(trainings: Trainings) -> list[str]:
    """The quantities of the panels: the loss, and what is known in at least one run."""
    data = list(trainings.values())
    known = [name for name in _PANELS if name == "loss" or any(np.isfinite(run[name].values).any() for run in data)]
    return [*known, *dict.fromkeys(f"{_MEASURE}{name}" for run in data if "further" in run for name in run["measure"].values)]


def withheld(trainings: Trainings) -> str:
    """A line for each reason for which errors are not shown."""
    shown, lines = shown_quantities(trainings), {}
    for name in ERRORS:
        reasons = {data[name].attrs["withheld"] for data in trainings.values() if "withheld" in data[name].attrs} - {
            NOT_MEASURED
        }
        if name not in shown and reasons:
            lines.setdefault(", ".join(sorted(reasons)), []).append(_PANELS[name])
    return "\n".join(f"{' and '.join(names)} withheld: {reason}" for reason, names in lines.items())


def with_terms(trainings: Trainings) -> list[str]:
    """The losses of several terms."""
    names = style.ordered(name for name, _ in trainings)
    return [name for name in names if fresh.terms_of(of_formulation(trainings, name))]


def layout(quantities: Sequence[str]) -> list[list[Any]]:
    """The quantities by row: three in a row if there are three, otherwise two."""
    columns = 3 if len(quantities) == 3 else 2
    return [list(quantities[start : start + columns]) for start in range(0, len(quantities), columns)]


def _parts(fig: Figure, rows: int, losses: int) -> tuple[Any, Any]:
    """Subfigures for the rows of quantities, and for the terms, which have legends of their own, below."""
    parts: Any = fig.subfigures(2, 1, height_ratios=[rows, 1.1 * losses])
    return parts[0], parts[1]


def of_formulation(trainings: Trainings, formulation: str) -> list[xr.Dataset]:
    """The trainings on a loss."""
    return [data for (name, _), data in trainings.items() if name == formulation]


def least(runs: Iterable[xr.Dataset]) -> float:
    """What is subtracted from the losses of these runs: the minimum of an energy, or the lowest one if that is not known."""
    runs = [data for data in runs if is_energy(data.attrs["trained_on"])]
    if not runs:
        return 0.0
    minimum = float(runs[0]["energy_minimum"])
    return minimum if math.isfinite(minimum) else min(float(data["loss"].min()) for data in runs)


def quantity_of(data: xr.Dataset, quantity: str, lowest: float = math.nan) -> np.ndarray:
    """Values of ``quantity``; an energy is replaced by its gap, or by its excess over ``lowest`` if its minimum is not known."""
    if quantity == "loss" and is_energy(data.attrs["trained_on"]):
        gap = data["energy_gap"].values.astype(float)
        return gap if np.isfinite(gap).any() else data["loss"].values.astype(float) - lowest
    if quantity.startswith(_MEASURE):
        name = quantity.removeprefix(_MEASURE)
        known = "further" in data and name in data["measure"].values
        return data["further"].sel(measure=name).values.astype(float) if known else np.full(data.sizes["step"], np.nan)
    return data[quantity].values.astype(float)


def median(steps: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Median over runs at every step that any run records; a run that stopped early keeps its last value."""
    grid = np.unique(np.concatenate(steps))
    return grid, np.median([np.interp(grid, at, value) for at, value in zip(steps, values, strict=True)], axis=0)


def switches(data: xr.Dataset) -> list[tuple[int, str]]:
    """First step and name of every optimiser except the first; empty for trainings outside of the workflow."""
    if "optimizer" not in data:
        return []
    flags = data["optimizer"].values
    changes = np.flatnonzero(np.diff(flags)) + 1
    return [(int(data["step"].values[i]), _optimiser(data["optimizer"].attrs, flags[i])) for i in changes]


def label(quantity: str, formulations: Iterable[str], without_minimum: Collection[str] = ()) -> str:
    """The label of a panel, which states that an energy is shown as its gap, or above the lowest one without a known minimum."""
    if quantity.startswith(_MEASURE):
        return quantity.removeprefix(_MEASURE).replace("_", " ")
    energies = [f for f in style.ordered(formulations) if quantity == "loss" and is_energy(f)]
    names = {f: "\nabove the lowest energy" if f in without_minimum else style.loss_label(f) for f in energies}
    notes = ", ".join(f"{style.formulation_label(f)}: {name}" for f, name in names.items())
    return f"{_PANELS[quantity]} ({notes})" if notes else _PANELS[quantity]


def _optimiser(attributes: Mapping, flag: float) -> str:
    meanings = attributes["flag_meanings"]
    names = meanings.split() if isinstance(meanings, str) else list(meanings)
    name = names[list(np.atleast_1d(attributes["flag_values"])).index(flag)]
    return _OPTIMISERS.get(name, name)


def _panel(ax: Axes, trainings: Trainings, quantity: str) -> None:
    drawn, logarithmic = [], not quantity.startswith(_MEASURE)  # further measures, such as accuracies, may be of any sign
    shown = scales.positive if logarithmic else np.asarray
    for formulation in style.ordered(f for f, _ in trainings):
        runs = of_formulation(trainings, formulation)
        steps, lowest = [data["step"].values for data in runs], least(runs)
        values = [quantity_of(data, quantity, lowest) for data in runs]
        colour = style.colour(formulation)
        for at, value in zip(steps, values, strict=True):
            ax.plot(at, shown(value), color=colour, linewidth=0.5, alpha=0.45)
        at, value = median(steps, values)
        ax.plot(at, shown(value), color=colour, linewidth=1.6)
        drawn += values
    energies = {f for (f, _), data in trainings.items() if not scales.has_minimum(data, f)}
    ax.set(yscale="log" if logarithmic else "linear", ylabel=label(quantity, {f for f, _ in trainings}, energies))
    ax.set_title(scales.omission(*drawn) if logarithmic else "", fontsize=7, loc="right")
    ax.grid(**style.GRID)
    _mark_switches(ax, trainings.values())


def _at_fresh_points(ax: Axes, trainings: Trainings) -> bool:
    """Draw the losses at fresh points where they differ visibly; return whether one is drawn."""
    drawn = False
    for formulation in style.ordered(f for f, _ in trainings):
        runs = of_formulation(trainings, formulation)
        steps, lowest = [data["step"].values for data in runs], least(runs)
        at, own = median(steps, [quantity_of(data, "loss", lowest) for data in runs])
        other = median(steps, [fresh.loss_at_fresh_points(data, lowest) for data in runs])[1]
        if fresh.differ(own, other):
            ax.plot(at, scales.positive(other), color=style.colour(formulation), **_FRESH)
            drawn = True
    return drawn


def _terms(ax: Axes, runs: Sequence[xr.Dataset], formulation: str) -> None:
    """Draw the median over seeds of each term of a loss, at the points of the training and at fresh points."""
    steps, drawn = [data["step"].values for data in runs], []
    for index, term in enumerate(fresh.terms_of(runs)):
        own, other, lowest = fresh.shown_terms(runs, term)
        colour = style.term_colour(index)
        name = style.term_label(term) + (" (above its lowest)" if lowest else "")
        for values, look in ((own, {"linewidth": 1.4, "label": name}), (other, {"linewidth": 1.2, "linestyle": "--"})):
            at, middle = median(steps, [value - lowest for value in values])
            ax.plot(at, scales.positive(middle), color=colour, **look)
            drawn.append(middle)
    name = "energy" if is_energy(formulation) else style.loss_label(formulation)
    ax.set(yscale="log", xlabel="optimisation step", ylabel=f"terms of the\n{name}")
    ax.yaxis.label.set_color(style.colour(formulation))
    ax.set_title(scales.omission(*drawn), fontsize=7, loc="right")
    ax.grid(**style.GRID)
    _mark_switches(ax, runs)
    handles = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    if any(np.isfinite(data["fresh_term_value"].values).any() for data in runs):
        handles.append(Line2D([], [], color="0.3", linewidth=1.4, label="at the training points"))
        handles.append(Line2D([], [], color="0.3", linewidth=1.2, linestyle="--", label="at fresh points"))
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), borderaxespad=0.3, handlelength=1.7)


def _quadrature_error(ax: Axes, trainings: Trainings) -> bool:
    """Draw the quadrature error of the energy gap, the largest over seeds, if a gap is near it; return whether it is drawn."""
    runs = [data for (name, _), data in trainings.items() if is_energy(name) and "quadrature_error" in data]
    gaps_ = np.concatenate([data["energy_gap"].values for data in runs]) if runs else np.empty(0)
    if not (gaps_ > 0).any():
        return False
    steps = np.unique(np.concatenate([data["snapshot_step"].values for data in runs]))
    each = [np.interp(steps, data["snapshot_step"].values, data["quadrature_error"].values) for data in runs]
    error = np.max(each, axis=0)
    drawn = bool((np.isfinite(error) & (error > _NEAR * gaps_[gaps_ > 0].min())).any())
    if drawn:
        ax.plot(steps, np.where(np.isfinite(error), scales.positive(error), np.nan), **_ERROR)
    return drawn


def warning(trainings: Trainings) -> str:
    """A warning if energies are below that of the exact solution by more than the quadrature error; otherwise empty."""
    found = [gaps.below(data) for data in trainings.values() if "quadrature_error" in data]
    amounts = [below.amount for below in found if below]
    if not amounts:
        return ""
    runs = f"{len(amounts)} of {len(trainings)} runs"
    return f"energy below its minimum in {runs}, by up to {style.number(max(amounts))}: the exact solution does not minimise it"


def _mark_switches(ax: Axes, runs: Iterable[xr.Dataset]) -> None:
    for step, name in sorted({change for data in runs for change in switches(data)}):
        ax.axvline(step, color="0.4", linestyle=":", linewidth=0.8)
        ax.text(step, 0.985, f" {name} →", transform=ax.get_xaxis_transform(), va="top", fontsize=6.5, color="0.3")


def _legend(fig: Figure, trainings: Trainings, error: bool, at_fresh_points: bool) -> None:
    handles = [
        Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f))
        for f in style.ordered(f for f, _ in trainings)
    ]
    handles.append(Line2D([], [], color="0.3", linewidth=1.6, label="median over seeds"))
    handles.append(Line2D([], [], color="0.3", linewidth=0.5, alpha=0.6, label="one seed"))
    if error:
        handles.append(Line2D([], [], label="quadrature error of the energy gap", **_ERROR))
    if at_fresh_points:
        handles.append(Line2D([], [], color="0.3", label="loss at fresh points", **_FRESH))
    columns = len(handles) if len(handles) <= _LEGEND_COLUMNS else math.ceil(len(handles) / 2)
    note = {"title": withheld(trainings) or None, "title_fontsize": 7}
    fig.legend(handles=handles, loc="outside lower center", ncols=columns, columnspacing=1.1, handlelength=1.7, **note)
