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
    question="Which critical points does the loss have, and of which index?",
    formula="min ½‖g‖² from many starts; index = #{λ < 0} against the gap; gradient-flat where ‖Hg‖/‖g‖² ≈ 0 although g ≠ 0",
    source="Dauphin et al. 2014; Pennington & Bahri 2017; Frye et al. 2021",
    caption="""\
End points of searches for critical points of **{case}**, started from snapshots along the trainings and from random points, for
all seeds: share of negative eigenvalues of the Hessian (above) and norm of the gradient relative to that at the initial point
(below) against the gap. Filled: critical points, with a gradient below the dashed line; triangles: gradient-flat points;
crosses: neither.
""",
    costly=True,
)
METRICS = {
    "critical_share": "share of searches that end at a critical point, among those at whose start the loss exists",
    "gradient_flat_share": "share of searches that end at a gradient-flat point, among those at whose start the loss exists",
    "critical_index_spearman": "rank correlation of the share of negative eigenvalues with the rank of the loss, over the critical points",
    "critical_index_fraction": "median share of negative eigenvalues at the critical points",
    "critical_losses": "number of distinct loss values at critical points",
    "critical_minima": "number of distinct loss values at critical points without negative eigenvalues; empty if only the "
    "ends of spectra are known",
}


class Settings(Section):
    """Searches for critical points of any index by minimising the norm of the gradient from many starts."""

    snapshots: int = Field(
        default=6,
        ge=2,
        le=10_000,
        description="number of snapshots of each training used as starts, logarithmically spaced, including the first and the "
        "last",
    )
    random: int = Field(
        default=2, ge=0, le=10_000, description="number of random starts at each scale, drawn like initial points"
    )
    scales: Distinct[Annotated[float, Field(gt=0, le=1e6, description="a scale")]] = Field(
        default=(1.0, 2.0), description="scales of the random starts, relative to initial points"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="random seed of these starts")
    steps: int = Field(default=3000, ge=0, le=10_000_000, description="maximum number of L-BFGS steps of one search")
    history_size: int = Field(default=50, ge=1, le=1000, description="number of pairs (s, y) stored by L-BFGS")
    hessians: int = Field(
        default=15, ge=0, le=100_000, description="maximum number of Hessians computed for the subsequent Newton steps"
    )
    eigensolver: EigensolverSettings = overriding(
        "above the limit, no Newton steps are taken, and only both ends of the spectrum are computed",
        dense_limit=1000,
        lanczos_steps=200,
        lanczos_tolerance=1e-6,
    )
    goal: float = Field(
        default=1e-7,
        gt=0,
        lt=1,
        description="norm of the gradient, relative to that at the initial point, up to which a point counts as critical",
    )
    flat: float = Field(
        default=0.1,
        ge=0,
        le=1e6,
        description="a point counts as gradient-flat if the relative slope of the gradient norm, times the norm of the "
        "initial point, is at most this value",
    )
    null_tolerance: float = Field(
        default=1e-6,
        ge=0,
        lt=1,
        description="magnitude up to which eigenvalues count as zero, relative to the largest magnitude; smaller eigenvalues "
        "are not significant at a gradient of goal",
    )
    same: float = Field(
        default=1e-3,
        ge=0,
        lt=1,
        description="relative difference up to which the gaps of two critical points count as the same loss value",
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of critical_points.nc."""
    from pinnscape.landscape.critical_points_file import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Outcomes of the searches, and relation of index and loss at the critical points.

    Shares refer to the searches at whose start the loss exists. The correlation is computed with the ranks of the distinct
    losses, because equal losses differ by rounding errors; it is NaN if all losses or all indices are equal. The number of
    minima counts distinct losses of critical points without negative eigenvalues; it is NaN if only the ends of the spectra are
    known.

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
