"""How far the basins of the trained points reach along random rays."""

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section, ordered
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Basin along random rays",
    about="point",
    question="How far does the basin of the final point reach?",
    formula="radius along random rays at which the gap crosses a level; log-volume log V = log vol(B₁) + log mean rᴾ",
    source="Huang et al. 2020",
    caption="""\
Basins of the trained points of **{case}**: share of random rays (unit vectors above, filter-normalised vectors below) that
leave the basin within a given radius. The basin of the loss in the column ends where this loss has regained a fixed fraction of
its decrease in training. One line for each seed, coloured by training loss.
""",
)
METRICS = {
    "basin_radius_low[loss, kind]": "lower quartile of the basin radius over the rays",
    "basin_radius_median[loss, kind]": "median of the basin radius over the rays",
    "basin_radius_high[loss, kind]": "upper quartile of the basin radius over the rays",
    "basin_censored[loss, kind]": "share of rays that do not leave the basin within the scan",
    "basin_log_volume[loss]": "logarithm of the volume of the basin",
    "basin_log_volume_error[loss]": "standard error of the log-volume",
    "basin_effective_rays[loss]": "effective number of rays in the estimate of the volume, which is unreliable if this is "
    "near 1",
}


class Settings(Section):
    """How far the basins of the final points reach along random rays."""

    fraction: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="the basin ends where a loss has regained this fraction of its decrease in training",
    )
    rays: int = Field(default=32, ge=1, le=100_000, description="number of random rays")
    kinds: Distinct[Literal["sphere", "filter"]] = Field(
        default=("sphere", "filter"),
        min_length=1,
        description="sphere: unit vectors, radii are distances; filter: the same vectors, filter-normalised, radii are "
        "fractions of the filter norms",
    )
    smallest: float = Field(
        default=1e-3,
        gt=0,
        le=1000,
        description="first radius of the scan; relative to |theta| for sphere, in filter norms for filter",
    )
    largest: float = Field(
        default=10.0,
        gt=0,
        le=1e6,
        description="last radius of the scan, in the same units; rays that have not left the basin there are censored",
    )
    steps: int = Field(default=33, ge=2, le=10_000, description="number of logarithmically spaced radii of the scan")
    tolerance: float = Field(
        default=1e-3, ge=1e-12, le=0.5, description="relative width of the interval at which the bisection stops"
    )

    _order = ordered("smallest", "largest")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of basin.nc."""
    from pinnscape.landscape.basin_file import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Quartiles of the radii by kind of rays, share of censored rays, and volume. A quartile among censored rays is NaN."""
    for part in rows.each(data, "trained_on", "seed", "loss"):
        owner = str(part["trained_on"].values), int(part["seed"]), "final"
        loss = part["loss"].values
        for kind in part["kind"].values:
            own = part.sel(kind=kind)
            for name, share in (("low", 0.25), ("median", 0.5), ("high", 0.75)):
                yield *owner, f"basin_radius_{name}[{loss}, {kind}]", _quantile(own["radius"].values, share)
            yield *owner, f"basin_censored[{loss}, {kind}]", float(own["censored"])
        for name in ("log_volume", "log_volume_error", "effective_rays"):
            yield *owner, f"basin_{name}[{loss}]", float(part[name])


def _quantile(values: np.ndarray, share: float) -> float:
    """A quantile, as the order statistic at or above it; NaN if that is not finite."""
    value = np.sort(values)[math.ceil(share * len(values)) - 1] if len(values) else np.nan
    return float(value) if np.isfinite(value) else float("nan")
