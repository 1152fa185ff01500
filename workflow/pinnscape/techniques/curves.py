"""Losses along curved paths that connect the final points of seeds."""

from typing import TYPE_CHECKING, Self

import xarray as xr
from pydantic import Field, model_validator

from pinnscape.config.section import fault
from pinnscape.config.sections import PathTraining
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Curved paths between seeds",
    about="training",
    question="Are seeds connected by a curved path of low loss?",
    formula="min over paths from θ₁ to θ₂ of log ‖gap‖_{L²(path)}: quadratic Bézier curve, polygonal chain; nudged elastic band on √gap",
    source="Garipov et al. 2018; Draxler et al. 2018",
    caption="""\
Losses between the final points of seeds, on the straight line and along paths that were trained on the loss of these points: a quadratic Bézier
curve, a polygonal chain and a nudged elastic band. Below, the barrier of each kind of path over the mean gap of the two initial points, one line
for a pair of seeds; at 1 (dotted) the way is as high as the start of the training.
""",
    splits=False,
)
METRICS = {
    "barrier[path, loss]": "barrier between the final points of two seeds on a curve: mean over the pairs of a seed",
    "barrier_relative[path, loss]": "this barrier over the mean gap of the initial points",
    "path_length[path]": "length of the curve over the distance of its ends",
}


class Settings(PathTraining):
    """Paths between the final points of seeds that are trained to have a low loss."""

    pairs: int = Field(default=3, ge=1, le=10_000, description="of seeds, at most")
    points: int = Field(default=41, ge=3, le=100_001, description="at which a path is evaluated")
    segments: int = Field(default=5, ge=2, le=1000, description="of the chain")
    band_steps: int = Field(
        default=150, ge=1, le=50_000, description="of Adam, for the band, before each insertion and after the last"
    )
    images: int = Field(default=4, ge=1, le=1000, description="control points of the band between the two points, at first")
    insertions: int = Field(
        default=3, ge=0, le=100, description="times that control points are inserted where the band rises highest"
    )
    inserted: int = Field(default=2, ge=1, le=100, description="control points each time")
    stiffness: float = Field(default=1.0, ge=0, le=1e6, description="of the band's springs")

    @model_validator(mode="after")
    def _segments_take_what_is_inserted(self) -> Self:
        most = self.images + 1
        if self.inserted > most:
            text = f"must be at most the segments of the first band, images + 1 ({most}); got {self.inserted}"
            raise fault(text, "inserted")
        return self


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """curves.nc."""
    from pinnscape.connectivity.curves import dataset
    from pinnscape.connectivity.elastic_band import Band
    from pinnscape.connectivity.trained_paths import Training

    band = Band(settings.band_steps, settings.images, settings.insertions, settings.inserted, settings.stiffness)
    return dataset(runs, settings.pairs, Training.of(settings, settings.points), settings.segments, band)


def metrics(data: xr.Dataset) -> Rows:
    """Barriers of each loss and lengths of paths that were trained on the own loss: means over the pairs of a seed."""
    for name, seed, point in rows.over_pairs(data):
        for path in (str(path) for path in data["path"].values if path != "straight"):  # which is among the barriers
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
            yield name, seed, "final", f"path_length[{path}]", float(point["length"].sel(path=path))
