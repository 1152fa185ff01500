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
Maps of convexity of **{case}**: magnitude of the smallest eigenvalue over the largest eigenvalue of the full Hessian of the
training loss, on the random plane through each trained point. Circles: the smallest eigenvalue is not negative up to rounding
errors. Dotted cells are undecided, because the Lanczos process does not determine the sign or the size of an eigenvalue there.
""",
    costly=True,
    directions=True,
)
METRICS = {
    "nonconvexity_median[loss]": "median over the plane of max(0, −λ_min)/λ_max",
    "nonconvexity_median_at_least[loss]": "lower bound of this median, only if the median is withheld",
    "nonconvexity_largest[loss]": "maximum over the plane of max(0, −λ_min)/λ_max",
    "nonconvexity_largest_at_least[loss]": "lower bound of this maximum, only if the maximum is withheld",
    "map_convex_share[loss]": "share of points at which λ_min is not negative up to rounding errors",
    "map_convex_share_at_least[loss]": "lower bound of this share, only if the share is withheld",
    "map_convex_share_at_most[loss]": "upper bound of this share, only if the share is withheld",
    "map_converged[loss]": "share of points at which both eigenvalues are verified",
}


class Settings(Section):
    """Extreme eigenvalues of the full Hessian over the random plane through each final point."""

    radius: float = Field(
        default=1.0, gt=0, le=1000, description="half width of the plane, in units of the norm of the directions"
    )
    points: Odd = Field(default=11, ge=3, le=1001, description="number of points along each axis; odd")
    losses: Literal["own", "all"] = Field(
        default="own",
        description="losses whose Hessians are analysed: own (the training loss of the point) | all (three times the work)",
    )
    eigensolver: EigensolverSettings = overriding(dense_limit=500, lanczos_steps=150, lanczos_tolerance=1e-4)


def measure(runs: "Runs", settings: Settings, directions: DirectionSettings) -> xr.Dataset:
    """Dataset of curvature_map.nc."""
    from pinnscape.landscape.curvature_map import dataset

    return dataset(runs, settings, directions)


def metrics(data: xr.Dataset) -> Rows:
    """Median and maximum of max(0, -λmin)/λmax over the plane, share of convex points, and share of verified points.

    Of the first three numbers, those that depend on a point that is not verified are NaN; lower bounds ``_at_least`` are then
    yielded too, and for the share of convex points an upper bound ``_at_most``.
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
    """The ratio max(0, -λmin)/λmax; NaN where λmax is not positive."""
    return np.maximum(0.0, -low) / np.where(high > 0, high, np.nan)
