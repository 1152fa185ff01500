"""metrics.csv: every number of the study in long form."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from pinnscape.landscape import roughness, similarity

COLUMNS = ("problem", "formulation", "seed", "checkpoint", "metric", "value")
_NUMBERS = ("trace", "trace_estimate", "condition_number", "negative", "null", "effective_rank", "share_above")
_PHYSICS = ["deep-ritz", "strong-form"]
Rows = Iterator[tuple[str, str, float]]  # checkpoint, metric, value


def table(files: Iterable[tuple[xr.Dataset, Rows]]) -> pd.DataFrame:
    """One row for each measured number; the file's attributes say whose it is."""
    rows = []
    for dataset, measured in files:
        owner = [dataset.attrs[name] for name in ("problem", "formulation", "seed")]
        rows += [[*owner, *row] for row in measured]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(COLUMNS[:-1]), kind="stable", ignore_index=True)


def of_checkpoints(checkpoints: xr.Dataset, training: xr.Dataset) -> Rows:
    """Step, loss, energy gap and errors at each checkpoint."""
    for name in checkpoints["checkpoint"].values:
        point = checkpoints.sel(checkpoint=name)
        record = training.sel(step=int(point["step"]))
        yield name, "step", float(point["step"])
        for metric in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm"):
            yield name, metric, float(record[metric])


def of_hessian(hessian: xr.Dataset, rank: int, subspace: int) -> Rows:
    """Spectra at a checkpoint, each loss in brackets, and how alike those of the two physics losses are.

    Args:
        hessian: hessian-{checkpoint}.nc.
        rank: k of the ratio λ_1/λ_k, and number of eigenvalues whose distance is taken.
        subspace: dimension of the top eigenspaces that are compared.
    """
    checkpoint = hessian.attrs["checkpoint"]
    for loss in hessian["formulation"].values:
        own = hessian.sel(formulation=loss)
        values, size = own["eigenvalue"].values, hessian.sizes["parameter"]
        for metric in _NUMBERS:
            yield checkpoint, f"{metric}[{loss}]", float(own[metric])
        yield checkpoint, f"lambda_max[{loss}]", float(values[0])
        yield checkpoint, f"lambda_min[{loss}]", float(values[-1])
        yield checkpoint, f"lambda_ratio[{loss}]", _ratio(own, rank)
        # The number of negative eigenvalues is known only where all of them are.
        share = float(own["negative"]) / size if hessian.sizes["eigen"] == size else float("nan")
        yield checkpoint, f"negative_share[{loss}]", share
    yield from ((checkpoint, metric, value) for metric, value in _alike(hessian.sel(formulation=_PHYSICS), rank, subspace))


def _ratio(own: xr.Dataset, rank: int) -> float:
    """λ_1 / λ_rank; NaN where that eigenvalue is unknown, infinite where it is not positive."""
    position = np.flatnonzero(own["eigen"].values == rank - 1)
    if not len(position):
        return float("nan")
    value = own["eigenvalue"].values[position[0]]
    return float(own["eigenvalue"].values[0] / value) if value > 0 else float("inf")


def _alike(pair: xr.Dataset, rank: int, subspace: int) -> Iterator[tuple[str, float]]:
    a, b = (pair["eigenvector"].values[i][pair["vector"].values < subspace] for i in (0, 1))
    angles = similarity.principal_angles(a, b)
    yield "principal_angle_median", float(np.median(angles))
    yield "principal_angle_smallest", float(angles[0])
    yield "principal_angle_largest", float(angles[-1])
    values = pair["eigenvalue"].values
    yield "spectral_distance", similarity.spectral_distance(values[0], values[1], rank)
    if pair.sizes["eigen"] == pair.sizes["parameter"]:
        yield "wasserstein", similarity.wasserstein(values[0], values[1])


def of_plane(surface: xr.Dataset) -> Rows:
    """How alike the two physics losses are on a plane, and how much of it has no energy."""
    name = surface.attrs["kind"]
    ritz, strong = (surface["loss"].sel(formulation=f).values for f in _PHYSICS)
    yield "final", f"spearman[{name}]", similarity.spearman(ritz, strong)
    distance = similarity.minimum_distance(ritz, strong, surface["alpha"].values, surface["beta"].values)
    yield "final", f"minimum_distance[{name}]", distance
    yield "final", f"inverted_share[{name}]", float(surface["inverted"].mean())
    if "explained_variance" in surface:
        yield "final", f"explained_variance[{name}]", float(surface["explained_variance"].sum())


def of_lines(surface: xr.Dataset, radii: Sequence[float]) -> Rows:
    """Roughness of each loss along the bundle, and convexity of it within the radii."""
    alpha = surface["alpha"].values
    yield "final", "inverted_share[lines]", float(surface["inverted"].mean())
    for loss in surface["formulation"].values:
        lines = surface["loss"].sel(formulation=loss).values
        excess = np.array([roughness.excess(alpha, line) for line in lines])
        variations = np.array([roughness.normalized_variation(alpha, line) for line in lines])
        known = excess[np.isfinite(excess)]
        yield "final", f"variation_median[{loss}]", float(np.median(known)) if len(known) else float("nan")
        yield "final", f"variation_largest[{loss}]", float(known.max()) if len(known) else float("nan")
        yield "final", f"roughness_index[{loss}]", roughness.roughness_index(variations)
        for radius in radii:
            yield "final", f"convex_share[{loss}, {radius:g}]", roughness.convex_share(alpha, lines, radius)
