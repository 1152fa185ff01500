"""Gradients relative to the direction to the final point, and the shape of the trajectory."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Section
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Geometry of the trajectory",
    about="training",
    question="Does the gradient point away from the final point, and how direct is the trajectory?",
    formula="RSI = ⟨g, θ−θ*⟩/‖θ−θ*‖², EB = ‖g‖/‖θ−θ*‖, RSI/EB = cos(g, θ−θ*); length over displacement; angles between steps",
    source="Guille-Escuret et al. 2024",
    caption="""\
Geometry of the trajectories of **{case}**: the component of the gradient along the direction from the final point (RSI) and the
norm of the gradient (EB), both divided by the distance to the final point, and their ratio, the cosine (grey: two random
directions). Turns and lengths are those of the polygon through the snapshots: its length is a lower bound of the length of the
trajectory, and its angles depend on the spacing of the snapshots.
""",
)
METRICS = {
    "rsi_min": "smallest RSI along the trajectory",
    "rsi_positive_share": "share of the snapshots at which RSI is positive",
    "eb_max": "largest EB along the trajectory",
    "cosine_median": "median cosine between the gradient and the direction from the final point",
    "cosine_min": "smallest cosine between the gradient and the direction from the final point",
    "turn_median": "median angle in degrees between successive displacements",
    "path_ratio": "length of the polygon through the snapshots over the distance between its ends",
}


class Settings(Section):
    """Gradients relative to the direction to the final point, and the shape of the trajectory."""

    batch: int = Field(default=16, ge=1, le=10_000, description="number of gradients computed at a time; bounds the memory")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of trajectory_geometry.nc."""
    from pinnscape.connectivity.trajectory_geometry import dataset

    return dataset(runs, settings.batch)


def metrics(data: xr.Dataset) -> Rows:
    """Extremes of RSI and EB, statistics of the cosine to the direction from the final point, and turns and lengths."""
    for trained_on, seed, run in rows.runs(data):
        cosine = run["cosine"].values
        known = cosine[np.isfinite(cosine)]
        for metric, value in {
            "rsi_min": rows.over(np.min, run["rsi"]),
            "rsi_positive_share": float(np.mean(known > 0)) if known.size else float("nan"),
            "eb_max": rows.over(np.max, run["eb"]),
            "cosine_median": rows.over(np.median, run["cosine"]),
            "cosine_min": rows.over(np.min, run["cosine"]),
            "turn_median": rows.over(np.median, run["turn"]),
            "path_ratio": float(run["path_ratio"]),
        }.items():
            yield trained_on, seed, "final", metric, value
