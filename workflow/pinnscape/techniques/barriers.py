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
    question="Is there a barrier between seeds on the straight line, also after alignment of the hidden units?",
    formula="max over α of L(θ_α) − ((1−α)L(θ₁) + αL(θ₂)), as trained and after permutations and sign flips of units",
    source="Frankle et al. 2020; Entezari et al. 2022; Ainsworth et al. 2023",
    caption="""\
Straight lines between the final points of two seeds of **{case}**, before and after the hidden units of the second are matched to those
of the first. Above: each loss between the points that it trained. Below: the barrier of each loss, every pair of seeds a line, over the mean
gap of the initial points (1, dotted: the middle of the line is as bad as no training); colours say which loss trained the points.
""",
    splits=False,
)
METRICS = {
    "barrier[path, loss]": "barrier on the line between the final points of two seeds, before (straight) and after alignment (aligned): mean over "
    "the pairs of a seed",
    "barrier_relative[path, loss]": "barrier over the mean gap of the initial points: mean over the pairs of a seed",
    "alignment_distance": "distance between two seeds after over before alignment",
}


class Settings(Section):
    """Losses between the final points of seeds, before and after alignment of their hidden units."""

    points: int = Field(default=41, ge=2, le=100_001, description="on each line")
    starts: int = Field(
        default=4, ge=0, le=1000, description="orders of the layers in which alignment is tried, besides the natural one"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of these orders")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """barriers.nc."""
    from pinnscape.connectivity.barriers import dataset

    return dataset(runs, settings.points, settings.starts, settings.seed)


def metrics(data: xr.Dataset) -> Rows:
    """Barriers of each loss, as trained and aligned, and how much closer alignment brings the points: means over the pairs of a seed."""
    distance = data["distance"]
    closeness = distance.sel(path="aligned", drop=True) / distance.sel(path="straight", drop=True)
    for name, seed, point in rows.over_pairs(data.assign(closeness=closeness)):
        for path in data["path"].values:
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
        yield name, seed, "final", "alignment_distance", float(point["closeness"])
