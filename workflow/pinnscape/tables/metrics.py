"""metrics.csv: every number of the study in long form."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pinnscape.common.formulations import FORMULATIONS, PHYSICS
from pinnscape.landscape import roughness, similarity
from pinnscape.linalg.similarity import principal_angles, spectral_distance, wasserstein
from pinnscape.losses import gaps
from pinnscape.tables import names

log = logging.getLogger(__name__)
_RUN = ("case", "trained_on", "seed", "checkpoint")
_SWEPT = ("sweep", "swept")  # the sweep that the case belongs to, and the value of the swept setting
COLUMNS = (*_RUN, *names.COLUMNS, "value", *_SWEPT)
_NUMBERS = ("trace", "trace_estimate", "trace_estimate_error", "condition_number", "negative", "nullity", "effective_rank")
_NUMBERS += ("share_above", "bulk_share")
_BOUNDS = {"lambda_min_at_least": "eigenvalue_low", "lambda_min_at_most": "eigenvalue_high"}
Rows = Iterator[tuple[str, str, float]]  # checkpoint, metric, value

# The meaning of each number, by its name with its arguments in brackets; see `tables.names`. Numbers of techniques are described in their modules.
METRICS = {
    "step": "optimisation step of the checkpoint",
    "loss": "training loss at the checkpoint",
    "energy_gap": "excess of the energy over that of the exact solution",
    "l2_error": "relative L2 error",
    "h1_error": "relative H1 error",
    "gradient_norm": "Euclidean norm of the gradient of the training loss",
    "gradient_norm[loss/term]": "Euclidean norm of the gradient of a single term, if the loss has several",
    "fresh_loss": "training loss at points that training does not use",
    "term[term]": "term of the training loss, if it has several",
    "fresh_term[term]": "this term at points that training does not use",
    "measure[name]": "what error() of a torch module measures, such as an accuracy",
    "quadrature_error": "quadrature error of the energy gap at the checkpoint",
    "below_minimum": "amount by which the energy is below its minimum if this exceeds the quadrature error, otherwise 0",
    "lambda_max[loss]": "largest eigenvalue of the Hessian; empty if it is withheld, as are all numbers that depend on it",
    "lambda_max[loss/term]": "largest eigenvalue of the Hessian of a single term, if the loss has several",
    "lambda_min[loss]": "smallest eigenvalue of the Hessian",
    "lambda_min_at_least[loss]": "lower bound of the smallest eigenvalue, only if that is not verified",
    "lambda_min_at_most[loss]": "upper bound of the smallest eigenvalue, only if that is not verified",
    "lambda_ratio[loss]": "λ₁/λ_k with k = `claims.well_conditioned.rank`; infinite if λ_k ≤ 0; empty if λ₁ is not positive",
    "trace[loss]": "trace of the Hessian",
    "trace[loss/term]": "trace of the Hessian of a single term, if the loss has several",
    "trace_estimate[loss]": "Hutch++ estimate of the trace of the Hessian",
    "trace_estimate_error[loss]": "standard error of this estimate",
    "condition_number[loss]": "condition number of the Hessian outside its null space",
    "negative[loss]": "number of negative eigenvalues",
    "negative_at_least[loss]": "number of eigenvalues that are certainly negative, only if `negative` is withheld",
    "negative_share[loss]": "share of negative eigenvalues",
    "negative_share_at_least[loss]": "share of eigenvalues that are certainly negative, only if `negative` is withheld",
    "negative_ratio[loss]": "−λ_P/λ₁ if λ_P < 0, otherwise 0; empty if λ₁ is not positive",
    "nullity[loss]": "number of numerically zero eigenvalues",
    "effective_rank[loss]": "effective rank of the Hessian",
    "effective_rank_estimate[loss]": "effective rank estimated from the spectral density, only if `effective_rank` is withheld",
    "share_above[loss]": "share of eigenvalues above 1e-3 of the largest",
    "share_above_estimate[loss]": "this share estimated from the spectral density, only if `share_above` is withheld",
    "bulk_share[loss]": "share of eigenvalues whose magnitude is at most 1e-3 of the largest",
    "principal_angle_smallest": "smallest principal angle, in degrees, between the top eigenspaces of the Hessians of the "
    "two compared losses, deep-ritz and strong-form or those of a torch module",
    "principal_angle_median": "median of the principal angles between these eigenspaces",
    "principal_angle_largest": "largest of the principal angles between these eigenspaces",
    "spectral_distance": "mean distance in decades between the largest scaled eigenvalues λ/λ₁ of these Hessians",
    "wasserstein": "Wasserstein distance between the scaled spectra λ/λ₁ of these Hessians",
    "spearman[plane]": "rank correlation of the two compared losses on the plane",
    "spearman_distance[plane]": "rank correlation of the training loss with the squared distance from the centre, on the "
    "random plane; a reference for the correlation that any two bowls have",
    "minimum_distance[plane]": "distance between the grid minima of both losses; of grid values that a spectral surface cannot "
    "distinguish, the one nearest to the trained point is used",
    "infeasible_share[plane]": "share of points at which the energy does not exist",
    "explained_variance[plane]": "share of the squared distance of the snapshots from the final point that the plane explains",
    "roughness_index[loss]": "standard deviation over mean of the normalised variation l·T of the lines",
    "variation_median[loss]": "median of l·T over whole lines; 1 for a symmetric bowl",
    "variation_largest[loss, radius]": "largest l·T of a line within a radius",
    "variation_largest[loss]": "largest l·T of a line over all radii",
    "convex_share[loss, radius]": "share of second differences along the lines within a radius that are not negative",
}


def table(
    files: Iterable[tuple[xr.Dataset, Rows]],
    several: Iterable[tuple[xr.Dataset, Iterable[tuple]]] = (),
    sweeps: Mapping[str, tuple[str, Any]] | None = None,
    losses: Collection[str] = tuple(FORMULATIONS),
) -> pd.DataFrame:
    """Table with one row for each measured number.

    Args:
        files: datasets of one run each, whose attributes identify the run, with their rows.
        several: datasets of all runs of a case, with rows (trained_on, seed, checkpoint, metric, value) that identify the run.
        sweeps: name of the sweep and value of the swept setting, by case; other cases have empty entries.
        losses: names of all losses.
    """
    rows: list[list] = []
    for dataset, measured in files:
        owner = [dataset.attrs[name] for name in ("case", "trained_on", "seed")]
        rows += [[*owner, *row] for row in measured]
    for dataset, measured in several:
        rows += [[dataset.attrs["case"], *row] for row in measured]
    plain = [[*run, *names.columns(name, losses), value, *(sweeps or {}).get(run[0], ("", ""))] for *run, name, value in rows]
    return pd.DataFrame(plain, columns=list(COLUMNS)).sort_values([*_RUN, *names.COLUMNS], kind="stable", ignore_index=True)


def of_checkpoints(checkpoints: xr.Dataset, training: xr.Dataset) -> Rows:
    """Step, loss, energy gap and errors at each checkpoint, and the amount by which the energy is below its minimum."""
    for name in checkpoints["checkpoint"].values:
        point = checkpoints.sel(checkpoint=name)
        record = training.sel(step=int(point["step"]))
        yield name, "step", float(point["step"])
        for metric in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm"):
            if "withheld" not in record[metric].attrs:
                yield name, metric, float(record[metric])
        if "withheld" not in record["energy_gap"].attrs:
            yield name, "quadrature_error", float(point["quadrature_error"])
            yield name, "below_minimum", float(gaps.excess(record["energy_gap"].values, point["quadrature_error"].values))
        for term in record["term"].values:
            if record.sizes["term"] > 1:
                yield name, f"term[{term}]", float(record["term_value"].sel(term=term))
                yield name, f"fresh_term[{term}]", float(record["fresh_term_value"].sel(term=term))
        yield name, "fresh_loss", float(record["fresh_term_value"].sum())
        for measure in record["measure"].values if "measure" in record.coords else ():
            yield name, f"measure[{measure}]", float(record["further"].sel(measure=measure))


def of_hessian(hessian: xr.Dataset, rank: int, subspace: int, eigenvalues: int, compared: Sequence[str] = PHYSICS) -> Rows:
    """Properties of the spectrum of each loss at a checkpoint, and similarity of the spectra of two losses.

    Args:
        hessian: hessian-{checkpoint}.nc.
        rank: index k of the ratio λ_1/λ_k.
        subspace: dimension of the top eigenspaces that are compared.
        eigenvalues: number of the largest eigenvalues that are compared.
        compared: names of the two losses that are compared; empty if there are no two.
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
    if compared and set(compared) <= set(hessian["loss"].values.tolist()):
        pair = hessian.sel(loss=list(compared))
        yield from ((checkpoint, metric, value) for metric, value in _alike(pair, subspace, eigenvalues))
    for term in hessian["term"].values if "term" in hessian else ():
        own = hessian.sel(term=term)
        yield checkpoint, f"lambda_max[{term}]", float(own["term_eigenvalue"].values[0])
        yield checkpoint, f"trace[{term}]", float(own["term_trace"])
        yield checkpoint, f"gradient_norm[{term}]", float(own["term_gradient_norm"])


def _negative_ratio(smallest: float, largest: float) -> float:
    """The ratio max(0, -λ_P/λ_1); NaN if an eigenvalue is NaN or λ_1 is not positive."""
    return max(0.0, -float(smallest / largest)) if largest > 0.0 and np.isfinite(smallest / largest) else float("nan")


def _bounds(own: xr.Dataset, size: int) -> Iterator[tuple[str, float]]:
    """Bounds of numbers that are unknown, and estimates of them from the spectral density."""
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
    """The ratio λ_1 / λ_rank; NaN if an eigenvalue is unknown or λ_1 is not positive, infinite if λ_rank is not positive."""
    position = np.flatnonzero(own["eigen"].values == rank - 1)
    value = own["eigenvalue"].values[position[0]] if len(position) else np.nan
    if not np.isfinite(value + own["eigenvalue"].values[0]):
        _tell(own, f"lambda_{rank}[{own['loss'].item()}]", "`well conditioned`", "claims.well_conditioned.rank")
        return float("nan")
    if not own["eigenvalue"].values[0] > 0.0:
        return float("nan")
    return float(own["eigenvalue"].values[0] / value) if value > 0 else float("inf")


def _tell(hessian: xr.Dataset, missing: str, claim: str, setting: str) -> None:
    """Log why a claim is not measured, namely that only the ends of the spectrum are known."""
    remedy = f"raise hessian.extremes or hessian.eigensolver.dense_limit, or lower {setting}"
    where = f"{hessian.attrs.get('case')}, {hessian.attrs.get('trained_on')}, seed {hessian.attrs.get('seed')}"
    parameters = hessian.sizes["parameter"]
    text = "%s, %s: %s is unknown for %d parameters, so %s is not measured; %s"
    log.info(text, where, hessian.attrs["checkpoint"], missing, parameters, claim, remedy)


def _alike(pair: xr.Dataset, subspace: int, eigenvalues: int) -> Iterator[tuple[str, float]]:
    values, top = pair["eigenvalue"].values, pair["eigen"].values < eigenvalues
    a, b = (pair["eigenvector"].values[i][pair["vector"].values < subspace] for i in (0, 1))
    # If an eigenvalue is not verified, an eigenvector may be missing, and the space is not the top eigenspace.
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


def of_plane(surface: xr.Dataset, compared: Sequence[str] = PHYSICS) -> Rows:
    """Similarity of two losses on a plane, and share of the plane on which a loss does not exist.

    Args:
        surface: surface-{plane}.nc.
        compared: names of the two losses that are compared; empty if there are no two.
    """
    name = surface.attrs["kind"]
    both = bool(compared) and set(compared) <= set(surface["loss"].values.tolist())
    if both:
        first, second = (surface["value"].sel(loss=f).values for f in compared)
        yield "final", f"spearman[{name}]", similarity.spearman(first, second)
    if name == "random":  # a reference: any two losses that increase with the distance from their minimum correlate
        squares = surface["alpha"].values[:, None] ** 2 + surface["beta"].values ** 2
        own = surface["value"].sel(loss=surface.attrs["trained_on"]).values
        yield "final", "spearman_distance[random]", similarity.spearman(own, squares)
    if both:
        one, other = (_lowest(surface, f) for f in compared)
        distance = similarity.minimum_distance(one, other, surface["alpha"].values, surface["beta"].values)
        yield "final", f"minimum_distance[{name}]", distance
    yield "final", f"infeasible_share[{name}]", float(surface["infeasible"].mean())
    if "explained_variance" in surface:
        yield "final", f"explained_variance[{name}]", float(surface["explained_variance"].sum())


def _lowest(surface: xr.Dataset, loss: str) -> np.ndarray:
    """A loss (alpha, beta) with a unique smallest value.

    If a spectral surface cannot distinguish several values from the smallest one, all but the one nearest to the trained point
    are NaN.
    """
    values = surface["value"].sel(loss=loss).values
    if "bound" not in surface or not np.isfinite(values).any():
        return values
    candidates = values <= np.nanmin(values) + float(surface["bound"].sel(field=loss))
    away = np.where(candidates, np.hypot(surface["alpha"].values[:, None], surface["beta"].values), np.inf)
    return np.where(candidates & (np.arange(values.size).reshape(values.shape) != away.argmin()), np.nan, values)


def of_lines(surface: xr.Dataset, radii: Sequence[float]) -> Rows:
    """Roughness and convexity of each loss along the bundle of lines, within the radii.

    The ends of a whole line determine its range, so that ripples near the centre hardly contribute to its variation. They
    contribute within smaller radii. ``variation_largest`` is the maximum over all lines and radii.
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
    """A statistic of the finite values; NaN if there are none."""
    finite = values[np.isfinite(values)]
    return float(statistic(finite)) if len(finite) else float("nan")
