"""Splitting of the Hessians of the physics losses into Gauss-Newton part and remainder."""

from collections.abc import Iterator
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
    title="Neural tangent kernel and Gauss-Newton part",
    about="structure",
    question="How much of the Hessian is its Gauss–Newton part, and what is the neural tangent kernel?",
    formula="H = G + R, G = 2JᵀJ (strong form), ∫ D²e[φᵢ, φⱼ] (Deep Ritz); K = JJᵀ",
    source="Wang et al. 2022; Jacot et al. 2018; Novak et al. 2022 (kernel without J)",
    needs=("residuals",),
    caption="""\
Spectra of the Hessian of both physics losses of **{case}**, of its Gauss-Newton part (twice the neural tangent kernel; for Deep
Ritz the energy Gram matrix) and of the remainder, at checkpoints of the run trained on the same loss. All eigenvalues are
divided by the largest eigenvalue of the Hessian. Thick: the first seed; crosses: negative eigenvalues; ‖R‖/‖H‖: share of the
remainder, median over seeds.
""",
)
METRICS = {
    "remainder_share[loss]": "‖R‖_F/‖H‖_F, with the remainder R = H − G of the Gauss-Newton part G",
    "remainder_share_estimate[loss]": "estimate of ‖R‖_F/‖H‖_F, only above `dense_limit`",
    "remainder_share_error[loss]": "standard error of this estimate",
    "gauss_newton_angle_median[loss]": "median angle in degrees between the top eigenspaces of H and G",
    "gauss_newton_effective_rank[loss]": "effective rank of G",
    "gauss_newton_condition_number[loss]": "condition number of G outside its null space",
    "gauss_newton_negative[loss]": "number of negative eigenvalues of G",
    "kernel_lambda_max[loss]": "largest eigenvalue of the neural tangent kernel",
    "kernel_lambda_max[loss/term]": "largest eigenvalue of the block of the kernel that belongs to a single term, if the loss has several",
    "kernel_trace[loss/term]": "trace of this block",
}


class Settings(Section):
    """The Gauss-Newton part of the Hessian, and the neural tangent kernel."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=("init", "final"), min_length=1, description="checkpoints at which the Hessian is split"
    )
    subspace: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="dimension of the top eigenspaces of the Hessian and of the Gauss-Newton part that are compared",
    )
    null_tolerance: float = Field(
        default=1e-10,
        ge=0,
        lt=1,
        description="magnitude up to which eigenvalues count as zero, relative to the largest magnitude",
    )
    eigensolver: EigensolverSettings = overriding(
        "above the limit, the largest eigenvalues of each part are computed and its norm is estimated",
        lanczos_steps=200,
        lanczos_tolerance=1e-6,
    )
    trace_products: int = Field(
        default=60,
        ge=6,
        le=100_000,
        description="number of products with the square of a matrix in the Hutch++ estimate of its norm",
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of ntk.nc."""
    from pinnscape.curvature.ntk import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Norm of the remainder, angle by which it turns the top eigenspace, and spectrum of the Gauss-Newton part of each loss."""
    for trained_on in data["trained_on"].values:
        for seed in data["seed"].values:
            for checkpoint in data["checkpoint"].values:
                for loss in data["loss"].values:
                    point = data.sel(trained_on=trained_on, seed=seed, checkpoint=checkpoint, loss=loss)
                    for metric, value in _split(point):
                        yield str(trained_on), int(seed), str(checkpoint), f"{metric}[{loss}]", value
                for term in data["term"].values if "term" in data else ():
                    point = data.sel(trained_on=trained_on, seed=seed, checkpoint=checkpoint, term=term)
                    largest, trace = point["term_kernel_eigenvalue"].values[0], point["term_kernel_trace"]
                    yield str(trained_on), int(seed), str(checkpoint), f"kernel_lambda_max[{term}]", float(largest)
                    yield str(trained_on), int(seed), str(checkpoint), f"kernel_trace[{term}]", float(trace)


def _split(point: xr.Dataset) -> Iterator[tuple[str, float]]:
    angles = point["angle"].values
    yield "remainder_share", float(point["remainder_share"])
    yield "gauss_newton_angle_median", float(np.median(angles)) if len(angles) else float("nan")
    for name in ("effective_rank", "condition_number"):
        yield f"gauss_newton_{name}", float(point[name].sel(part="gauss-newton"))
    yield "gauss_newton_negative", float(point["negative"].sel(part="gauss-newton"))
    yield "kernel_lambda_max", float(point["kernel_eigenvalue"].values[0])
    for name in ("remainder_share_estimate", "remainder_share_error"):
        if name in point:  # if the share itself would require dense matrices
            yield name, float(point[name])
