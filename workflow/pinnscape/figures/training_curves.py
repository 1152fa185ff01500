"""Figure: loss, errors and gradient norm along training, for all seeds."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.common.formulations import DEEP_RITZ, FORMULATIONS
from pinnscape.figures import scales, style
from pinnscape.losses import gaps

_ERROR = {"color": style.colour(DEEP_RITZ.name), "linewidth": 0.9, "linestyle": "--"}
_NEAR = 1e-2  # relative to the smallest gap; smaller quadrature errors are not drawn
_OPTIMISERS = {"adam": "Adam", "lbfgs": "L-BFGS"}
_PANELS = {"loss": "training loss", "l2_error": "relative $L^2$ error", "h1_error": "relative $H^1$ error",
           "gradient_norm": "norm of the gradient"}  # fmt: skip


@style.styled
def draw(trainings: Mapping[tuple[str, int], xr.Dataset]) -> Figure:
    """Four quantities against the step: thin lines for single seeds, thick lines for the median over seeds.

    Args:
        trainings: training.nc of each run, keyed by (trained_on, seed).
    """
    fig = style.figure(4.8)
    grid = fig.subplots(2, 2, sharex=True)
    for ax, quantity in zip(grid.flat, _PANELS, strict=True):
        _panel(ax, trainings, quantity)
    error = _quadrature_error(grid[0, 0], trainings)
    for ax in grid[-1]:
        ax.set_xlabel("optimisation step")
    _legend(fig, trainings, error)
    title, wrong = style.title(trainings.values(), "training"), warning(trainings)
    fig.suptitle(f"{title}\n{wrong}" if wrong else title, color=style.WARNING if wrong else "black")
    return fig


def quantity_of(data: xr.Dataset, quantity: str) -> np.ndarray:
    """Values of ``quantity``; an energy is replaced by its gap."""
    name = "energy_gap" if quantity == "loss" and FORMULATIONS[data.attrs["trained_on"]].is_energy else quantity
    return data[name].values.astype(float)


def median(steps: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Median over runs at every step that any run records; a run that stopped early keeps its last value."""
    grid = np.unique(np.concatenate(steps))
    return grid, np.median([np.interp(grid, at, value) for at, value in zip(steps, values, strict=True)], axis=0)


def switches(data: xr.Dataset) -> list[tuple[int, str]]:
    """First step and name of every optimiser except the first."""
    flags = data["optimizer"].values
    changes = np.flatnonzero(np.diff(flags)) + 1
    return [(int(data["step"].values[i]), _optimiser(data["optimizer"].attrs, flags[i])) for i in changes]


def label(quantity: str, formulations: Iterable[str]) -> str:
    """The label of a panel, which states that an energy is shown as its gap."""
    energies = [f for f in style.ordered(formulations) if quantity == "loss" and FORMULATIONS[f].is_energy]
    notes = ", ".join(f"{style.formulation_label(f)}: {style.loss_label(f)}" for f in energies)
    return f"{_PANELS[quantity]} ({notes})" if notes else _PANELS[quantity]


def _optimiser(attributes: Mapping, flag: float) -> str:
    meanings = attributes["flag_meanings"]
    names = meanings.split() if isinstance(meanings, str) else list(meanings)
    name = names[list(np.atleast_1d(attributes["flag_values"])).index(flag)]
    return _OPTIMISERS.get(name, name)


def _panel(ax: Axes, trainings: Mapping[tuple[str, int], xr.Dataset], quantity: str) -> None:
    for formulation in style.ordered(f for f, _ in trainings):
        runs = [data for (f, _), data in trainings.items() if f == formulation]
        steps = [data["step"].values for data in runs]
        values = [quantity_of(data, quantity) for data in runs]
        colour = style.colour(formulation)
        for at, value in zip(steps, values, strict=True):
            ax.plot(at, scales.positive(value), color=colour, linewidth=0.5, alpha=0.45)
        at, value = median(steps, values)
        ax.plot(at, scales.positive(value), color=colour, linewidth=1.6)
    ax.set(yscale="log", ylabel=label(quantity, {f for f, _ in trainings}))
    ax.set_title(scales.omission(*(quantity_of(data, quantity) for data in trainings.values())), fontsize=7, loc="right")
    ax.grid(**style.GRID)
    reasons = {data[quantity].attrs["withheld"] for data in trainings.values() if "withheld" in data[quantity].attrs}
    if reasons:
        ax.text(
            0.5, 0.5, f"withheld: {', '.join(sorted(reasons))}", transform=ax.transAxes, ha="center", va="center", color="0.3"
        )
    _mark_switches(ax, trainings.values())


def _quadrature_error(ax: Axes, trainings: Mapping[tuple[str, int], xr.Dataset]) -> bool:
    """Draw the quadrature error of the energy gap, the largest over seeds, if a gap is near it; return whether it is drawn."""
    runs = [data for (name, _), data in trainings.items() if FORMULATIONS[name].is_energy and "quadrature_error" in data]
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


def warning(trainings: Mapping[tuple[str, int], xr.Dataset]) -> str:
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


def _legend(fig: Figure, trainings: Mapping[tuple[str, int], xr.Dataset], error: bool) -> None:
    handles = [
        Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f))
        for f in style.ordered(f for f, _ in trainings)
    ]
    handles.append(Line2D([], [], color="0.3", linewidth=1.6, label="median over seeds"))
    handles.append(Line2D([], [], color="0.3", linewidth=0.5, alpha=0.6, label="one seed"))
    if error:
        handles.append(Line2D([], [], label="quadrature error of the energy gap", **_ERROR))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.1, handlelength=1.7)
