"""Losses and their terms at fresh points, which training does not use: pure functions, without drawing.

A network can satisfy the equation at the points of its training and nowhere else. The loss is then small at these points and
large at all others.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from pinnscape.common.formulations import is_energy
from pinnscape.figures import scales, style

VISIBLE = 1.25  # ratio from which two curves can be told apart on a logarithmic axis
ALARM = 10.0  # ratio of the loss at fresh points to that at the training points from which the title warns
OWN, FRESH = "term_value", "fresh_term_value"

Trainings = Mapping[tuple[str, int], xr.Dataset]


def is_measured(data: xr.Dataset) -> bool:
    """Whether a training.nc has the terms of the loss at fresh points."""
    return OWN in data and FRESH in data


def terms_of(runs: Iterable[xr.Dataset]) -> list[str]:
    """Names of the terms of a loss, in their order; none if the loss has a single term or the files lack its terms."""
    names = [[str(name) for name in data["term"].values] for data in runs if is_measured(data)]
    return names[0] if names and len(names[0]) > 1 else []


def loss_at_fresh_points(data: xr.Dataset, lowest: float) -> np.ndarray:
    """The training loss (step,) at fresh points as shown in figures; NaN where it is not known or has no meaning.

    Args:
        data: training.nc.
        lowest: what is subtracted from energies: their minimum, or the lowest one if that is not known. The quadrature error of
            the minimum, which differs at other points, limits the gaps that have a meaning.
    """
    if not is_measured(data):
        return np.full(data.sizes["step"], np.nan)
    total = data[FRESH].sum("term", skipna=False).values
    if not is_energy(data.attrs["trained_on"]):
        return total
    error = data["energy_minimum_error"].values if "energy_minimum_error" in data else np.array(math.nan)
    gap = scales.resolved(total - lowest, error)
    return np.where(gap == 0.0, np.nan, gap)


def differ(own: np.ndarray, fresh: np.ndarray) -> bool:
    """Whether two curves differ visibly on a logarithmic axis."""
    own, fresh = scales.positive(own), scales.positive(fresh)
    known = np.isfinite(own) & np.isfinite(fresh)
    return bool((np.abs(np.log(fresh[known] / own[known])) > math.log(VISIBLE)).any())


def shortfall(runs: Iterable[xr.Dataset]) -> float:
    """Median over runs of the last loss at fresh points relative to that at the training points; NaN for energies."""
    ratios = []
    for data in runs:
        if is_measured(data) and not is_energy(data.attrs["trained_on"]):
            own, fresh = (float(data[name].isel(step=-1).sum("term", skipna=False)) for name in (OWN, FRESH))
            ratios.append(fresh / own if own > 0 else math.nan)
    return float(np.median(ratios)) if ratios else math.nan


def warning(trainings: Trainings) -> str:
    """A warning for each loss that is much larger at fresh points than at the training points; otherwise empty."""
    lines = []
    for formulation in style.ordered(name for name, _ in trainings):
        ratio = shortfall(data for (name, _), data in trainings.items() if name == formulation)
        if ratio >= ALARM:
            name = style.loss_label(formulation)
            lines.append(f"the {name} is {style.number(ratio)} times as large at fresh points as at the training points")
    return "\n".join(lines)


def shown_terms(runs: Iterable[xr.Dataset], term: str) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """A term of each run at the training points and at fresh points, and what is subtracted from both.

    A term that is negative somewhere, which only an energy can be, is shown above its lowest value. Nothing is subtracted from
    others.
    """
    own, fresh = ([data[name].sel(term=term).values.astype(float) for data in runs] for name in (OWN, FRESH))
    return own, fresh, scales.lowest_if_negative([*own, *fresh])
