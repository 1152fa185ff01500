"""Extreme Hessian eigenvalues over the random plane through each trained point."""

from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from pinnscape.config.section import Odd, Section
from pinnscape.config.sections import DirectionSettings, EigensolverSettings, overriding
from pinnscape.techniques import rows
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Curvature map",
    about="point",
    question="Where on the random plane is the full Hessian nearly convex?",
    formula="λ_min/λ_max of the full Hessian over the random plane",
    source="Li et al. 2018",
    caption="""\
Maps of convexity of **{case}**: magnitude of the smallest over the largest eigenvalue of the full Hessian of the own loss over the
random plane through each trained point. Circles mark points where the smallest eigenvalue is not negative to rounding
errors; dotted cells are undecided, as Lanczos processes leave its sign or size open there.
""",
    costly=True,
    directions=True,
)
METRICS = {
    "nonconvexity_median[loss]": "median over the plane of max(0, −λ_min)/λ_max",
    "nonconvexity_median_at_least[loss]": "lower bound of it, only where it is withheld",
    "nonconvexity_largest[loss]": "largest value of max(0, −λ_min)/λ_max on the plane",
    "nonconvexity_largest_at_least[loss]": "lower bound of it, only where it is withheld",
    "map_convex_share[loss]": "share of points where λ_min is not negative to rounding errors",
    "map_convex_share_at_least[loss]": "lower bound of it, only where it is withheld",
    "map_convex_share_at_most[loss]": "upper bound of it, likewise",
    "map_converged[loss]": "share of points where both eigenvalues are verified",
}


class Settings(Section):
    """Extreme eigenvalues of the full Hessian over the random plane through each final point."""

    radius: float = Field(default=1.0, gt=0, le=1000, description="half width of the plane, in units of the directions' norm")
    points: Odd = Field(default=11, ge=3, le=1001, description="points along each axis, odd")
    losses: Literal["own", "all"] = Field(
        default="own", description="own (the loss that trained the point) | all (three times the work)"
    )
    eigensolver: EigensolverSettings = overriding(dense_limit=500, lanczos_steps=150, lanczos_tolerance=1e-4)


def measure(runs: "Runs", settings: Settings, directions: DirectionSettings) -> xr.Dataset:
    """curvature_map.nc."""
    from pinnscape.landscape.curvature_map import dataset

    return dataset(runs, settings, directions)


def metrics(data: xr.Dataset) -> Rows:
    """Median and largest max(0, -λmin)/λmax over the plane, the share of points that are convex to rounding errors, and that of verified points.

    Where a point is not verified, bounds take the place of the first three: ``_at_least`` from what is certain, ``_at_most``.
    """
    for part in rows.each(data, "trained_on", "seed", "loss"):
        owner = str(part["trained_on"].values), int(part["seed"]), "final"
        loss, exists = part["loss"].values, np.isfinite(part["sign"].values)
        if not exists.any():
            continue
        sign, high, low = (part[name].values[exists] for name in ("sign", "lambda_max", "lambda_min"))
        ratio = _nonconvexity(low, high)
        certain = _nonconvexity(*(part[name].values[exists] for name in ("lambda_min_at_most", "lambda_max_at_most")))
        known = np.isfinite(low).all() and np.isfinite(high).all()
        for name, statistic in (("median", np.median), ("largest", np.max)):
            value = float(statistic(ratio)) if known else float("nan")
            yield *owner, f"nonconvexity_{name}[{loss}]", value
            if not known:
                yield *owner, f"nonconvexity_{name}_at_least[{loss}]", float(statistic(certain))
        decided = bool((sign != 0).all())
        yield *owner, f"map_convex_share[{loss}]", float(np.mean(sign > 0)) if decided else float("nan")
        if not decided:
            yield *owner, f"map_convex_share_at_least[{loss}]", float(np.mean(sign > 0))
            yield *owner, f"map_convex_share_at_most[{loss}]", float(np.mean(sign >= 0))
        yield *owner, f"map_converged[{loss}]", float(part["converged"].values[exists].mean())


def _nonconvexity(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """max(0, -λmin)/λmax; NaN where λmax is not positive."""
    return np.maximum(0.0, -low) / np.where(high > 0, high, np.nan)
