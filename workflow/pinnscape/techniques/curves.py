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
Losses between the final points of two seeds, on the straight line and along paths that were optimised for the training loss of
these points: a quadratic Bézier curve, a polygonal chain and a nudged elastic band. Below: the barrier of each kind of path
over the mean gap of the two initial points, one line for each pair of seeds. At 1 (dotted), the barrier is as high as the gap
before training.
""",
    splits=False,
)
METRICS = {
    "barrier[path, loss]": "barrier on a curve between the final points of two seeds; mean over the pairs of a seed",
    "barrier_relative[path, loss]": "this barrier over the mean gap of the initial points; mean over the pairs of a seed",
    "path_length[path]": "length of the curve over the distance between its ends",
}


class Settings(PathTraining):
    """Paths of low loss between the final points of seeds."""

    pairs: int = Field(default=3, ge=1, le=10_000, description="maximum number of pairs of seeds")
    points: int = Field(default=41, ge=3, le=100_001, description="number of points at which a path is evaluated")
    segments: int = Field(default=5, ge=2, le=1000, description="number of segments of the polygonal chain")
    band_steps: int = Field(
        default=150,
        ge=1,
        le=50_000,
        description="number of Adam steps of the elastic band before each insertion of images and after the last",
    )
    images: int = Field(default=4, ge=1, le=1000, description="initial number of images of the band between its ends")
    insertions: int = Field(
        default=3, ge=0, le=100, description="number of times that images are inserted where the band is highest"
    )
    inserted: int = Field(default=2, ge=1, le=100, description="number of images inserted each time")
    stiffness: float = Field(default=1.0, ge=0, le=1e6, description="stiffness of the springs of the band")

    @model_validator(mode="after")
    def _inserted_images_fit(self) -> Self:
        most = self.images + 1
        if self.inserted > most:
            text = f"must be at most the number of segments of the initial band, images + 1 ({most}); got {self.inserted}"
            raise fault(text, "inserted")
        return self


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of curves.nc."""
    from pinnscape.connectivity.curves import dataset
    from pinnscape.connectivity.elastic_band import Band
    from pinnscape.connectivity.trained_paths import Training

    band = Band(settings.band_steps, settings.images, settings.insertions, settings.inserted, settings.stiffness)
    return dataset(runs, settings.pairs, Training.of(settings, settings.points), settings.segments, band)


def metrics(data: xr.Dataset) -> Rows:
    """Barriers of each loss on the paths, and lengths of the paths: means over the pairs of a seed."""
    for name, seed, point in rows.over_pairs(data):
        # The technique `barriers` reports the straight path.
        for path in (str(path) for path in data["path"].values if path != "straight"):
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
            yield name, seed, "final", f"path_length[{path}]", float(point["length"].sel(path=path))
