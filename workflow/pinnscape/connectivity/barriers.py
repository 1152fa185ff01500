"""Barriers between the final points of seeds on the straight line, before and after alignment."""

import numpy as np
import xarray as xr

from pinnscape.connectivity import alignment, interpolation, profiles
from pinnscape.connectivity.profiles import ERRORS
from pinnscape.files.storage import variable
from pinnscape.losses.formulations import FORMULATIONS
from pinnscape.training.runs import Run, Runs

PATHS = ("straight", "aligned")


def aligned(runs: Runs, first: Run, second: Run, starts: int, seed: int) -> tuple[np.ndarray, alignment.Matching]:
    """The final point (P,) of the second run, aligned to that of the first, and the matching."""
    odd = runs.discretization.network.activation in alignment.ODD
    return alignment.align(first.layers, first.theta(), second.theta(), odd, starts, seed)


def dataset(runs: Runs, points: int, starts: int, seed: int) -> xr.Dataset:
    """Losses and barriers between the final points of every pair of seeds of the same formulation.

    Args:
        runs: of a problem.
        points: on the line, both ends among them.
        starts: of ``alignment.align``.
        seed: likewise.

    Returns:
        ``value`` of losses (formulation, pair, path, loss, alpha), errors (formulation, pair, path, alpha), ``barrier`` and
        ``relative_barrier`` (formulation, pair, path, loss), ``distance`` (formulation, pair, path), ``moved`` (formulation, pair) and
        ``energy_minimum``. Without a second seed ``pair`` has length 0.
    """
    alpha = interpolation.grid(points, 0.0)
    initials = {run.formulation: {} for run in runs.all}
    for run in runs.all:
        measured = runs.discretization.measure(runs.tensor(run.theta("init")))
        initials[run.formulation][run.seed] = [float(measured[name]) - runs.objective(name).minimum for name in FORMULATIONS]

    def between(first: Run, second: Run) -> dict[str, np.ndarray]:
        matched, matching = aligned(runs, first, second, starts, seed)
        ends = [second.theta(), matched]
        lines = [
            interpolation.profile(runs.discretization, runs.tensor(first.theta()), runs.tensor(end), alpha) for end in ends
        ]
        measured = {name: np.array([line[name] for line in lines]) for name in lines[0]}
        height = profiles.barrier(alpha, measured["value"])
        initial = np.mean([initials[first.formulation][run.seed] for run in (first, second)], axis=0)
        return {
            **measured,
            "barrier": height,
            "relative_barrier": height / np.where(initial > 0, initial, np.nan),
            "distance": np.array([np.linalg.norm(end - first.theta()) for end in ends]),
            "moved": np.array(matching.moved),
        }

    n, losses = len(alpha), len(FORMULATIONS)
    shapes = {"value": (2, losses, n), "barrier": (2, losses), "relative_barrier": (2, losses), "distance": (2,), "moved": ()}
    measured = profiles.over_pairs(runs, between, {**shapes, **dict.fromkeys(ERRORS, (2, n))})
    pair, path = ("formulation", "pair"), ("formulation", "pair", "path")
    return xr.Dataset(
        {
            "value": variable((*path, "loss", "alpha"), measured["value"], "loss on the line between two seeds"),
            **{name: variable((*path, "alpha"), measured[name], f"{text} on this line") for name, text in ERRORS.items()},
            "barrier": variable((*path, "loss"), measured["barrier"], "largest excess over the chord between both ends"),
            "relative_barrier": variable(
                (*path, "loss"), measured["relative_barrier"], "barrier over the mean gap of the two initial points"
            ),
            "distance": variable(path, measured["distance"], "distance between the two points"),
            "moved": variable(
                pair, measured["moved"].astype(float), "hidden units that alignment moved or whose sign it flipped"
            ),
            "energy_minimum": variable((), runs.objective("deep-ritz").minimum, "energy of the exact solution"),
        },
        coords={
            **profiles.coordinates(runs),
            **profiles.pair_coordinates(profiles.pairs(runs.seeds)),
            "path": variable("path", list(PATHS), "the second point as it was trained, or aligned to the first"),
            "alpha": variable("alpha", alpha, "position on the line, 0 at the first and 1 at the second seed"),
        },
    )
