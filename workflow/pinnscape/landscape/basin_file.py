"""Dataset of basin.nc: extent of the basins of trained points along random rays."""

from typing import Any, Literal, Protocol

import numpy as np
import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.landscape import basin
from pinnscape.landscape.directions import normalize
from pinnscape.training.runs import Run, Runs

Kind = Literal["sphere", "filter"]
_STREAM = 12  # second entry of the random seeds of the rays


_BASIN = (*RUN, "loss")
FILE = File(
    "basin.nc",
    {
        "level": Variable(_BASIN, "gap that bounds the basin"),
        "radius": Variable(
            (*_BASIN, "kind", "ray"), "radius at which the gap first exceeds the level; infinite if it does not within the scan"
        ),
        "censored": Variable((*_BASIN, "kind"), "share of rays on which the gap does not exceed the level within the scan"),
        "log_volume": Variable(_BASIN, "logarithm of the volume of the basin"),
        "log_volume_error": Variable(_BASIN, "standard error of the logarithm of the volume"),
        "effective_rays": Variable(_BASIN, "effective number of rays in the estimate of the volume"),
        "log_volume_bound": Variable(_BASIN, "log_volume with censored rays truncated at the end of the scan"),
        "norm": Variable(RUN, "norm of theta at the final point"),
    },
    {
        **OF_RUNS,
        **LOSS,
        "kind": Variable(
            "kind", "sphere (unit vectors; radii are distances) or filter (radii are fractions of the filter norms)"
        ),
        "ray": Variable("ray", "index of the ray"),
    },
    "Attribute `fraction`: difference between the level and the gap at the final point, as a fraction of the decrease of the "
    "loss in training.",
)


class Settings(Protocol):
    """Settings of the rays and of the scan along them; see ``techniques.basin``."""

    fraction: float
    rays: int
    kinds: tuple[Kind, ...]
    smallest: float
    largest: float
    steps: int
    tolerance: float


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """Dataset of basin.nc: radii and logarithm of the volume of the basin of each loss around each final point.

    The level is gap(final) + fraction · (gap(init) - gap(final)), with the gaps of the respective loss: in the basin, the loss
    regains at most this fraction of its decrease in training. This makes losses of different scale comparable.

    Args:
        runs: all runs of a problem.
        settings: settings of the rays and of the scan along them.

    Returns:
        Variables over (trained_on, seed, loss), kind and ray.
    """

    def measure(run: Run) -> xr.Dataset:
        each = _each(runs, run, settings)
        found = {name: np.stack([values[name] for values in each]) for name in each[0]}
        coordinates = {"loss": list(runs.losses), "kind": list(settings.kinds)}
        return FILE.dataset(found | {"norm": np.linalg.norm(run.theta())} | coordinates, outside=RUN)

    return FILE.described(runs.collect(measure).assign_attrs(fraction=settings.fraction))


def _each(runs: Runs, run: Run, settings: Settings) -> list[dict[str, Any]]:
    """The variables of the file for each loss."""
    origin = run.theta()
    unit = basin.rays(len(origin), settings.rays, [run.seed, _STREAM])
    scan = np.geomspace(settings.smallest, settings.largest, settings.steps)
    bundles = {
        "sphere": (unit, scan * np.linalg.norm(origin)),
        "filter": (np.stack([normalize(row, origin, run.layout, "filter", "row") for row in unit]), scan),
    }
    theta, rows = runs.tensor(origin), []
    for loss in runs.losses:
        objective = runs.objective(loss)
        start, end = (float(objective.loss(runs.tensor(run.theta(c)))) - objective.minimum for c in ("init", "final"))
        # If this loss did not decrease in training, the basin is not defined.
        level = end + settings.fraction * (start - end) if start > end else np.nan
        found = {
            kind: basin.radii(objective, theta, runs.tensor(bundles[kind][0]), level, bundles[kind][1], settings.tolerance)
            for kind in settings.kinds
        }
        ball = found.get("sphere", np.array([]))
        volume, bound = (basin.log_volume(r, len(origin)) for r in (ball, np.minimum(ball, bundles["sphere"][1][-1])))
        rows.append({
            "level": level,
            "radius": np.stack(list(found.values())),
            "censored": [np.nan if np.isnan(r).any() else np.mean(np.isinf(r)) for r in found.values()],
            "log_volume": volume.log,
            "log_volume_error": volume.error,
            "effective_rays": volume.effective,
            "log_volume_bound": bound.log,
        })  # fmt: skip
    return rows
