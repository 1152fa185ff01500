"""Metrics of the techniques around Gauss-Newton parts and natural gradients: (formulation, seed, checkpoint, metric, value). No torch."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from pinnscape.landscape import comparison
from pinnscape.losses.formulations import PHYSICS

Rows = Iterator[tuple[str, int, str, str, float]]
_LAST = ("gap", "quadrature_error", "l2_error", "h1_error", "gradient_norm")  # of a descent, at its end


def ntk(data: xr.Dataset) -> Rows:
    """From ntk.nc, each loss in brackets: how large the remainder is, how far it turns the top eigenspace, and the spectrum of the rest."""
    for formulation in data["formulation"].values:
        for seed in data["seed"].values:
            for checkpoint in data["checkpoint"].values:
                for loss in data["loss"].values:
                    point = data.sel(formulation=formulation, seed=seed, checkpoint=checkpoint, loss=loss)
                    for metric, value in _split(point):
                        yield str(formulation), int(seed), str(checkpoint), f"{metric}[{loss}]", value


def _split(point: xr.Dataset) -> Iterator[tuple[str, float]]:
    angles = point["angle"].values
    yield "remainder_share", float(point["remainder_share"])
    yield "gauss_newton_angle_median", float(np.median(angles)) if len(angles) else float("nan")
    for name in ("effective_rank", "condition_number"):
        yield f"gauss_newton_{name}", float(point[name].sel(part="gauss-newton"))
    yield "gauss_newton_negative", float(point["negative"].sel(part="gauss-newton"))
    yield "kernel_lambda_max", float(point["kernel_eigenvalue"].values[0])
    for name in ("remainder_share_estimate", "remainder_share_error"):
        if name in point:  # where the share itself would take dense matrices
            yield name, float(point[name])


def vicinity(data: xr.Dataset) -> Rows:
    """From vicinity.nc, at the checkpoint from which the descent started: where natural gradient leads, and the Hessian of the own loss there."""
    for formulation in data["formulation"].values:
        for seed in data["seed"].values:
            for checkpoint in data["checkpoint"].values:
                run = data.sel(formulation=formulation, seed=seed, checkpoint=checkpoint)
                last = run.isel(step=int(run["steps_taken"]))
                numbers = {f"vicinity_{name}": float(last[name]) for name in _LAST}
                for name in ("steps_taken", "distance", "negative", "null", "condition_number", "remainder_share"):
                    numbers[f"vicinity_{name}"] = float(run[name])
                for name in ("lambda_min_bound", "negative_at_least", "remainder_share_estimate", "remainder_share_error"):
                    if name in run:  # where the numbers themselves would take dense matrices
                        numbers[f"vicinity_{name}"] = float(run[name])
                numbers["vicinity_negative_ratio"] = _negative_ratio(float(run["lambda_min"]), float(run["lambda_max"]))
                for metric, value in numbers.items():
                    yield str(formulation), int(seed), str(checkpoint), metric, value


def _negative_ratio(smallest: float, largest: float) -> float:
    """max(0, -λmin / λmax); NaN where unknown, or λmax is not positive."""
    return max(0.0, -smallest / largest) if largest > 0.0 and np.isfinite(smallest) else float("nan")


def formulations(data: xr.Dataset) -> Rows:
    """From formulations.nc: each loss at another's minimiser over its value at its own, the line between the physics minimisers, curvature.

    ``gap_ratio[a]`` of a run trained on b is how many times larger the gap of a is there than where a was trained. Numbers of a pair of
    runs are given with both of them.
    """
    trained = [str(name) for name in data["formulation"].values]
    for k, seed in enumerate(data["seed"].values):
        gap = data["gap"].sel(seed=seed).transpose("formulation", "loss").values
        for formulation in trained:
            run = data.sel(formulation=formulation, seed=seed)
            for loss in trained:
                if loss != formulation:
                    yield (
                        formulation,
                        int(seed),
                        "final",
                        f"gap_ratio[{loss}]",
                        comparison.gap_ratio(gap, loss, formulation, trained),
                    )
            yield (
                formulation,
                int(seed),
                "final",
                "physics_angle_median",
                float(run["angle"].isel(snapshot=-1).median(skipna=False)),
            )
            yield (
                formulation,
                int(seed),
                "init",
                "physics_angle_median",
                float(run["angle"].isel(snapshot=0).median(skipna=False)),
            )
            largest = run["angle"].median("eigen", skipna=False).max("snapshot", skipna=False)
            yield formulation, int(seed), "training", "physics_angle_median_largest", float(largest)
            yield (
                formulation,
                int(seed),
                "final",
                "physics_spectral_distance",
                float(run["spectral_distance"].isel(snapshot=-1)),
            )
            if data.sizes["pair"] and formulation in PHYSICS:
                for metric, value in _line(data.isel(pair=k), formulation):
                    yield formulation, int(seed), "final", metric, value


def _line(pair: xr.Dataset, formulation: str) -> Iterator[tuple[str, float]]:
    yield "physics_distance", float(pair["distance"])
    yield "travelled", float(pair["travelled"].sel(physics=formulation))
    for loss in pair["loss"].values:
        height = comparison.barrier(pair["line_gap"].sel(loss=loss).values, pair["position"].values)
        yield f"physics_barrier[{loss}]", height
        start = float(pair["initial_gap"].sel(loss=loss))
        yield f"physics_barrier_share[{loss}]", height / start if start > 0 else float("nan")
