"""Spread of the training loss, its gradient and its largest eigenvalue over mini-batches, or over draws of random points."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section
from pinnscape.config.sections import Checkpoint, EigensolverSettings, overriding
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Noise of mini-batches and points",
    about="point",
    question="How much do the loss, its gradient and its largest eigenvalue depend on the mini-batch or on the random points?",
    formula="L_b, ‖g_b‖, λ_max(H_b) for batches b; noise scale tr Cov(g_b)/‖g‖²",
    source="McCandlish et al. 2018",
    needs=("draws",),
    caption="""\
Training loss, norm of its gradient and largest eigenvalue of its Hessian for **{case}** on mini-batches or on newly drawn random
points (dots), and for the loss that the study analyses (bars), at checkpoints. The noise scale is the total variance of the
gradient over the squared norm of the gradient of the analysed loss: above 1, a single batch says little about the direction of
descent.
""",
)
METRICS = {
    "noise_loss": "standard deviation of the loss over draws, relative to their mean",
    "noise_lambda_max": "standard deviation of the largest eigenvalue over draws, relative to their mean",
    "noise_scale": "total variance of the gradient over draws, relative to the squared norm of the gradient",
}


class Settings(Section):
    """Spread over mini-batches, or over draws of random points."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=("init", "final"), min_length=1, description="checkpoints at which the spread is measured"
    )
    draws: int = Field(default=12, ge=2, le=10_000, description="number of draws; at most the number of mini-batches")
    eigensolver: EigensolverSettings = overriding(dense_limit=0, lanczos_steps=200, lanczos_tolerance=1e-3)


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of noise.nc."""
    from pinnscape.curvature.noise import dataset

    return dataset(runs, settings.checkpoints, settings.draws, settings.eigensolver)


def metrics(data: xr.Dataset) -> Rows:
    """Relative spread of loss and largest eigenvalue, and noise scale of the gradient, at each checkpoint."""
    for part in rows.each(data, "trained_on", "seed", "checkpoint"):
        owner = str(part["trained_on"].values), int(part["seed"]), str(part["checkpoint"].values)
        yield *owner, "noise_loss", _relative(part["loss"].values)
        yield *owner, "noise_lambda_max", _relative(part["lambda_max"].values)
        yield *owner, "noise_scale", float(part["noise_scale"])


def _relative(values: np.ndarray) -> float:
    """Standard deviation over the magnitude of the mean; NaN if a value is NaN or the mean is 0."""
    mean = abs(float(values.mean()))
    return float(values.std(ddof=1)) / mean if mean > 0 else float("nan")
