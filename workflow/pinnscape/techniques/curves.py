"""Losses along curved paths that connect the final points of seeds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

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


def measure(runs: "Runs", settings: Mapping[str, Any]) -> xr.Dataset:
    """curves.nc."""
    from pinnscape.connectivity.curves import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Barriers of each loss and lengths of paths that were trained on the own loss: means over the pairs of a seed."""
    for name, seed, point in rows.over_pairs(data):
        for path in (str(path) for path in data["path"].values if path != "straight"):  # which is among the barriers
            for loss in data["loss"].values:
                own = point.sel(path=path, loss=loss)
                yield name, seed, "final", f"barrier[{path}, {loss}]", float(own["barrier"])
                yield name, seed, "final", f"barrier_relative[{path}, {loss}]", float(own["relative_barrier"])
            yield name, seed, "final", f"path_length[{path}]", float(point["length"].sel(path=path))
