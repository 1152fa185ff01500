"""Compare the physics losses at and between minimisers and along training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import xarray as xr
from pydantic import Field

from pinnscape.common.formulations import PHYSICS
from pinnscape.config.section import Section
from pinnscape.config.sections import EigensolverSettings, overriding
from pinnscape.landscape import comparison
from pinnscape.techniques.base import Rows, Technique

if TYPE_CHECKING:
    from pinnscape.training.runs import Runs

TECHNIQUE = Technique(
    title="Similarity of formulations",
    about="structure",
    question="How good is the minimiser of one physics loss for the other, and do their curvatures agree along training?",
    formula="L_a(θ_b)/L_a(θ_a); L along the line from θ_Ritz to θ_strong; both Hessians at the same θ along training",
    caption="""\
The losses of **{case}** on the straight line from the Deep Ritz to the strong-form minimiser of each seed (above), and the
Hessians of both physics losses at the same points of each training (below): median principal angle between their top eigenspaces, and mean distance
of their scaled largest eigenvalues. Thick: median over seeds.
""",
)
METRICS = {
    "gap_ratio[loss]": "gap of a loss at this minimiser over that at the minimiser of its own training",
    "physics_angle_median": "median angle in degrees between the top eigenspaces of the physics losses, at the initial and at the final point",
    "physics_angle_median_largest": "largest of these medians along training",
    "physics_spectral_distance": "distance in decades of their scaled largest eigenvalues, at the final point",
    "physics_distance": "distance between the two physics minimisers of a seed",
    "travelled": "distance of the minimiser from the start",
    "physics_barrier[loss]": "barrier on the straight line between them",
    "physics_barrier_share[loss]": "this barrier over the loss at the start",
}


class Settings(Section):
    """Each physics loss at the minimiser of the other and on the line between both minimisers; both Hessians along training."""

    points: int = Field(default=41, ge=3, le=10_001, description="of the line between the two minimisers")
    snapshots: int = Field(default=6, ge=2, le=1000, description="of each training at which both Hessians are compared")
    subspace: int = Field(
        default=10, ge=1, le=1000, description="dimension of the top eigenspaces, and number of eigenvalues, that are compared"
    )
    eigensolver: EigensolverSettings = overriding(
        "Lanczos comes first; what it does not find is computed by the dense Hessian up to the limit, and not measured beyond it",
        lanczos_steps=150,
        lanczos_tolerance=1e-6,
    )


def measure(runs: "Runs", settings: Settings) -> xr.Dataset:
    """formulations.nc."""
    from pinnscape.connectivity.formulations import dataset

    return dataset(runs, settings.points, settings.snapshots, settings.subspace, settings.eigensolver)


def metrics(data: xr.Dataset) -> Rows:
    """From formulations.nc: each loss at another's minimiser over its value at its own, the line between the physics minimisers, curvature.

    ``gap_ratio[a]`` of a run trained on b is how many times larger the gap of a is there than where a was trained. Numbers of a pair of
    runs are given with both of them.
    """
    trained = [str(name) for name in data["trained_on"].values]
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
                        comparison.gap_ratio(gap, loss, trained_on, trained),
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
            if data.sizes["pair"] and trained_on in PHYSICS:
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
