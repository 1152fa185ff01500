"""Convexity of the losses in random subspaces as a function of the norm of theta."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Section, ordered
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Goldilocks scan",
    about="point",
    question="How convex is the loss in random subspaces at points of other norms (the Goldilocks zone)?",
    formula="tr(H_d)/‖H_d‖_F and share of positive eigenvalues of PᵀHP against ‖θ‖",
    source="Fort & Scherlis 2019",
    caption="""\
Goldilocks zone of **{case}**: convexity of each loss in random subspaces at the initial points, scaled to other norms. Above:
trace of the projected Hessian over its Frobenius norm. Below: share of positive eigenvalues of the projected Hessian. Thin
lines: seeds; thick lines: mean over seeds. Vertical lines: norms of the initial points (grey) and of the final points (coloured
by training loss).
""",
)
METRICS = {
    "trace_ratio[loss]": "trace over Frobenius norm of the Hessian in random subspaces at the initial norm; mean over the "
    "draws",
    "positive_share[loss]": "share of positive eigenvalues of the Hessian in these subspaces; mean over the draws",
    "goldilocks_ratio[loss]": "largest mean ratio of trace to Frobenius norm over all norms of theta",
    "goldilocks_radius[loss]": "norm of theta at which this maximum occurs",
}


class Settings(Section):
    """Convexity of the losses in random subspaces at the initial points, scaled to other norms."""

    dimension: int = Field(default=10, ge=1, le=1000, description="dimension of the random subspaces")
    draws: int = Field(default=10, ge=1, le=10_000, description="number of subspaces at each norm")
    smallest: float = Field(default=0.1, gt=0, le=1000, description="smallest norm, relative to that of the initial point")
    largest: float = Field(default=10.0, gt=0, le=1e6, description="largest norm, relative to that of the initial point")
    radii: int = Field(default=17, ge=1, le=1000, description="number of logarithmically spaced norms")

    _order = ordered("smallest", "largest")


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of goldilocks.nc."""
    from pinnscape.curvature.goldilocks import dataset

    return dataset(runs, settings)


def metrics(data: xr.Dataset) -> Rows:
    """Convexity at the initial norm, and largest convexity with its norm, each from means over the draws."""
    for part in rows.each(data, "trained_on", "seed", "loss"):
        owner = str(part["trained_on"].values), int(part["seed"]), "init"
        loss, at = part["loss"].values, int(np.abs(np.log(part["scale"].values)).argmin())
        for name in ("trace_ratio", "positive_share"):
            yield *owner, f"{name}[{loss}]", float(part[name].mean("draw", skipna=False)[at])
        ratio = part["trace_ratio"].mean("draw", skipna=False).values
        known = np.isfinite(ratio).any()
        yield *owner, f"goldilocks_ratio[{loss}]", float(np.nanmax(ratio)) if known else float("nan")
        yield *owner, f"goldilocks_radius[{loss}]", float(part["radius"][np.nanargmax(ratio)]) if known else float("nan")
