"""Limits, levels and ticks of a quantity in figures: pure functions, without drawing.

A logarithmic scale needs a floor, for two reasons above the smallest positive value. First, the quadrature error lets an energy
fall slightly below the exact minimum, and gaps smaller than the largest such deficit have no meaning. Second, at a minimiser a
few cells may lie many decades below all others and would use up most of the colour scale. A few cells may also lie far above
all others, where a loss blows up next to infeasible points; the scale then has a ceiling as well.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import xarray as xr
from matplotlib.colors import BoundaryNorm
from matplotlib.ticker import MaxNLocator

from pinnscape.common.formulations import is_energy
from pinnscape.figures import style

LOG_FROM = 30.0  # smallest ratio of the largest to the smallest shown value for a logarithmic scale
MOST_DECADES = 12.0
FLOOR_QUANTILE = 0.005  # share of the values that may lie below a logarithmic scale
CEILING_QUANTILE = 0.97  # a logarithmic scale ends here if the largest value ...
BLOW_UP = 1e3  # ... is this many times larger
_STRIDES = (1, 2, 5, 10)  # strides between labelled levels on a linear scale
Values = TypeVar("Values", np.ndarray, xr.DataArray)
_STEPS = (0.125, 0.25, 0.5, 1.0, 2.0)  # steps between levels, in decades


@dataclass(frozen=True)
class Scale:
    """The range in which values are shown.

    Attributes:
        low: smallest value shown; positive on a logarithmic scale.
        high: largest value shown.
        log: whether the scale is logarithmic.
        below: number of finite values below ``low``, which are shown as ``low``.
        above: number of finite values above ``high``, which are shown as ``high``.
    """

    low: float
    high: float
    log: bool
    below: int = 0
    above: int = 0

    def levels(self, most: int = 16) -> np.ndarray:
        """Round contour levels that cover the range, at most about ``most``."""
        if not self.log:
            return np.asarray(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high))
        low, high = math.log10(self.low), math.log10(self.high)
        step = next((s for s in _STEPS if (high - low) / s <= most), _STEPS[-1])
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return 10.0 ** (step * np.arange(first, max(last, first + 1) + 1))

    def norm(self) -> BoundaryNorm:
        """The norm with one colour between two levels."""
        return BoundaryNorm(self.levels(), 256)

    def clip(self, values: np.ndarray) -> np.ndarray:
        """``values`` clipped to the lowest and the highest level of a logarithmic scale; NaN stays NaN."""
        levels = self.levels()
        return np.clip(values, levels[0], levels[-1]) if self.log else np.asarray(values, float)

    def ticks(self, most: int = 5) -> np.ndarray:
        """Levels with a label: round values on a linear scale, powers of ten on a logarithmic one if it has at least two."""
        levels = self.levels()
        if not self.log:
            multiples = np.round(levels / (levels[1] - levels[0]))
            stride = next((n for n in _STRIDES if len(levels) <= n * (most + 1)), _STRIDES[-1])
            return levels[multiples % stride == 0]
        exponents = np.log10(levels)
        decades = levels[np.abs(exponents - np.round(exponents)) < 1e-6]
        if len(decades) < 2:
            return levels[[0, len(levels) // 2, -1]]
        return decades[:: math.ceil(len(decades) / most)]

    def tick_labels(self, most: int = 5) -> list[str]:
        """The labels of :meth:`ticks`."""
        return [_power(tick) if self.log else f"{_clean(tick):.4g}".replace("-", "−") for tick in self.ticks(most)]

    def label(self, name: str) -> str:
        """``name``, with the floor if values lie below it and the ceiling if values lie above it."""
        levels = self.levels()
        ends = [f"floor {style.number(levels[0])}"] if self.log and self.below else []
        ends += [f"ceiling {style.number(levels[-1])}"] if self.log and self.above else []
        return f"{name} ({', '.join(ends)})" if ends else name


def decide(*arrays: np.ndarray | xr.DataArray) -> Scale:
    """The scale on which all of ``arrays`` are shown; values that are not finite are ignored.

    The attribute ``resolution`` of an array is the magnitude below which its values have no meaning.

    The scale is logarithmic if the positive values above the floor span at least a factor of 30. The floor is the largest of
    four numbers: the 0.5 % quantile of the positive values, the magnitude of the most negative value, 1e-12 times the largest
    value, and the resolution. The scale has a ceiling at the 97 % quantile if the largest value is more than 1000 times this
    quantile.
    """
    values = np.concatenate([np.asarray(array, float).ravel() for array in arrays]) if arrays else np.empty(0)
    values = values[np.isfinite(values)]
    if not values.size:
        return Scale(0.0, 1.0, log=False)
    low, high = float(values.min()), float(values.max())
    positive = values[values > 0]
    if positive.size:
        bulk = float(np.quantile(positive, CEILING_QUANTILE, method="higher"))
        high = bulk if high > BLOW_UP * bulk else high
        resolution = max(float(getattr(array, "attrs", {}).get("resolution", 0.0)) for array in arrays)
        floor = max(float(np.quantile(positive, FLOOR_QUANTILE, method="lower")), -low, high * 10**-MOST_DECADES, resolution)
        if high / floor >= LOG_FROM:
            levels = Scale(floor, high, log=True).levels()
            below, above = int((values < levels[0]).sum()), int((values > levels[-1]).sum())
            return Scale(floor, high, log=True, below=below, above=above)
        high = float(values.max())
    return Scale(low, high, log=False) if high > low else Scale(low - 0.5, high + 0.5, log=False)


def has_minimum(dataset: xr.Dataset, loss: str) -> bool:
    """Whether the minimum of a loss is known, as it is for all losses but some energies."""
    return not is_energy(loss) or math.isfinite(float(dataset["energy_minimum"]))


def gap(values: Values, dataset: xr.Dataset, loss: str) -> Values:
    """``values`` of a loss minus its minimum, which is 0 except for an energy; an energy with an unknown minimum is unchanged."""
    energy = is_energy(loss) and has_minimum(dataset, loss)
    return values - float(dataset["energy_minimum"]) if energy else values


def loss_label(dataset: xr.Dataset, loss: str) -> str:
    """The name of a loss as ``gap`` gives it."""
    return style.loss_label(loss) if has_minimum(dataset, loss) else "energy"


def shown(dataset: xr.Dataset, loss: str, variable: str = "value") -> xr.DataArray:
    """A loss as shown in figures: an energy as its gap to the exact energy, which may be negative; other losses unchanged.

    An energy is unchanged, too, if its minimum is not known.

    The attribute ``resolution`` is the larger one of two errors: the error bound of a spectral surface, which is a variable of
    the dataset, and the quadrature error of the gap at the trained point.
    """
    values = gap(dataset[variable].sel(loss=loss, drop=True), dataset, loss)
    if variable != "value":
        return values
    errors = [float(dataset["resolution"].sel(loss=loss))] if "resolution" in dataset else []
    if is_energy(loss) and "quadrature_error" in dataset:
        errors.append(float(dataset["quadrature_error"]))
    known = [error for error in errors if math.isfinite(error)]
    return values.assign_attrs(resolution=max(known)) if known else values


def at_point(dataset: xr.Dataset, loss: str) -> str:
    """A second line for the label of a loss: its exact value at the trained point; empty if unknown.

    The line also states whether this value is below the minimum.
    """
    value = _exact(dataset, loss)
    text = f"\n{style.number(value)} at the trained point" if math.isfinite(value) else ""
    return f"{text}: below the minimum" if is_below(dataset, loss) else text


def is_below(dataset: xr.Dataset, loss: str) -> bool:
    """Whether a loss at the trained point is below its minimum by more than the quadrature error."""
    return is_energy(loss) and _exact(dataset, loss) < -float(dataset.get("quadrature_error", math.inf))


def _exact(dataset: xr.Dataset, loss: str) -> float:
    """A loss at the trained point as shown in figures; NaN if the file does not hold it."""
    if "value_at_origin" not in dataset:
        return math.nan
    return float(gap(dataset["value_at_origin"].sel(loss=loss), dataset, loss))


def positive(values: np.ndarray | xr.DataArray) -> np.ndarray:
    """``values`` with NaN where they are not positive, for a logarithmic axis."""
    values = np.asarray(values, float)
    return np.where(values > 0, values, np.nan)


def lowest_if_negative(values: Iterable[np.ndarray]) -> float:
    """The lowest of ``values`` if it is negative, otherwise 0."""
    finite = [array[np.isfinite(array)] for array in values]
    return min([0.0, *(float(array.min()) for array in finite if array.size)])


def resolved(values: np.ndarray | xr.DataArray, error: np.ndarray | xr.DataArray | float) -> np.ndarray:
    """``values`` with 0 where their magnitude does not exceed their error."""
    values = np.asarray(values, float)
    return np.where(np.abs(values) <= np.asarray(error, float), 0.0, values)


def unresolved(values: np.ndarray | xr.DataArray, error: np.ndarray | xr.DataArray) -> bool:
    """Whether ``resolved`` changes any of the values."""
    return bool((resolved(values, error) != np.nan_to_num(np.asarray(values, float)))[np.isfinite(values)].any())


def omission(*arrays: np.ndarray | xr.DataArray, unresolved: bool = False) -> str:
    """A note on the number of values that a logarithmic axis omits; empty if it omits none.

    Args:
        arrays: arrays of values.
        unresolved: whether values within their error, which ``resolved`` sets to 0, are among them.
    """
    count = sum(int((np.asarray(array, float) <= 0).sum()) for array in arrays)
    what = "≤ 0 or within the quadrature error" if unresolved else "≤ 0"
    return f"{count} value{'s' if count > 1 else ''} {what} omitted" if count else ""


SPIKE = 20.0  # a line whose largest value is this many times its 80 % quantile blows up at its ends


def normalised(values: np.ndarray) -> np.ndarray:
    """Each row of ``values`` (line, point) scaled to [0, 1] by its own range; a constant row becomes 0, NaN stays NaN.

    A row that blows up, for example next to infeasible points, is scaled by its 80 % quantile instead and exceeds 1. Scaled by
    its largest value, it would be a flat line with a spike.
    """
    values = np.asarray(values, float)
    result = np.full_like(values, np.nan)
    for row, into in zip(values, result, strict=True):
        finite = np.isfinite(row)
        if finite.any():
            low, high = row[finite].min(), row[finite].max()
            bulk = np.quantile(row[finite], 0.8)
            high = bulk if high - low > SPIKE * (bulk - low) > 0 else high
            into[finite] = (row[finite] - low) / (high - low) if high > low else 0.0
    return result


def missing(values: np.ndarray, infeasible: np.ndarray) -> np.ndarray:
    """Mask of the points that have no value although they are not infeasible."""
    return ~np.isfinite(np.asarray(values, float)) & (np.asarray(infeasible) != 1)


def _power(value: float) -> str:
    exponent = round(math.log10(value))
    return rf"$10^{{{exponent}}}$" if math.isclose(value, 10.0**exponent, rel_tol=1e-6) else style.number(value)


def _clean(value: float) -> float:
    """``value``, with 0 for sums of steps that are zero up to rounding errors."""
    return 0.0 if abs(value) < 1e-12 else float(value)
