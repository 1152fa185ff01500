"""Losses on the random plane through each trained point within radii of several orders of magnitude."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Zoom series",
    about="point",
    question="At which radius does the landscape look convex?",
    formula="the random plane at radii from 0.01 to 100; share where its 2×2 Hessian is positive semidefinite",
    source="Li et al. 2018",
    caption="""\
The random plane through the trained points of **{problem}** within radii of several orders of magnitude, in units of the filters: the
own loss above its minimum. Titles give the share of points at which the surface is convex on the scale of the grid. Hatched: no value.
""",
    directions=True,
)
METRICS = {
    "zoom_convex_share[loss, radius]": "share of the plane that is convex, within a radius",
    "zoom_convex_radius[loss]": "distance of the nearest point that is not convex, on the finest plane that has one",
}


def measure(runs: "Runs", settings: Mapping[str, Any]) -> xr.Dataset:
    """zoom.nc."""
    from pinnscape.landscape.zoom import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Convex share within each radius, and the distance to the nearest point that is not convex, of the finest plane that has one."""
    for part in rows.each(data, "formulation", "seed", "loss"):
        owner = str(part["formulation"].values), int(part["seed"]), "final"
        loss = part["loss"].values
        for radius, share in zip(part["radius"].values, part["convex_share"].values, strict=True):
            yield *owner, f"zoom_convex_share[{loss}, {radius:g}]", float(share)
        found = part["convex_radius"].values[np.argsort(part["radius"].values)]
        yield *owner, f"zoom_convex_radius[{loss}]", float(next((r for r in found if np.isfinite(r)), np.nan))
