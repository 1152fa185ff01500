"""Barriers on the straight lines between the final points of seeds, before and after alignment."""

from typing import TYPE_CHECKING

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Section
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Barriers between seeds",
    about="training",
    question="Is there a barrier on the straight line between seeds, before and after alignment of the hidden units?",
    formula="max over α of L(θ_α) − ((1−α)L(θ₁) + αL(θ₂)), as trained and after permutations and sign flips of units",
    source="Frankle et al. 2020; Entezari et al. 2022; Ainsworth et al. 2023",
    caption="""\
Straight lines between the final points of two seeds of **{case}**, before and after the hidden units of the second network are
matched to those of the first. Above: each loss between points trained on the same loss. Below: the barrier of each loss over
the mean gap of the initial points, one line for each pair of seeds, coloured by training loss. At 1 (dotted), the loss on the
line is as high as before training.
""",
    splits=False,
    needs=("permutable",),
)
METRICS = {
    "barrier[path, loss]": "barrier on the line between the final points of two seeds, before (straight) and after alignment "
    "(aligned); mean over the pairs of a seed",
    "barrier_relative[path, loss]": "this barrier over the mean gap of the initial points; mean over the pairs of a seed",
    "alignment_distance": "distance between two seeds after alignment over that before alignment",
}


class Settings(Section):
    """Losses between the final points of seeds, before and after alignment of their hidden units."""

    points: int = Field(default=41, ge=2, le=100_001, description="number of points on each line")
    starts: int = Field(
        default=4, ge=0, le=1000, description="number of random starts of the alignment, besides three deterministic ones"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="random seed of the alignment")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of barriers.nc."""
    from pinnscape.connectivity.barriers import dataset

    return dataset(runs, settings.points, settings.starts, settings.seed)


def metrics(data: xr.Dataset) -> Rows:
    """Barriers of each loss before and after alignment, and ratio of the distances: means over the pairs of a seed."""
    distance = data["distance"]
    closeness = distance.sel(path="aligned", drop=True) / distance.sel(path="straight", drop=True)
    for name, seed, point in rows.over_pairs(data.assign(closeness=closeness)):
        for path in data["path"].values:
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
        yield name, seed, "final", "alignment_distance", float(point["closeness"])
