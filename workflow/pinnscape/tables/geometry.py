"""Numbers for metrics.csv from the files about the geometry of minima: formulation, seed, checkpoint, metric, value. Torch is not needed."""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

Rows = Iterator[tuple[str, int, str, str, float]]

_SHARPNESS = ("lambda_max_filter", "epsilon_sharpness", "sam_sharpness", "adaptive_sharpness")


def sharpness(data: xr.Dataset) -> Rows:
    """Four measures of each loss; the largest eigenvalue and the trace of the Hessian are in its own file.

    ``sam_quadratic`` is the increase within the ball over that of a quadratic with the same largest eigenvalue: 1 where the quadratic model holds.
    """
    for part in _each(data, "formulation", "seed", "checkpoint", "loss"):
        owner = str(part["formulation"].values), int(part["seed"]), str(part["checkpoint"].values)
        loss = part["loss"].values
        for name in _SHARPNESS:
            yield *owner, f"{name}[{loss}]", float(part[name])
        model = 0.5 * data.attrs["radius"] ** 2 * float(part["lambda_max"])
        yield *owner, f"sam_quadratic[{loss}]", float(part["sam_sharpness"]) / model if model > 0 else float("nan")


def _each(data: xr.Dataset, *dims: str) -> Iterator[xr.Dataset]:
    """Every combination of the coordinates of ``dims``."""
    if not dims:
        yield data
        return
    for i in range(data.sizes[dims[0]]):
        yield from _each(data.isel({dims[0]: i}), *dims[1:])


def basin(data: xr.Dataset) -> Rows:
    """Quartiles of the radii by kind of rays, share of censored rays, volume; a quartile among the censored rays is NaN."""
    for part in _each(data, "formulation", "seed", "loss"):
        owner = str(part["formulation"].values), int(part["seed"]), "final"
        loss = part["loss"].values
        for kind in part["kind"].values:
            own = part.sel(kind=kind)
            for name, share in (("low", 0.25), ("median", 0.5), ("high", 0.75)):
                yield *owner, f"basin_radius_{name}[{loss}, {kind}]", _quantile(own["radius"].values, share)
            yield *owner, f"basin_censored[{loss}, {kind}]", float(own["censored"])
        for name in ("log_volume", "log_volume_error", "effective_rays"):
            yield *owner, f"basin_{name}[{loss}]", float(part[name])


def goldilocks(data: xr.Dataset) -> Rows:
    """Convexity at the initial norm and the norm at which it is largest, by the mean over draws."""
    for part in _each(data, "formulation", "seed", "loss"):
        owner = str(part["formulation"].values), int(part["seed"]), "init"
        loss, at = part["loss"].values, int(np.abs(np.log(part["scale"].values)).argmin())
        for name in ("trace_ratio", "positive_share"):
            yield *owner, f"{name}[{loss}]", float(part[name].mean("draw", skipna=False)[at])
        ratio = part["trace_ratio"].mean("draw", skipna=False).values
        known = np.isfinite(ratio).any()
        yield *owner, f"goldilocks_ratio[{loss}]", float(np.nanmax(ratio)) if known else float("nan")
        yield *owner, f"goldilocks_radius[{loss}]", float(part["radius"][np.nanargmax(ratio)]) if known else float("nan")


def curvature_map(data: xr.Dataset) -> Rows:
    """Median and largest max(0, -λmin)/λmax over the plane, the share of points that are convex to rounding errors, and that of verified points.

    Where a point is not verified, bounds take the place of the first three: ``_at_least`` from what is certain, ``_at_most``.
    """
    for part in _each(data, "formulation", "seed", "loss"):
        owner = str(part["formulation"].values), int(part["seed"]), "final"
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


def zoom(data: xr.Dataset) -> Rows:
    """Convex share within each radius, and the distance to the nearest point that is not convex, of the finest plane that has one."""
    for part in _each(data, "formulation", "seed", "loss"):
        owner = str(part["formulation"].values), int(part["seed"]), "final"
        loss = part["loss"].values
        for radius, share in zip(part["radius"].values, part["convex_share"].values, strict=True):
            yield *owner, f"zoom_convex_share[{loss}, {radius:g}]", float(share)
        found = part["convex_radius"].values[np.argsort(part["radius"].values)]
        yield *owner, f"zoom_convex_radius[{loss}]", float(next((r for r in found if np.isfinite(r)), np.nan))


def _quantile(values: np.ndarray, share: float) -> float:
    """A quantile by the order statistic at or above it; NaN where that is not finite."""
    value = np.sort(values)[math.ceil(share * len(values)) - 1] if len(values) else np.nan
    return float(value) if np.isfinite(value) else float("nan")
