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
Topology of the losses of **{case}** on random planes: each point is a minimum whose basin joins a deeper one at a saddle, by the values of
both; the further from the diagonal, the deeper the basin. Below: the tree in which the basins of one surface join.
""",
    surfaces=("random", "trajectory"),
    splits=False,
)
METRICS = {
    "minima[plane, loss]": "number of minima of the loss on the plane",
    "minima_inside[plane, loss]": "number of those that are not at an edge",
    "rings[plane, loss]": "number of rings of low loss around a higher part",
    "smad[plane, loss]": "mean height of the saddles above the minima that they end, over the extent of the surface",
}


class Settings(Section):
    """Minima, saddles and rings of the losses on the random and trajectory planes."""

    threshold: float = Field(
        default=1e-3, ge=0, lt=1, description="persistence above which a pair counts, relative to the extent of the surface"
    )
    quantile: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="the extent reaches from the smallest value to this quantile: the top of a surface spans many decades",
    )


def measure(surfaces: Mapping[tuple[str, int, str], xr.Dataset], settings: Settings) -> xr.Dataset:
    """topology.nc."""
    from pinnscape.landscape.topology_file import dataset

    return dataset(surfaces, settings.threshold, settings.quantile)


def metrics(data: xr.Dataset) -> Rows:
    """Rows (trained_on, seed, checkpoint, metric, value) of topology.nc: numbers of minima and of rings, relative SMAD."""
    names = {"minima": "minima", "minima_inside": "minima_inside", "rings": "rings", "smad_relative": "smad"}
    for trained_on, seed, plane, loss in rows.points(data, "trained_on", "seed", "plane", "loss"):
        own = data.sel(trained_on=trained_on, seed=seed, plane=plane, loss=loss)
        for name, metric in names.items():
            yield trained_on, seed, "final", f"{metric}[{plane}, {loss}]", float(own[name])
