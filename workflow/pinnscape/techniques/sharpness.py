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
    question="How much does the loss grow in a small neighbourhood?",
    formula="max of ΔL over |δᵢ| ≤ ε(|θᵢ|+1), over ‖δ‖ ≤ ρ and over ‖S⁻¹δ‖ ≤ ρ; λ_max(H), λ_max(SHS) with S the norms of the filters",
    source="Keskar et al. 2017; Foret et al. 2021; Kwon et al. 2021; Dinh et al. 2017",
    caption="""\
Sharpness at the trained points of **{case}**: each marker is one seed, its colour the formulation that trained the point, its
column the loss that is measured there. The left column bends with the scale of the parameters; the adaptive ball and the Hessian in units of the filters
do not change where a layer is scaled and the next one scaled back. Losses have different scales: compare within a column.
""",
)
_SHARPNESS = ("lambda_max_filter", "epsilon_sharpness", "sam_sharpness", "adaptive_sharpness")
METRICS = {
    "lambda_max_filter[loss]": "largest eigenvalue of the Hessian in units of the filters",
    "epsilon_sharpness[loss]": "largest increase within the box, in percent of 1 + gap",
    "sam_sharpness[loss]": "largest increase within the ball",
    "adaptive_sharpness[loss]": "largest increase within the ball in units of the filters",
    "sam_quadratic[loss]": "SAM sharpness over ρ²λ_max/2",
}


class Settings(Section):
    """How much each loss grows in a small neighbourhood of trained points."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=(),
        min_length=1,
        description="points at which it is measured, by default the named checkpoints and final",
        examples=[["middle", "final"]],
    )
    epsilon: float = Field(default=1e-3, gt=0, le=1, description="half width of Keskar's box, relative to |theta_i| + 1")
    radius: float = Field(default=0.05, gt=0, le=100, description="of the ball (SAM)")
    adaptive_radius: float = Field(default=0.05, gt=0, le=100, description="of the ball in units of the filters (ASAM)")
    starts: int = Field(
        default=4,
        ge=0,
        le=1000,
        description="random starts of each ascent, besides the point itself and both ends of the top eigenvector",
    )
    iterations: int = Field(default=30, ge=1, le=10_000, description="steps of each ascent")
    eigensolver: EigensolverSettings = overriding(
        "beyond the limit the trace is an estimate by Hutch++", dense_limit=500, lanczos_steps=60, lanczos_tolerance=1e-3
    )
    trace_products: int = Field(default=60, ge=6, le=100_000, description="Hessian-vector products of Hutch++")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """sharpness.nc."""
    from pinnscape.curvature.sharpness_file import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Four measures of each loss; the largest eigenvalue and the trace of the Hessian are in its own file.

    ``sam_quadratic`` is the increase within the ball over that of a quadratic with the same largest eigenvalue: 1 where the quadratic model holds.
    """
    for part in rows.each(data, "trained_on", "seed", "checkpoint", "loss"):
        owner = str(part["trained_on"].values), int(part["seed"]), str(part["checkpoint"].values)
        loss = part["loss"].values
        for name in _SHARPNESS:
            yield *owner, f"{name}[{loss}]", float(part[name])
        model = 0.5 * data.attrs["radius"] ** 2 * float(part["lambda_max"])
        yield *owner, f"sam_quadratic[{loss}]", float(part["sam_sharpness"]) / model if model > 0 else float("nan")
