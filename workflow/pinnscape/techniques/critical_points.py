"""Searches for critical points of the trained losses."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Distinct, Section
from pinnscape.config.sections import EigensolverSettings, overriding
from pinnscape.landscape.similarity import spearman
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Critical points",
    about="point",
    question="Which critical points are there, of which index?",
    formula="min ½‖g‖² from many starts; index = #{λ < 0} against the gap; gradient-flat where ‖Hg‖/‖g‖² ≈ 0 although g ≠ 0",
    source="Dauphin et al. 2014; Pennington & Bahri 2017; Frye et al. 2021",
    caption="""\
Where searches for critical points of **{case}** end, from snapshots along the trainings and from random points, for all seeds:
share of negative eigenvalues of the Hessian (above) and norm of the gradient relative to that at the initial point (below) against the loss above its
minimum. Filled: critical, the gradient is below the dashed line; triangles: gradient-flat; crosses: neither when the search ended.
""",
    costly=True,
)
METRICS = {
    "critical_share": "share of the searches, of those whose start has a loss, that end at a critical point",
    "gradient_flat_share": "share of these searches that end at a gradient-flat point",
    "critical_index_spearman": "rank correlation of the share of negative eigenvalues with the rank of the loss, over the critical points",
    "critical_index_fraction": "median share of negative eigenvalues at the critical points",
    "critical_losses": "number of distinct losses of critical points",
    "critical_minima": "number of those without negative eigenvalues; empty where only the ends of spectra are known",
}


class Settings(Section):
    """Searches for critical points of any index by minimising the gradient's norm, from many starts."""

    snapshots: int = Field(
        default=6,
        ge=2,
        le=10_000,
        description="starts along each training, logarithmically spaced, the first and the last among them",
    )
    random: int = Field(default=2, ge=0, le=10_000, description="random starts at each scale, drawn as initial points are")
    scales: Distinct[Annotated[float, Field(gt=0, le=1e6, description="a scale")]] = Field(
        default=(1.0, 2.0), description="of the random starts, relative to initial points"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the random starts")
    steps: int = Field(default=3000, ge=0, le=10_000_000, description="of L-BFGS, at most, for one search")
    history_size: int = Field(default=50, ge=1, le=1000, description="number of pairs that L-BFGS keeps")
    hessians: int = Field(default=15, ge=0, le=100_000, description="that the Newton steps after it may take, at most")
    eigensolver: EigensolverSettings = overriding(
        "beyond the limit no Newton steps are taken, and both ends of the spectrum alone are computed",
        dense_limit=1000,
        lanczos_steps=200,
        lanczos_tolerance=1e-6,
    )
    goal: float = Field(
        default=1e-7,
        gt=0,
        lt=1,
        description="a point is critical where the gradient's norm, relative to that at the initial point, is at most this",
    )
    flat: float = Field(
        default=0.1,
        ge=0,
        le=1e6,
        description="a point is gradient-flat where the gradient's norm changes by at most this share over the norm of the initial point",
    )
    null_tolerance: float = Field(
        default=1e-6,
        ge=0,
        lt=1,
        description="eigenvalues of at most this, relative to the largest in magnitude, count as zero: at a gradient of goal smaller "
        "ones mean nothing",
    )
    same: float = Field(
        default=1e-3,
        ge=0,
        lt=1,
        description="critical points whose losses above the minimum differ by at most this, relatively, count as one loss",
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """critical_points.nc."""
    from pinnscape.landscape.critical_points_file import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """How searches end, and how index and loss go together at the critical points that they find.

    Shares are of the searches whose start has a loss. The correlation is that of the index with the rank of the distinct losses, as equal ones differ
    by rounding; NaN where all losses or all indices are the same. Minima are distinct losses of critical points without negative eigenvalues; NaN where
    only the ends of the spectra are known.

    Args:
        data: critical_points.nc.
    """
    meanings = data["kind"].attrs["flag_meanings"].split(" ")
    for trained_on, seed, own in rows.runs(data):
        kinds = np.array(meanings)[own["kind"].values]
        searches, critical = int((kinds != "no-loss").sum()), kinds == "critical"
        levels, fractions = own["level"].values[critical], own["index_fraction"].values[critical]
        values = {
            "critical_share": critical.sum() / searches if searches else np.nan,
            "gradient_flat_share": (kinds == "gradient-flat").sum() / searches if searches else np.nan,
            "critical_index_spearman": spearman(fractions, levels),
            "critical_index_fraction": np.median(fractions) if len(fractions) else np.nan,
            "critical_losses": len(np.unique(levels)),
            "critical_minima": len(np.unique(levels[fractions == 0])) if np.isfinite(fractions).all() else np.nan,
        }
        for name, value in values.items():
            yield trained_on, seed, "all", name, float(value)
