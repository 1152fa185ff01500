"""Persistence diagrams of the losses on stored planes."""

from collections.abc import Mapping

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Section
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

TECHNIQUE = Technique(
    title="Topology of surfaces",
    about="structure",
    question="How many minima and rings does a surface have, and how deep are they?",
    formula="sublevel persistence (birth, death) of minima and rings, join tree, SMAD = mean |f(saddle) − f(minimum)|",
    source="Wagner et al. 2012; Carr et al. 2003",
    caption="""\
Topology of the losses of **{case}** on random planes. Above: each marker is a minimum and the saddle at which its basin merges
with a deeper one, at the values of the loss at both; the further from the diagonal, the deeper the basin. Below: the tree in
which the basins of a surface merge.
""",
    surfaces=("random", "trajectory"),
    splits=False,
)
METRICS = {
    "minima[plane, loss]": "number of minima of the loss on the plane",
    "minima_inside[plane, loss]": "number of minima of the loss that are not at an edge of the plane",
    "rings[plane, loss]": "number of rings of low loss around a region of higher loss",
    "smad[plane, loss]": "mean height of saddles above their paired minima, relative to the extent of the surface",
}


class Settings(Section):
    """Minima, saddles and rings of the losses on the random and trajectory planes."""

    threshold: float = Field(
        default=1e-3,
        ge=0,
        lt=1,
        description="persistence above which a minimum or ring counts, relative to the extent of the surface",
    )
    quantile: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="the extent is the difference between this quantile and the smallest value, because the largest values of "
        "a surface span many decades",
    )


def measure(surfaces: Mapping[tuple[str, int, str], xr.Dataset], settings: Settings) -> xr.Dataset:
    """Dataset of topology.nc."""
    from pinnscape.landscape.topology_file import dataset

    return dataset(surfaces, settings.threshold, settings.quantile)


def metrics(data: xr.Dataset) -> Rows:
    """Numbers of minima and rings, and relative SMAD of each loss on each plane."""
    names = {"minima": "minima", "minima_inside": "minima_inside", "rings": "rings", "smad_relative": "smad"}
    for trained_on, seed, plane, loss in rows.points(data, "trained_on", "seed", "plane", "loss"):
        own = data.sel(trained_on=trained_on, seed=seed, plane=plane, loss=loss)
        for name, metric in names.items():
            yield trained_on, seed, "final", f"{metric}[{plane}, {loss}]", float(own[name])
