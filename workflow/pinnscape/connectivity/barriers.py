"""Barriers between the final points of seeds on the straight line, before and after alignment."""

import numpy as np
import xarray as xr

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.connectivity import alignment, interpolation, profiles
from pinnscape.connectivity.profiles import ERRORS, OF_PAIRS, PAIR
from pinnscape.files.description import File, Variable
from pinnscape.training.runs import Run, Runs

PATHS = ("straight", "aligned")
_PATH = (*PAIR, "path")
FILE = File(
    "barriers.nc",
    {
        "value": Variable((*_PATH, "loss", "alpha"), "loss on the line between two seeds"),
        **{name: Variable((*_PATH, "alpha"), f"{text} on this line") for name, text in ERRORS.items()},
        "barrier": Variable((*_PATH, "loss"), "largest excess over the chord between both ends"),
        "relative_barrier": Variable((*_PATH, "loss"), "barrier over the mean gap of the two initial points"),
        "distance": Variable(_PATH, "distance between the two points"),
        "moved": Variable(PAIR, "hidden units that alignment moved or whose sign it flipped"),
        "order": Variable((*PAIR, "unit"), "which hidden unit of the layer of the second network alignment puts in this place"),
        "sign": Variable((*PAIR, "unit"), "sign with which alignment puts it there"),
        "unit_layer": Variable("unit", "index of the hidden layer of the unit, 0 the first"),
        "energy_minimum": Variable((), "energy of the exact solution"),
    },
    {
        **OF_PAIRS,
        "path": Variable("path", "the second point as it was trained, or aligned to the first"),
        "alpha": Variable("alpha", "position on the line, 0 at the first and 1 at the second seed"),
        "unit": Variable("unit", "index of the hidden unit, layer by layer"),
    },
    "The ends of the lines are the final points of checkpoints.nc; `order` and `sign` make the aligned point of the second one.",
)


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
        ``value`` of losses (trained_on, pair, path, loss, alpha), errors (trained_on, pair, path, alpha), ``barrier`` and
        ``relative_barrier`` (trained_on, pair, path, loss), ``distance`` (trained_on, pair, path), ``moved`` (trained_on, pair), the matching that
        aligns the second point, and ``energy_minimum``. Without a second seed ``pair`` has length 0.
    """
    alpha = interpolation.grid(points, 0.0)
    initials = {run.trained_on: {} for run in runs.all}
    for run in runs.all:
        measured = runs.discretization.measure(runs.tensor(run.theta("init")))
        initials[run.trained_on][run.seed] = [float(measured[name]) - runs.objective(name).minimum for name in FORMULATIONS]

    def between(first: Run, second: Run) -> dict[str, np.ndarray]:
        matched, matching = aligned(runs, first, second, starts, seed)
        ends = [second.theta(), matched]
        lines = [
            interpolation.profile(runs.discretization, runs.tensor(first.theta()), runs.tensor(end), alpha) for end in ends
        ]
        measured = {name: np.array([line[name] for line in lines]) for name in lines[0]}
        height = profiles.barrier(alpha, measured["value"])
        initial = np.mean([initials[first.trained_on][run.seed] for run in (first, second)], axis=0)
        return {
            **measured,
            "barrier": height,
            "relative_barrier": height / np.where(initial > 0, initial, np.nan),
            "distance": np.array([np.linalg.norm(end - first.theta()) for end in ends]),
            "moved": np.array(matching.moved),
            "order": np.concatenate(matching.orders),
            "sign": np.concatenate(matching.signs),
        }

    n, losses, widths = len(alpha), len(FORMULATIONS), [layer.fan_out for layer in runs.discretization.network.layers[:-1]]
    shapes = {"value": (2, losses, n), "barrier": (2, losses), "relative_barrier": (2, losses), "distance": (2,), "moved": ()}
    shapes |= {**dict.fromkeys(ERRORS, (2, n)), **dict.fromkeys(("order", "sign"), (sum(widths),))}
    chosen = profiles.pairs(runs.seeds)
    measured = profiles.over_some_pairs(runs, chosen, between, shapes)
    values = {
        **measured,
        "moved": measured["moved"].astype(float),
        "order": measured["order"].astype(np.int64),
        "energy_minimum": runs.discretization.energy_minimum,
        **profiles.coordinates(runs, chosen),
        "path": list(PATHS),
        "alpha": alpha,
        "unit_layer": np.repeat(np.arange(len(widths)), widths),
    }
    return FILE.dataset(values, notes=profiles.notes(chosen))
