"""Figure: loss, errors and gradient norm along training, for all seeds."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnscape.figures import scales, style

_OPTIMISERS = {"adam": "Adam", "lbfgs": "L-BFGS"}
_PANELS = {"loss": "trained loss", "l2_error": "relative $L^2$ error", "h1_error": "relative $H^1$ error",
           "gradient_norm": "norm of the gradient"}  # fmt: skip


@style.styled
def draw(trainings: Mapping[tuple[str, int], xr.Dataset]) -> Figure:
    """Four quantities against the step: every seed thin, the median over seeds thick.

    Args:
        trainings: training.nc of each run, keyed by (formulation, seed).
    """
    fig = style.figure(4.8)
    grid = fig.subplots(2, 2, sharex=True)
    for ax, quantity in zip(grid.flat, _PANELS, strict=True):
        _panel(ax, trainings, quantity)
    for ax in grid[-1]:
        ax.set_xlabel("optimisation step")
    _legend(fig, trainings)
    fig.suptitle(style.title(trainings.values(), "training"))
    return fig


def quantity_of(data: xr.Dataset, quantity: str) -> np.ndarray:
    """Values of ``quantity``; the loss of Deep Ritz is shown as its gap."""
    name = "energy_gap" if quantity == "loss" and data.attrs["formulation"] == "deep-ritz" else quantity
    return data[name].values.astype(float)


def median(steps: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Median over runs at every step that any of them records; a run that stopped early keeps its last value."""
    grid = np.unique(np.concatenate(steps))
    return grid, np.median([np.interp(grid, at, value) for at, value in zip(steps, values, strict=True)], axis=0)


def switches(data: xr.Dataset) -> list[tuple[int, str]]:
    """The first step of every optimiser but the first, and its name."""
    flags = data["optimizer"].values
    changes = np.flatnonzero(np.diff(flags)) + 1
    return [(int(data["step"].values[i]), _optimiser(data["optimizer"].attrs, flags[i])) for i in changes]


def label(quantity: str, formulations: Iterable[str]) -> str:
    """The label of a panel, which says that the loss of Deep Ritz is shown as its gap."""
    gap = quantity == "loss" and "deep-ritz" in formulations
    return f"{_PANELS[quantity]} (Deep Ritz: energy gap)" if gap else _PANELS[quantity]


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


def _mark_switches(ax: Axes, runs: Iterable[xr.Dataset]) -> None:
    for step, name in sorted({change for data in runs for change in switches(data)}):
        ax.axvline(step, color="0.4", linestyle=":", linewidth=0.8)
        ax.text(step, 0.985, f" {name} →", transform=ax.get_xaxis_transform(), va="top", fontsize=6.5, color="0.3")


def _legend(fig: Figure, trainings: Mapping[tuple[str, int], xr.Dataset]) -> None:
    handles = [
        Line2D([], [], color=style.colour(f), linewidth=1.6, label=style.formulation_label(f))
        for f in style.ordered(f for f, _ in trainings)
    ]
    handles.append(Line2D([], [], color="0.3", linewidth=1.6, label="median over seeds"))
    handles.append(Line2D([], [], color="0.3", linewidth=0.5, alpha=0.6, label="one seed"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
