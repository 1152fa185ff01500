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
Basins of the trained points of **{case}**: radii along random rays (unit vectors above, filter-normalised ones below) at which the
loss in the column has lost a fixed fraction of what training gained; the share of rays within is drawn for each seed, by the formulation that trained the point.
""",
)
METRICS = {
    "basin_radius_low[loss, kind]": "lower quartile of the radii over rays",
    "basin_radius_median[loss, kind]": "median of the radii",
    "basin_radius_high[loss, kind]": "upper quartile of the radii",
    "basin_censored[loss, kind]": "share of rays that never cross",
    "basin_log_volume[loss]": "log-volume of the basin",
    "basin_log_volume_error[loss]": "its standard error",
    "basin_effective_rays[loss]": "how many rays it rests on: with 1, it means little",
}


class Settings(Section):
    """How far the basins of the final points reach along random rays."""

    fraction: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="the basin ends where a loss has regained this fraction of what training took from it",
    )
    rays: int = Field(default=32, ge=1, le=100_000, description="number of random rays")
    kinds: Distinct[Literal["sphere", "filter"]] = Field(
        default=("sphere", "filter"),
        min_length=1,
        description="sphere: unit vectors, radii are distances; filter: the same, filter-normalised, radii are fractions of the "
        "filters' norms",
    )
    smallest: float = Field(
        default=1e-3, gt=0, le=1000, description="first radius of the scan, relative to |theta| (filter: as it is)"
    )
    largest: float = Field(
        default=10.0, gt=0, le=1e6, description="last radius of the scan; rays that have not crossed there are censored"
    )
    steps: int = Field(default=33, ge=2, le=10_000, description="radii of the scan, log-spaced")
    tolerance: float = Field(default=1e-3, ge=1e-12, le=0.5, description="relative width of the bisected interval")

    _order = ordered("smallest", "largest")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """basin.nc."""
    from pinnscape.landscape.basin_file import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Quartiles of the radii by kind of rays, share of censored rays, volume; a quartile among the censored rays is NaN."""
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
    """A quantile by the order statistic at or above it; NaN where that is not finite."""
    value = np.sort(values)[math.ceil(share * len(values)) - 1] if len(values) else np.nan
    return float(value) if np.isfinite(value) else float("nan")
