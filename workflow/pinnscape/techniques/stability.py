"""Hessian spectra along training, and trainings at the edge of stability."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section, ordered
from pinnscape.config.sections import EigensolverSettings, overriding
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Edge of stability",
    about="training",
    question="Does training reach the edge of stability?",
    formula="λ_max along training; gradient descent: λ_max η → 2; Adam: λ_max(D^−½ H D^−½) → 38/η",
    source="Cohen et al. 2021; Cohen et al. 2022",
    caption="""\
Curvature and the edge of stability for **{case}**. Above: the largest and the smallest Hessian eigenvalues along the trainings.
Below: gradient descent with constant step sizes η from the same initial points, and its largest Hessian eigenvalue over 2/η;
Adam with constant learning rates η, and the largest eigenvalue of its preconditioned Hessian over 38/η. One line for each seed;
ratios above 2 are cut off.
""",
    costly=True,
)
_EXCESS = 0.02  # relative distance of a largest eigenvalue from its upper bound above which the eigenvalue counts as unknown
METRICS = {
    "sharpening": "largest Hessian eigenvalue at the end of training over that at the start",
    "sharpness_max": "largest Hessian eigenvalue along training",
    "gd_edge[fraction]": "median of λ_max η/2 in the last quarter of gradient descent",
    "gd_peak[fraction]": "maximum of λ_max η/2 in the last quarter of gradient descent",
    "gd_diverged[fraction]": "step at which gradient descent diverged",
    "adam_edge[rate]": "median of λ_max η/38 in the last quarter of Adam, with λ_max of the preconditioned Hessian",
    "adam_peak[rate]": "maximum of λ_max η/38 in the last quarter of Adam, with λ_max of the preconditioned Hessian",
    "adam_diverged[rate]": "step at which Adam diverged",
}


class Settings(Section):
    """Spectra of Hessians along training, and trainings at the edge of stability."""

    points: int = Field(
        default=8,
        ge=2,
        le=1000,
        description="number of snapshots whose spectra are computed, logarithmically spaced, including the first and the last",
    )
    eigenvalues: int = Field(
        default=5, ge=1, le=1000, description="number of the largest eigenvalues; the smallest one is always computed too"
    )
    eigensolver: EigensolverSettings = overriding(dense_limit=1000, lanczos_steps=200, lanczos_tolerance=1e-6)
    fractions: Distinct[Annotated[float, Field(gt=0, le=1000, description="a fraction")]] = Field(
        default=(0.25, 0.5, 1.0, 2.0),
        description="step sizes of gradient descent, relative to 2 / lambda_max at the initial point; the list may be empty",
    )
    adam_rates: Distinct[Annotated[float, Field(gt=0, le=10, description="a learning rate")]] = Field(
        default=(0.003, 0.01, 0.03), description="constant learning rates of Adam; the list may be empty"
    )
    steps: int = Field(
        default=2000,
        ge=1,
        le=10_000_000,
        description="number of steps of these trainings, which start from the initial points of the runs",
    )
    record_every: int = Field(
        default=20, ge=1, le=50_000, description="number of steps between two records of loss and curvature"
    )
    divergence: float = Field(
        default=1e6, gt=1, description="ratio of the gap to the initial gap above which a training counts as diverged"
    )

    _order = ordered("record_every", "steps")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of stability.nc."""
    from pinnscape.curvature.stability import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Sharpness along the run, and curvature of gradient descent and Adam relative to their stability thresholds.

    ``gd_edge`` and ``adam_edge`` are medians, and ``gd_peak`` and ``adam_peak`` maxima, of the ratio of curvature to threshold
    in the last quarter of the records. They are NaN if the training diverged, or if the largest eigenvalue of one of these
    records is not known to 2 %. ``gd_diverged`` and ``adam_diverged`` are the step at which the training diverged; NaN if it
    did not.
    """
    for trained_on, seed, run in rows.runs(data):
        sharpness = run["eigenvalue"].sel(eigen=0).values
        measured = np.isfinite(run["eigenvalue_at_least"].sel(eigen=0).values)
        # All values are needed: an eigenvalue of which only a lower bound is known may be the largest along the run.
        known = sharpness[measured & np.isfinite(sharpness[measured]).all()]
        yield trained_on, seed, "final", "sharpening", float(known[-1] / sharpness[0]) if known.size else float("nan")
        yield trained_on, seed, "final", "sharpness_max", rows.over(np.max, known)
        yield from _edges(trained_on, seed, run, "gd", "fraction", run["gd_sharpness"] * run["gd_rate"] / 2)
        yield from _edges(trained_on, seed, run, "adam", "rate", run["adam_preconditioned"] * run["rate"] / 38)


def _edges(trained_on: str, seed: int, run: xr.Dataset, prefix: str, which: str, ratio: xr.DataArray) -> Rows:
    late = run["record"] > 0.75 * run["record"].max()
    for size in run[which].values:
        diverged = float(run[f"{prefix}_diverged"].sel({which: size}))
        own = ratio.sel({which: size}).where(late & np.isnan(diverged))
        open_ = np.isfinite(own) & (run[f"{prefix}_excess"].sel({which: size}) > _EXCESS)
        own = own.where(not bool(open_.any()))
        yield trained_on, seed, "init", f"{prefix}_edge[{size:g}]", rows.over(np.median, own)
        yield trained_on, seed, "init", f"{prefix}_peak[{size:g}]", rows.over(np.max, own)
        yield trained_on, seed, "init", f"{prefix}_diverged[{size:g}]", diverged
