"""Losses on the random plane through each trained point at radii of several orders of magnitude."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Odd, Section
from pinnscape.config.sections import DirectionSettings
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Zoom series",
    about="point",
    question="At which radius does the landscape look convex?",
    formula="the random plane at radii from 0.01 to 100; share of points where its 2×2 Hessian is positive semidefinite",
    source="Li et al. 2018",
    caption="""\
Gap of the training loss of **{case}** on the random plane through the trained points, at radii of several orders of magnitude
in units of the filter norms. Titles give the share of points at which the surface is convex on the scale of the grid. Hatched:
no value.
""",
    directions=True,
)
METRICS = {
    "zoom_convex_share[loss, radius]": "share of points of the plane with this radius at which the surface is convex",
    "zoom_convex_radius[loss]": "distance to the nearest point at which the surface is not convex, on the finest plane that "
    "has one",
}


class Settings(Section):
    """The random plane through each final point at radii of several orders of magnitude."""

    radii: Distinct[Annotated[float, Field(gt=0, le=1e6, description="a radius")]] = Field(
        default=(0.01, 0.1, 1.0, 10.0, 100.0),
        min_length=1,
        description="half widths of the plane, in units of the norm of the directions",
    )
    points: Odd = Field(default=31, ge=3, le=1001, description="number of points along each axis; odd")


def measure(runs: "Runs", settings: Settings, directions: DirectionSettings) -> xr.Dataset:
    """Dataset of zoom.nc."""
    from pinnscape.landscape.zoom import dataset

    return dataset(runs, settings.radii, settings.points, directions)


def metrics(data: xr.Dataset) -> Rows:
    """Convex share at each radius, and distance to the nearest point that is not convex, on the finest plane that has one."""
    for part in rows.each(data, "trained_on", "seed", "loss"):
        owner = str(part["trained_on"].values), int(part["seed"]), "final"
        loss = part["loss"].values
        for radius, share in zip(part["radius"].values, part["convex_share"].values, strict=True):
            yield *owner, f"zoom_convex_share[{loss}, {radius:g}]", float(share)
        found = part["convex_radius"].values[np.argsort(part["radius"].values)]
        yield *owner, f"zoom_convex_radius[{loss}]", float(next((r for r in found if np.isfinite(r)), np.nan))
