"""Losses on planes through three points."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.sections import PathTraining
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Planes through three points",
    about="training",
    question="What does the loss look like around two seeds, and around both physics minimisers?",
    formula="planes x(b − a) + y(c − a)⊥ through two seeds and the middle of their Bézier curve, and through Deep Ritz "
    "minimiser, strong-form minimiser and initial point; height of the pass between the first two",
    source="Garipov et al. 2018",
    caption="""\
Above: the training loss of two seeds, on the plane of a Bézier curve that connects them and was optimised for the same loss.
Below: each loss on the plane through the Deep Ritz minimiser (R), the strong-form minimiser (S) and the initial point from
which both trainings started. Axes are in units of the distance between the first two points.
""",
    splits=False,
    needs=("compared",),
)
METRICS = {
    "plane_pass[points, loss]": "height of the pass between the first two points of a plane above the higher of them, over "
    "the mean gap of the initial points: between two seeds (seeds; mean over the pairs of a seed), or between the physics "
    "minimisers (physics; reported for both of them)",
}


class Settings(PathTraining):
    """Planes through two seeds and the curve between them, and through both physics minimisers and their initial point."""

    pairs: int = Field(default=1, ge=1, le=10_000, description="maximum number of pairs of seeds")
    points: int = Field(default=51, ge=3, le=10_000, description="number of points along each axis")
    margin: float = Field(default=0.25, gt=0, le=10, description="margin around the three points, relative to their extent")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of three_points.nc."""
    from pinnscape.connectivity.three_points_file import dataset

    return dataset(runs, settings.pairs, settings.points, settings.margin, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Relative heights of passes: between two seeds (mean over the pairs of a seed), and between the physics minimisers."""
    first, second = data["first_seed"].values, data["second_seed"].values
    for seed in np.unique([*first, *second]):
        mean = data["seeds_pass"].isel(pair=np.flatnonzero((first == seed) | (second == seed))).mean("pair", skipna=False)
        for trained_on, loss in rows.points(data, "trained_on", "loss"):
            height = float(mean.sel(trained_on=trained_on, loss=loss))
            yield trained_on, int(seed), "final", f"plane_pass[seeds, {loss}]", height
    compared = data.attrs["compared"].split(", ")
    for seed, loss, trained_on in product(data["seed"].values.tolist(), data["loss"].values.tolist(), compared):
        yield trained_on, seed, "final", f"plane_pass[physics, {loss}]", float(data["physics_pass"].sel(seed=seed, loss=loss))
