"""Sharpness of every loss at the trained points."""

from typing import TYPE_CHECKING

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section
from pinnscape.config.sections import Checkpoint, EigensolverSettings, overriding
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Sharpness",
    about="point",
    question="How much does the loss increase in a small neighbourhood?",
    formula="max of ΔL over |δᵢ| ≤ ε(|θᵢ|+1), over ‖δ‖ ≤ ρ and over ‖S⁻¹δ‖ ≤ ρ; λ_max(H), λ_max(SHS) with S = diag(filter "
    "norms)",
    source="Keskar et al. 2017; Foret et al. 2021; Kwon et al. 2021; Dinh et al. 2017",
    caption="""\
Sharpness at the trained points of **{case}** in six measures. Each marker is one seed, coloured by training loss; the
horizontal axis is the measured loss. The measures in the left column depend on the scale of the parameters. The adaptive ball
and the Hessian in units of the filters are invariant if one layer is scaled and the next one is scaled inversely. Losses have
different scales: compare only values of the same measured loss.
""",
)
_SHARPNESS = ("lambda_max_filter", "epsilon_sharpness", "sam_sharpness", "adaptive_sharpness")
METRICS = {
    "lambda_max_filter[loss]": "largest eigenvalue of the Hessian in units of the filters",
    "epsilon_sharpness[loss]": "largest increase within the box, in percent of 1 + gap",
    "sam_sharpness[loss]": "largest increase within the ball",
    "adaptive_sharpness[loss]": "largest increase within the ball in units of the filters",
    "sam_quadratic[loss]": "largest increase within the ball over its quadratic approximation ρ²λ_max/2",
}


class Settings(Section):
    """How much each loss increases in a small neighbourhood of trained points."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=(),
        min_length=1,
        description="checkpoints at which sharpness is measured, by default the named checkpoints and final",
        examples=[["middle", "final"]],
    )
    epsilon: float = Field(default=1e-3, gt=0, le=1, description="half width of Keskar's box, relative to |theta_i| + 1")
    radius: float = Field(default=0.05, gt=0, le=100, description="radius of the ball (SAM)")
    adaptive_radius: float = Field(default=0.05, gt=0, le=100, description="radius of the ball in units of the filters (ASAM)")
    starts: int = Field(
        default=4,
        ge=0,
        le=1000,
        description="number of random starts of each ascent, besides the point itself and both ends of the top eigenvector",
    )
    iterations: int = Field(default=30, ge=1, le=10_000, description="number of steps of each ascent")
    eigensolver: EigensolverSettings = overriding(
        "above the limit, the trace is estimated by Hutch++", dense_limit=500, lanczos_steps=60, lanczos_tolerance=1e-3
    )
    trace_products: int = Field(default=60, ge=6, le=100_000, description="number of Hessian-vector products of Hutch++")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of sharpness.nc."""
    from pinnscape.curvature.sharpness_file import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Sharpness measures of each loss; the largest eigenvalue and the trace of the Hessian are reported from hessian-*.nc.

    ``sam_quadratic`` is the largest increase within the ball over that of a quadratic with the same largest eigenvalue, and is
    1 if the quadratic model holds.
    """
    for part in rows.each(data, "trained_on", "seed", "checkpoint", "loss"):
        owner = str(part["trained_on"].values), int(part["seed"]), str(part["checkpoint"].values)
        loss = part["loss"].values
        for name in _SHARPNESS:
            yield *owner, f"{name}[{loss}]", float(part[name])
        model = 0.5 * data.attrs["radius"] ** 2 * float(part["lambda_max"])
        yield *owner, f"sam_quadratic[{loss}]", float(part["sam_sharpness"]) / model if model > 0 else float("nan")
