"""Barriers on the straight line between the final points of two seeds, before and after alignment."""

import numpy as np
import xarray as xr

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
        "barrier": Variable((*_PATH, "loss"), "largest excess of the loss over the chord between both ends"),
        "relative_barrier": Variable((*_PATH, "loss"), "barrier relative to the mean gap of the two initial points"),
        "distance": Variable(_PATH, "distance between the two points"),
        "moved": Variable(PAIR, "number of hidden units that the alignment moves or flips in sign"),
        "order": Variable(
            (*PAIR, "unit"), "index within its layer of the hidden unit of the second network that the alignment moves here"
        ),
        "sign": Variable((*PAIR, "unit"), "sign that the alignment gives to this unit"),
        "unit_layer": Variable("unit", "index of the hidden layer of the unit, 0 for the first"),
        "energy_minimum": Variable((), "energy of the exact solution"),
    },
    {
        **OF_PAIRS,
        "path": Variable("path", "line to the second point as trained, or aligned to the first point"),
        "alpha": Variable("alpha", "position on the line, 0 at the first and 1 at the second seed"),
        "unit": Variable("unit", "index of the hidden unit, layer by layer"),
    },
    "The ends of the lines are the final points in checkpoints.nc; `order` and `sign` map the second point to the aligned one.",
)


def aligned(runs: Runs, first: Run, second: Run, starts: int, seed: int) -> tuple[np.ndarray, alignment.Matching]:
    """The final point (P,) of the second run, aligned to that of the first, and the matching."""
    layout = first.layout
    return alignment.align(layout.layers, first.theta(), second.theta(), layout.odd, starts, seed)


def dataset(runs: Runs, points: int, starts: int, seed: int) -> xr.Dataset:
    """Losses and barriers between the final points of every pair of seeds of the same formulation.

    Args:
        runs: all runs of a problem.
        points: number of points on the line, including both ends.
        starts: number of random starts of ``alignment.align``.
        seed: seed of ``alignment.align``.

    Returns:
        ``value`` of losses (trained_on, pair, path, loss, alpha), errors (trained_on, pair, path, alpha), ``barrier`` and
        ``relative_barrier`` (trained_on, pair, path, loss), ``distance`` (trained_on, pair, path), ``moved`` (trained_on,
        pair), the matching that aligns the second point, and ``energy_minimum``. With a single seed, ``pair`` has length 0.
    """
    alpha = interpolation.grid(points, 0.0)
    initials = {run.trained_on: {} for run in runs.all}
    for run in runs.all:
        measured = runs.family.measure(runs.tensor(run.theta("init")))
        initials[run.trained_on][run.seed] = [float(measured[name]) - runs.objective(name).minimum for name in runs.losses]

    def between(first: Run, second: Run) -> dict[str, np.ndarray]:
        matched, matching = aligned(runs, first, second, starts, seed)
        ends = [second.theta(), matched]
        lines = [interpolation.profile(runs.family, runs.tensor(first.theta()), runs.tensor(end), alpha) for end in ends]
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

    n, losses, widths = len(alpha), len(runs.losses), [layer.fan_out for layer in runs.family.layout.layers[:-1]]
    shapes = {"value": (2, losses, n), "barrier": (2, losses), "relative_barrier": (2, losses), "distance": (2,), "moved": ()}
    shapes |= {**dict.fromkeys(ERRORS, (2, n)), **dict.fromkeys(("order", "sign"), (sum(widths),))}
    chosen = profiles.pairs(runs.seeds)
    measured = profiles.over_some_pairs(runs, chosen, between, shapes)
    values = {
        **measured,
        "moved": measured["moved"].astype(float),
        "order": measured["order"].astype(np.int64),
        "energy_minimum": runs.family.energy_minimum,
        **profiles.coordinates(runs, chosen),
        "path": list(PATHS),
        "alpha": alpha,
        "unit_layer": np.repeat(np.arange(len(widths)), widths),
    }
    return FILE.dataset(values, notes=profiles.notes(chosen))
