"""Losses and errors along the straight lines from initial to final points and between final points of seeds."""

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
Losses of **{case}** along straight lines through parameter space: from the initial to the final point of each run (above) and
between the final points of two seeds of the same formulation (below). Columns are the losses evaluated (Deep Ritz as the energy above that of
the exact solution), colours the loss that trained the points, thick where it is the same; a gap means that the loss does not exist there.
""",
)
METRICS = {
    "monotone_violation[loss]": "largest rise of the loss from the initial to the final point",
    "monotone_violation_relative[loss]": "this rise over the fall of the loss",
}


class Settings(Section):
    """Losses on straight lines from the initial to the final point, and between the final points of seeds."""

    points: int = Field(default=81, ge=2, le=100_001, description="on each line")
    extension: float = Field(
        default=0.5, ge=0, le=100, description="the lines reach this far beyond both ends, as a fraction of their length"
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """interpolation.nc."""
    from pinnscape.connectivity.interpolation import dataset

    return dataset(runs, settings.points, settings.extension)


def metrics(data: xr.Dataset) -> Rows:
    """The monotone violation of each loss on the line from the initial to the final point, as such and over the decrease of the loss."""
    for name, seed, point in rows.runs(data):
        for loss in data["loss"].values:
            own = point.sel(loss=loss)
            yield name, seed, "final", f"monotone_violation[{loss}]", float(own["violation"])
            yield name, seed, "final", f"monotone_violation_relative[{loss}]", float(own["relative_violation"])
