"""metrics.csv: every number of the study in long form."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from pinnscape.common.formulations import PHYSICS
from pinnscape.landscape import roughness, similarity
from pinnscape.linalg.similarity import principal_angles, spectral_distance, wasserstein
from pinnscape.losses import gaps

log = logging.getLogger(__name__)
COLUMNS = ("case", "trained_on", "seed", "checkpoint", "metric", "value")
_NUMBERS = ("trace", "trace_estimate", "trace_estimate_error", "condition_number", "negative", "null", "effective_rank")
_NUMBERS += ("share_above", "bulk_share")
_BOUNDS = {"lambda_min_at_least": "eigenvalue_low", "lambda_min_at_most": "eigenvalue_high"}
_PHYSICS = list(PHYSICS)
Rows = Iterator[tuple[str, str, float]]  # checkpoint, metric, value

# What each number means, with what stands in brackets behind its name; those of techniques are in their modules.
METRICS = {
    "step": "optimisation step of the checkpoint",
    "loss": "loss that was trained, at the checkpoint",
    "energy_gap": "energy above that of the exact solution",
    "l2_error": "relative L2 error",
    "h1_error": "relative H1 error",
    "gradient_norm": "Euclidean norm of the gradient of the trained loss",
    "quadrature_error": "error of the energy gap at the checkpoint by the quadrature rule",
    "below_minimum": "how far the energy is below its minimum if that is more than its error, else 0",
    "lambda_max[loss]": "largest eigenvalue of the Hessian; empty where withheld, as all that follow from it",
    "lambda_min[loss]": "smallest eigenvalue",
    "lambda_min_at_least[loss]": "lower bound of it, only where it is not verified",
    "lambda_min_at_most[loss]": "upper bound of it, likewise",
    "lambda_ratio[loss]": "λ₁/λ_k, k = `claims.well_conditioned.rank`; infinite where λ_k ≤ 0; empty without a positive λ₁",
    "trace[loss]": "trace of the Hessian",
    "trace_estimate[loss]": "trace by Hutch++",
    "trace_estimate_error[loss]": "standard error of it",
    "condition_number[loss]": "condition number outside the null space",
    "negative[loss]": "number of negative eigenvalues",
    "negative_at_least[loss]": "number of those that are certain, only where `negative` is withheld",
    "negative_share[loss]": "share of negative eigenvalues",
    "negative_share_at_least[loss]": "share of those that are certain, likewise",
    "negative_ratio[loss]": "−λ_P/λ₁ where λ_P < 0, else 0; empty without a positive λ₁",
    "null[loss]": "number of numerically zero eigenvalues",
    "effective_rank[loss]": "effective rank",
    "effective_rank_estimate[loss]": "the same by the spectral density, only where it is withheld",
    "share_above[loss]": "share of eigenvalues above 1e-3 of the largest",
    "share_above_estimate[loss]": "the same by the spectral density, only where it is withheld",
    "bulk_share[loss]": "share of eigenvalues whose magnitude is at most 1e-3 of the largest",
    "principal_angle_smallest": "smallest angle, in degrees, between the top eigenspaces of the deep-ritz and strong-form Hessians",
    "principal_angle_median": "median of these angles",
    "principal_angle_largest": "largest of these angles",
    "spectral_distance": "mean distance in decades between the largest eigenvalues λ/λ₁ of both",
    "wasserstein": "Wasserstein distance between their spectra λ/λ₁",
    "spearman[plane]": "rank correlation of the deep-ritz and strong-form losses on the plane",
    "spearman_distance[plane]": "rank correlation of the trained loss with the squared distance from the centre, on the random plane: what any two "
    "bowls have in common",
    "minimum_distance[plane]": "distance between the smallest grid values of both losses (of those that a spectral surface cannot tell apart, the "
    "nearest to the trained point)",
    "infeasible_share[plane]": "share of points without energy",
    "explained_variance[plane]": "share of the squared distance of the snapshots that the trajectory plane holds",
    "roughness_index[loss]": "standard deviation over mean of the normalised variation l·T of the lines",
    "variation_median[loss]": "median l·T over whole lines; 1 for a symmetric bowl",
    "variation_largest[loss, radius]": "largest l·T of a line within a radius",
    "variation_largest[loss]": "largest l·T of a line, over all radii",
    "convex_share[loss, radius]": "share of second differences along the lines within a radius that are not negative",
}


def table(files: Iterable[tuple[xr.Dataset, Rows]], several: Iterable[tuple[xr.Dataset, Iterable[tuple]]] = ()) -> pd.DataFrame:
    """One row for each measured number.

    Args:
        files: of one run each, whose attributes say whose the numbers are.
        several: files of all runs of a case, with rows that say it: trained_on, seed, checkpoint, metric and value.
    """
    rows: list[list] = []
    for dataset, measured in files:
        owner = [dataset.attrs[name] for name in ("case", "trained_on", "seed")]
        rows += [[*owner, *row] for row in measured]
    for dataset, measured in several:
        rows += [[dataset.attrs["case"], *row] for row in measured]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(COLUMNS[:-1]), kind="stable", ignore_index=True)


def of_checkpoints(checkpoints: xr.Dataset, training: xr.Dataset) -> Rows:
    """Step, loss, energy gap and errors at each checkpoint, and how far its energy is below the minimum."""
    for name in checkpoints["checkpoint"].values:
        point = checkpoints.sel(checkpoint=name)
        record = training.sel(step=int(point["step"]))
        yield name, "step", float(point["step"])
        for metric in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm"):
            yield name, metric, float(record[metric])
        yield name, "quadrature_error", float(point["quadrature_error"])
        yield name, "below_minimum", float(gaps.excess(record["energy_gap"].values, point["quadrature_error"].values))


def of_hessian(hessian: xr.Dataset, rank: int, subspace: int, eigenvalues: int) -> Rows:
    """Spectra at a checkpoint, each loss in brackets, and how alike those of the two physics losses are.

    Args:
        hessian: hessian-{checkpoint}.nc.
        rank: k of the ratio λ_1/λ_k.
        subspace: dimension of the top eigenspaces that are compared.
        eigenvalues: number of the largest eigenvalues whose distance is taken.
    """
    checkpoint = hessian.attrs["checkpoint"]
    for loss in hessian["loss"].values:
        own = hessian.sel(loss=loss)
        values, size = own["eigenvalue"].values, hessian.sizes["parameter"]
        for metric in _NUMBERS:
            yield checkpoint, f"{metric}[{loss}]", float(own[metric])
        yield checkpoint, f"lambda_max[{loss}]", float(values[0])
        yield checkpoint, f"lambda_min[{loss}]", float(values[-1])
        yield checkpoint, f"lambda_ratio[{loss}]", _ratio(own, rank)
        yield checkpoint, f"negative_share[{loss}]", float(own["negative"]) / size
        yield checkpoint, f"negative_ratio[{loss}]", _negative_ratio(values[-1], values[0])
        yield from ((checkpoint, f"{metric}[{loss}]", value) for metric, value in _bounds(own, size))
    yield from ((checkpoint, metric, value) for metric, value in _alike(hessian.sel(loss=_PHYSICS), subspace, eigenvalues))


def _negative_ratio(smallest: float, largest: float) -> float:
    """max(0, -λ_P/λ_1); NaN where one of them is, or λ_1 is not positive."""
    return max(0.0, -float(smallest / largest)) if largest > 0.0 and np.isfinite(smallest / largest) else float("nan")


def _bounds(own: xr.Dataset, size: int) -> Iterator[tuple[str, float]]:
    """Bounds, and estimates by the spectral density, of what is not known."""
    if not np.isfinite(own["eigenvalue"].values[-1]):
        for metric, name in _BOUNDS.items():
            yield metric, float(own[name].values[-1])
    if not np.isfinite(float(own["negative"])):
        yield "negative_at_least", float(own["negative_at_least"])
        yield "negative_share_at_least", float(own["negative_at_least"]) / size
    for name in ("effective_rank", "share_above"):
        if not np.isfinite(float(own[name])):
            yield f"{name}_estimate", float(own[f"{name}_estimate"])


def _ratio(own: xr.Dataset, rank: int) -> float:
    """λ_1 / λ_rank; NaN where one of these eigenvalues is unknown, infinite where the latter is not positive."""
    position = np.flatnonzero(own["eigen"].values == rank - 1)
    value = own["eigenvalue"].values[position[0]] if len(position) else np.nan
    if not np.isfinite(value + own["eigenvalue"].values[0]):
        _tell(own, f"lambda_{rank}[{own['loss'].item()}]", "`well conditioned`", "claims.well_conditioned.rank")
        return float("nan")
    if not own["eigenvalue"].values[0] > 0.0:
        return float("nan")
    return float(own["eigenvalue"].values[0] / value) if value > 0 else float("inf")


def _tell(hessian: xr.Dataset, missing: str, claim: str, setting: str) -> None:
    """Why a claim is not measured: only the ends of the spectrum are known."""
    remedy = f"raise hessian.extremes or hessian.eigensolver.dense_limit, or lower {setting}"
    where = f"{hessian.attrs.get('case')}, {hessian.attrs.get('trained_on')}, seed {hessian.attrs.get('seed')}"
    parameters = hessian.sizes["parameter"]
    text = "%s, %s: %s is unknown for %d parameters, so %s is not measured; %s"
    log.info(text, where, hessian.attrs["checkpoint"], missing, parameters, claim, remedy)


def _alike(pair: xr.Dataset, subspace: int, eigenvalues: int) -> Iterator[tuple[str, float]]:
    values, top = pair["eigenvalue"].values, pair["eigen"].values < eigenvalues
    a, b = (pair["eigenvector"].values[i][pair["vector"].values < subspace] for i in (0, 1))
    # A space that may lack an eigenvector is not the top eigenspace.
    verified = np.isfinite(values[:, pair["eigen"].values < subspace]).all()
    angles = principal_angles(a, b) if verified else np.full(len(a), np.nan)
    yield "principal_angle_median", float(np.median(angles))
    yield "principal_angle_smallest", float(angles[0])
    yield "principal_angle_largest", float(angles[-1])
    known = top.sum() == min(eigenvalues, pair.sizes["parameter"]) and np.isfinite(values[:, top]).all()
    if not known:
        _tell(pair, f"lambda_{eigenvalues}", "the distance of spectra in `alike`", "claims.alike.eigenvalues")
    distance = spectral_distance(values[0, top], values[1, top], eigenvalues) if known else float("nan")
    yield "spectral_distance", distance
    if pair.sizes["eigen"] == pair.sizes["parameter"]:
        yield "wasserstein", wasserstein(values[0], values[1])


def of_plane(surface: xr.Dataset) -> Rows:
    """How alike the two physics losses are on a plane, and how much of it has no energy."""
    name = surface.attrs["kind"]
    ritz, strong = (surface["value"].sel(loss=f).values for f in _PHYSICS)
    yield "final", f"spearman[{name}]", similarity.spearman(ritz, strong)
    if name == "random":  # what any two losses that grow with the distance from their minimum have in common
        squares = surface["alpha"].values[:, None] ** 2 + surface["beta"].values ** 2
        own = surface["value"].sel(loss=surface.attrs["trained_on"]).values
        yield "final", "spearman_distance[random]", similarity.spearman(own, squares)
    one, other = (_lowest(surface, f) for f in _PHYSICS)
    distance = similarity.minimum_distance(one, other, surface["alpha"].values, surface["beta"].values)
    yield "final", f"minimum_distance[{name}]", distance
    yield "final", f"infeasible_share[{name}]", float(surface["infeasible"].mean())
    if "explained_variance" in surface:
        yield "final", f"explained_variance[{name}]", float(surface["explained_variance"].sum())


def _lowest(surface: xr.Dataset, loss: str) -> np.ndarray:
    """A loss (alpha, beta) with one smallest value: of those that a spectral surface cannot tell from it, that nearest to the trained point."""
    values = surface["value"].sel(loss=loss).values
    if "bound" not in surface or not np.isfinite(values).any():
        return values
    candidates = values <= np.nanmin(values) + float(surface["bound"].sel(field=loss))
    away = np.where(candidates, np.hypot(surface["alpha"].values[:, None], surface["beta"].values), np.inf)
    return np.where(candidates & (np.arange(values.size).reshape(values.shape) != away.argmin()), np.nan, values)


def of_lines(surface: xr.Dataset, radii: Sequence[float]) -> Rows:
    """Roughness of each loss along the bundle, and convexity of it, within the radii.

    The range of a whole line is set by its ends, so that ripples near the centre hardly count in it; within a smaller radius they do.
    ``variation_largest`` is over all lines and radii.
    """
    alpha = surface["alpha"].values
    yield "final", "infeasible_share[lines]", float(surface["infeasible"].mean())
    for loss in surface["loss"].values:
        lines = surface["value"].sel(loss=loss).values
        whole = np.array([roughness.excess(alpha, line) for line in lines])
        yield "final", f"roughness_index[{loss}]", roughness.roughness_index(whole)
        yield "final", f"variation_median[{loss}]", _over(np.median, whole)
        largest = []
        for radius in radii:
            inside = np.abs(alpha) <= radius * (1 + 1e-12)
            largest.append(_over(np.max, np.array([roughness.excess(alpha[inside], line[inside]) for line in lines])))
            yield "final", f"variation_largest[{loss}, {radius:g}]", largest[-1]
            yield "final", f"convex_share[{loss}, {radius:g}]", roughness.convex_share(alpha, lines, radius)
        yield "final", f"variation_largest[{loss}]", _over(np.max, np.array([*largest, *whole]))


def _over(statistic: Callable[[np.ndarray], float], values: np.ndarray) -> float:
    """A statistic of the finite values; NaN without any."""
    finite = values[np.isfinite(values)]
    return float(statistic(finite)) if len(finite) else float("nan")
