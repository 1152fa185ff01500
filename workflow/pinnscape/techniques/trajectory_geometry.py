"""Gradients against the direction to the final point, and the way there."""

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
    question="Does the gradient point away from the final point, and how direct is the way there?",
    formula="RSI = ⟨g, θ−θ*⟩/‖θ−θ*‖², EB = ‖g‖/‖θ−θ*‖, RSI/EB = cos(g, θ−θ*); length over displacement; angles between steps",
    source="Guille-Escuret et al. 2024",
    caption="""\
Geometry of the trajectories of **{case}**: the gradient along the direction from the final point (RSI), its norm (EB),
both over the distance, and their ratio, the cosine, beside what two random directions would have (grey). Turns and lengths are those of the
polygon through the snapshots: its length is a lower bound of that of the path, and its angles depend on the spacing of the snapshots.
""",
)
METRICS = {
    "rsi_min": "smallest RSI along the trajectory",
    "rsi_positive_share": "share of the snapshots at which RSI is positive",
    "eb_max": "largest EB along the trajectory",
    "cosine_median": "median cosine between the gradient and the direction from the final point",
    "cosine_min": "smallest of these cosines",
    "turn_median": "median angle in degrees between successive displacements",
    "path_ratio": "length of the polygon through the snapshots over the distance of its ends",
}


class Settings(Section):
    """Gradients against the direction to the final point, and the way there."""

    batch: int = Field(default=16, ge=1, le=10_000, description="gradients that are computed at a time; bounds the memory")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """trajectory_geometry.nc."""
    from pinnscape.connectivity.trajectory_geometry import dataset

    return dataset(runs, settings.batch)


def metrics(data: xr.Dataset) -> Rows:
    """Extremes of RSI and EB, of their ratio, the cosine to the direction from the final point, and turns and lengths."""
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
