"""Losses and errors along straight lines from initial to final points, and between the final points of two seeds."""

from typing import TYPE_CHECKING

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Section
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Linear interpolation",
    about="training",
    question="Does the loss fall monotonically on the straight line from the initial to the final point?",
    formula="L((1−α)θ₀ + αθ*), α ∈ [−½, 1½]; max over α₁ < α₂ of [L(α₂) − L(α₁)]₊",
    source="Goodfellow et al. 2015; Lucas et al. 2021",
    caption="""\
Losses of **{case}** along straight lines through parameter space: from the initial to the final point of each run (above), and
between the final points of two seeds of the same formulation (below). Each column shows one loss (Deep Ritz: excess of the
energy over that of the exact solution). Colours denote the training loss of the points; lines are thick where it is the loss
shown. A line is interrupted where the loss does not exist.
""",
)
METRICS = {
    "monotone_violation[loss]": "largest rise of the loss on the line from the initial to the final point",
    "monotone_violation_relative[loss]": "this rise, relative to the decrease of the loss from the initial to the final point",
}


class Settings(Section):
    """Losses on straight lines from the initial to the final point, and between the final points of seeds."""

    points: int = Field(default=81, ge=2, le=100_001, description="number of points on each line")
    extension: float = Field(
        default=0.5, ge=0, le=100, description="extension of the lines beyond both ends, as a fraction of their length"
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of interpolation.nc."""
    from pinnscape.connectivity.interpolation import dataset

    return dataset(runs, settings.points, settings.extension)


def metrics(data: xr.Dataset) -> Rows:
    """Violation of monotonicity of each loss between the initial and the final point, absolute and relative to the decrease."""
    for name, seed, point in rows.runs(data):
        for loss in data["loss"].values:
            own = point.sel(loss=loss)
            yield name, seed, "final", f"monotone_violation[{loss}]", float(own["violation"])
            yield name, seed, "final", f"monotone_violation_relative[{loss}]", float(own["relative_violation"])
