"""Natural gradient descent towards minimisers."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section
from pinnscape.config.sections import Checkpoint, EigensolverSettings, overriding
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Natural-gradient refinement",
    about="point",
    question="What does the Hessian look like at a point much closer to a minimiser?",
    formula="energy natural gradient descent θ ← θ − 2⁻ᵏ G⁺∇L with line search; Hessian at the last point",
    source="Müller & Zeinhofer 2023",
    needs=("residuals",),
    caption="""\
Natural gradient descent in the training loss of **{case}** from checkpoints of each run: gap and relative L² error (above), and
spectra of the Hessian at the last points (below), divided by the largest eigenvalue. Crosses: negative eigenvalues; thin lines:
seeds. Gaps no larger than the quadrature error are left out.
""",
)
_LAST = (
    "gap",
    "quadrature_error",
    "l2_error",
    "h1_error",
    "gradient_norm",
)  # variables reported at the last point of a descent
METRICS = {
    "refined_gap": "gap of the training loss at the refined point, the last one of the natural gradient descent from the "
    "checkpoint",
    "refined_quadrature_error": "quadrature error of this gap",
    "refined_l2_error": "relative L2 error at the refined point",
    "refined_h1_error": "relative H1 error at the refined point",
    "refined_gradient_norm": "norm of the gradient at the refined point",
    "refined_steps_taken": "number of steps of the descent",
    "refined_distance": "distance between the checkpoint and the refined point",
    "refined_negative": "number of negative eigenvalues of the Hessian at the refined point",
    "refined_negative_at_least": "lower bound of the number of negative eigenvalues, only above `dense_limit`",
    "refined_nullity": "number of numerically zero eigenvalues of the Hessian at the refined point",
    "refined_condition_number": "condition number of the Hessian at the refined point outside its null space",
    "refined_remainder_share": "‖R‖_F/‖H‖_F at the refined point",
    "refined_remainder_share_estimate": "estimate of ‖R‖_F/‖H‖_F at the refined point, only above `dense_limit`",
    "refined_remainder_share_error": "standard error of this estimate",
    "refined_lambda_min_bound": "upper bound of the smallest eigenvalue at the refined point, only above `dense_limit`",
    "refined_negative_ratio": "max(0, −λ_P/λ₁) at the refined point",
}


class Settings(Section):
    """Natural gradient descent to points so close to a minimiser that signs of small Hessian eigenvalues are significant."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=("init",),
        min_length=1,
        description="checkpoints at which the descent starts; from final points, where L-BFGS has stagnated, it gains only a "
        "factor of two",
    )
    steps: int = Field(default=40, ge=1, le=100_000, description="maximum number of steps")
    cutoff: float = Field(
        default=1e-15,
        gt=0,
        lt=0.01,
        description="eigenvalues of the Gram matrix below this value, relative to the largest, count as zero; the value is "
        "raised if only minute steps decrease the loss",
    )
    lengths: int = Field(default=20, ge=1, le=60, description="number of step lengths 1, 1/2, 1/4, ... that are tried")
    null_tolerance: float = Field(
        default=1e-10,
        ge=0,
        lt=1,
        description="magnitude up to which eigenvalues of the Hessian count as zero, relative to the largest magnitude",
    )
    eigensolver: EigensolverSettings = overriding(
        "above the limit, directions are computed from the kernel, or in a Krylov space of lanczos_steps dimensions if the "
        "kernel is too large",
        lanczos_steps=150,
        lanczos_tolerance=1e-6,
    )
    eigenvalues: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="number of the largest Hessian eigenvalues computed at the last point above the dense limit",
    )
    trace_products: int = Field(
        default=60,
        ge=6,
        le=100_000,
        description="number of products with the square of a matrix in the Hutch++ estimate of its norm above the dense limit",
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of refinement.nc."""
    from pinnscape.curvature.refinement import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """The last point of each descent and the Hessian of the training loss there, assigned to the checkpoint of the start."""
    for trained_on in data["trained_on"].values:
        for seed in data["seed"].values:
            for checkpoint in data["checkpoint"].values:
                run = data.sel(trained_on=trained_on, seed=seed, checkpoint=checkpoint)
                last = run.isel(step=int(run["steps_taken"]))
                numbers = {f"refined_{name}": float(last[name]) for name in _LAST}
                for name in ("steps_taken", "distance", "negative", "nullity", "condition_number", "remainder_share"):
                    numbers[f"refined_{name}"] = float(run[name])
                for name in ("lambda_min_bound", "negative_at_least", "remainder_share_estimate", "remainder_share_error"):
                    if name in run:  # if the numbers themselves would require dense matrices
                        numbers[f"refined_{name}"] = float(run[name])
                numbers["refined_negative_ratio"] = _negative_ratio(float(run["lambda_min"]), float(run["lambda_max"]))
                for metric, value in numbers.items():
                    yield str(trained_on), int(seed), str(checkpoint), metric, value


def _negative_ratio(smallest: float, largest: float) -> float:
    """The ratio max(0, -λmin / λmax); NaN if an eigenvalue is unknown or λmax is not positive."""
    return max(0.0, -smallest / largest) if largest > 0.0 and np.isfinite(smallest) else float("nan")
