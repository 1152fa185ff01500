"""Descend by natural gradient towards minimisers."""

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
    title="Vicinity of the minimiser",
    about="point",
    question="What is the Hessian at a point much nearer to a minimiser?",
    formula="energy natural gradient θ ← θ − 2⁻ᵏ G⁺∇L with line search; Hessian at its end",
    source="Müller & Zeinhofer 2023",
    caption="""\
Natural gradient descent in the own loss of **{case}** from checkpoints of each run (above: gap of the loss and relative L²
error) and the spectra of the Hessian at its end points (below), divided by the largest eigenvalue, negative ones crossed. Thin lines: seeds. Gaps no larger than the error of the
quadrature rule are left out.
""",
)
_LAST = ("gap", "quadrature_error", "l2_error", "h1_error", "gradient_norm")  # of a descent, at its end
METRICS = {
    "refined_gap": "gap of the own loss at the end of the natural gradient descent that started at the checkpoint",
    "refined_quadrature_error": "error of this gap by the quadrature rule",
    "refined_l2_error": "relative L2 error there",
    "refined_h1_error": "relative H1 error there",
    "refined_gradient_norm": "norm of the gradient there",
    "refined_steps_taken": "number of steps of the descent",
    "refined_distance": "distance of its end from its start",
    "refined_negative": "number of negative eigenvalues of the Hessian there",
    "refined_negative_at_least": "lower bound of it, only above `dense_limit`",
    "refined_null": "number of numerically zero eigenvalues there",
    "refined_condition_number": "condition number outside the null space there",
    "refined_remainder_share": "‖R‖_F/‖H‖_F there",
    "refined_remainder_share_estimate": "estimate of it, only above `dense_limit`",
    "refined_remainder_share_error": "standard error of this estimate",
    "refined_lambda_min_bound": "a number that the smallest eigenvalue there is at most, only above `dense_limit`",
    "refined_negative_ratio": "max(0, −λ_P/λ₁) there",
}


class Settings(Section):
    """Natural gradient descent to points so near to a minimiser that the signs of small Hessian eigenvalues mean something."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=("init",),
        min_length=1,
        description="where it starts; from final points, where L-BFGS has got stuck, it gains a factor of two only",
    )
    steps: int = Field(default=40, ge=1, le=100_000, description="at most")
    cutoff: float = Field(
        default=1e-15,
        gt=0,
        lt=0.01,
        description="eigenvalues of the Gram matrix below this, relative to the largest, count as zero (raised where only minute steps "
        "help)",
    )
    lengths: int = Field(default=20, ge=1, le=60, description="step lengths 1, 1/2, 1/4, ... that are tried")
    null_tolerance: float = Field(
        default=1e-10,
        ge=0,
        lt=1,
        description="eigenvalues of the Hessian below this, relative to the largest in magnitude, count as zero",
    )
    eigensolver: EigensolverSettings = overriding(
        "beyond the limit the kernel gives directions, or a Krylov space of so many steps where the kernel is too large",
        lanczos_steps=150,
        lanczos_tolerance=1e-6,
    )
    eigenvalues: int = Field(
        default=10, ge=1, le=1000, description="beyond the limit: how many of the largest eigenvalues of the Hessian at the end"
    )
    trace_products: int = Field(
        default=60,
        ge=6,
        le=100_000,
        description="beyond the limit: products with the square of a matrix for its norm, by Hutch++",
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """refinement.nc."""
    from pinnscape.curvature.refinement import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """From refinement.nc, at the checkpoint from which the descent started: where natural gradient leads, and the Hessian of the own loss there."""
    for trained_on in data["trained_on"].values:
        for seed in data["seed"].values:
            for checkpoint in data["checkpoint"].values:
                run = data.sel(trained_on=trained_on, seed=seed, checkpoint=checkpoint)
                last = run.isel(step=int(run["steps_taken"]))
                numbers = {f"vicinity_{name}": float(last[name]) for name in _LAST}
                for name in ("steps_taken", "distance", "negative", "null", "condition_number", "remainder_share"):
                    numbers[f"vicinity_{name}"] = float(run[name])
                for name in ("lambda_min_bound", "negative_at_least", "remainder_share_estimate", "remainder_share_error"):
                    if name in run:  # where the numbers themselves would take dense matrices
                        numbers[f"vicinity_{name}"] = float(run[name])
                numbers["refined_negative_ratio"] = _negative_ratio(float(run["lambda_min"]), float(run["lambda_max"]))
                for metric, value in numbers.items():
                    yield str(trained_on), int(seed), str(checkpoint), metric, value


def _negative_ratio(smallest: float, largest: float) -> float:
    """max(0, -λmin / λmax); NaN where unknown, or λmax is not positive."""
    return max(0.0, -smallest / largest) if largest > 0.0 and np.isfinite(smallest) else float("nan")
