"""Comparison of the physics losses at and between their minimisers, and along training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import xarray as xr
from pydantic import Field

from pinnscape.config.section import Section
from pinnscape.config.sections import EigensolverSettings, overriding
from pinnscape.landscape import comparison
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Similarity of formulations",
    about="structure",
    question="How large is each physics loss at the minimiser of the other, and do their curvatures agree along training?",
    formula="L_a(θ_b)/L_a(θ_a); L along the line from θ_Ritz to θ_strong; both Hessians at the same θ along training",
    caption="""\
Above: the losses of **{case}** on the straight line from the Deep Ritz minimiser to the strong-form minimiser of each seed.
Below: comparison of the Hessians of both physics losses at the same points of each training, by the median principal angle
between their top eigenspaces and the mean distance between their scaled largest eigenvalues. Thick: median over seeds.
""",
    needs=("compared",),
)
METRICS = {
    "gap_ratio[loss]": "gap of a loss at this minimiser over its gap at the minimiser of its own training",
    "physics_angle_median": "median angle in degrees between the top eigenspaces of the physics losses, at the initial and at "
    "the final point",
    "physics_angle_median_largest": "largest of these medians along training",
    "physics_spectral_distance": "distance in decades between the scaled largest eigenvalues of the physics losses, at the "
    "final point",
    "physics_distance": "distance between the two physics minimisers of a seed",
    "travelled": "distance of the minimiser from its initial point",
    "physics_barrier[loss]": "barrier on the straight line between the two physics minimisers",
    "physics_barrier_share[loss]": "this barrier over the gap at the initial point",
}


class Settings(Section):
    """Each physics loss at the minimiser of the other and on the line between both; both Hessians along training."""

    points: int = Field(default=41, ge=3, le=10_001, description="number of points on the line between the two minimisers")
    snapshots: int = Field(
        default=6, ge=2, le=1000, description="number of snapshots of each training at which both Hessians are compared"
    )
    subspace: int = Field(
        default=10, ge=1, le=1000, description="dimension of the compared top eigenspaces, and number of compared eigenvalues"
    )
    eigensolver: EigensolverSettings = overriding(
        "Lanczos is tried first; if it does not converge, the dense Hessian is used up to the limit, and nothing is reported "
        "above it",
        lanczos_steps=150,
        lanczos_tolerance=1e-6,
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """Dataset of formulations.nc."""
    from pinnscape.connectivity.formulations import dataset

    return dataset(runs, settings.points, settings.snapshots, settings.subspace, settings.eigensolver)


def metrics(data: xr.Dataset) -> Rows:
    """Gap of each loss at the minimisers of other losses, the line between the physics minimisers, and similarity of curvature.

    ``gap_ratio[a]`` of a run trained on b is the gap of a at the end of this run, over its gap at the end of the run trained on
    a. Numbers of a pair of runs are yielded for both runs.
    """
    trained, losses = ([str(name) for name in data[dim].values] for dim in ("trained_on", "loss"))
    for k, seed in enumerate(data["seed"].values):
        gap = data["gap"].sel(seed=seed).transpose("trained_on", "loss").values
        for trained_on in trained:
            run = data.sel(trained_on=trained_on, seed=seed)
            for loss in trained:
                if loss != trained_on:
                    yield (
                        trained_on,
                        int(seed),
                        "final",
                        f"gap_ratio[{loss}]",
                        comparison.gap_ratio(gap, loss, trained_on, trained, losses),
                    )
            yield (
                trained_on,
                int(seed),
                "final",
                "physics_angle_median",
                float(run["angle"].isel(snapshot=-1).median(skipna=False)),
            )
            yield (
                trained_on,
                int(seed),
                "init",
                "physics_angle_median",
                float(run["angle"].isel(snapshot=0).median(skipna=False)),
            )
            largest = run["angle"].median("eigen", skipna=False).max("snapshot", skipna=False)
            yield trained_on, int(seed), "training", "physics_angle_median_largest", float(largest)
            yield (
                trained_on,
                int(seed),
                "final",
                "physics_spectral_distance",
                float(run["spectral_distance"].isel(snapshot=-1)),
            )
            if data.sizes["pair"] and trained_on in data["physics"].values:
                for metric, value in _line(data.isel(pair=k), trained_on):
                    yield trained_on, int(seed), "final", metric, value


def _line(pair: xr.Dataset, trained_on: str) -> Iterator[tuple[str, float]]:
    yield "physics_distance", float(pair["distance"])
    yield "travelled", float(pair["travelled"].sel(physics=trained_on))
    for loss in pair["loss"].values:
        height = comparison.barrier(pair["line_gap"].sel(loss=loss).values, pair["position"].values)
        yield f"physics_barrier[{loss}]", height
        start = float(pair["initial_gap"].sel(loss=loss))
        yield f"physics_barrier_share[{loss}]", height / start if start > 0 else float("nan")
