"""Losses along straight and curved paths between the final points of seeds."""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.connectivity import elastic_band, profiles, trained_paths
from pinnscape.connectivity.elastic_band import Band
from pinnscape.connectivity.profiles import ERRORS
from pinnscape.connectivity.trained_paths import Training
from pinnscape.files.storage import variable
from pinnscape.losses.formulations import FORMULATIONS
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

PATHS = ("straight", "bezier", "chain", "band")


def bezier(objective: Objective, a: Tensor, b: Tensor, training: Training) -> Callable[[np.ndarray], Tensor]:
    """A quadratic Bézier curve from a (P,) to b (P,) that is trained on Gauss-Legendre nodes: points (n, P) of positions (n)."""
    rule = trained_paths.quadrature(training.nodes)
    pivots = trained_paths.train(objective, a, b, trained_paths.bezier, rule, training)
    return lambda t: trained_paths.points_on(trained_paths.bezier(t), pivots)


def chain(objective: Objective, a: Tensor, b: Tensor, training: Training, segments: int) -> Callable[[np.ndarray], Tensor]:
    """As ``bezier``, a polygonal chain of ``segments`` with at least two nodes in each."""
    basis, rule = trained_paths.chain(segments), trained_paths.quadrature(max(2, training.nodes // segments), segments)
    pivots = trained_paths.train(objective, a, b, basis, rule, training)
    return lambda t: trained_paths.points_on(basis(t), pivots)


def band(objective: Objective, a: Tensor, b: Tensor, training: Training, shape: Band) -> Callable[[np.ndarray], Tensor]:
    """As ``bezier``, a nudged elastic band."""
    pivots = elastic_band.relax(objective, a, b, shape, training)
    return lambda t: trained_paths.points_on(trained_paths.chain(len(pivots) - 1)(t), pivots)


def paths_between(
    objective: Objective, a: Tensor, b: Tensor, training: Training, segments: int, shape: Band
) -> dict[str, Callable[[np.ndarray], Tensor]]:
    """Every path from a (P,) to b (P,), trained on one loss: points (n, P) of positions (n)."""
    line = trained_paths.straight(a, b, 2)
    return {
        "straight": lambda t: trained_paths.points_on(trained_paths.chain(1)(t), line),
        "bezier": bezier(objective, a, b, training),
        "chain": chain(objective, a, b, training, segments),
        "band": band(objective, a, b, training, shape),
    }


def dataset(runs: Runs, pairs: int, training: Training, segments: int, shape: Band) -> xr.Dataset:
    """Losses along paths between the final points of pairs of seeds; the paths are trained on the loss that trained these points.

    Args:
        runs: of a problem.
        pairs: number of pairs at most.
        training: of the paths.
        segments: of the chain.
        shape: of the band.

    Returns:
        ``value`` of losses (formulation, pair, path, loss, t), errors (formulation, pair, path, t), ``barrier`` and ``relative_barrier``
        (formulation, pair, path, loss), ``length`` (formulation, pair, path) and ``energy_minimum``. Without a second seed ``pair`` has length 0.
    """
    t = training.positions
    chosen = profiles.pairs(runs.seeds)[:pairs]

    def between(first: Run, second: Run) -> dict[str, np.ndarray]:
        a, b = (runs.tensor(run.theta()) for run in (first, second))
        found = paths_between(runs.objective(first.formulation), a, b, training, segments, shape)
        points = {name: found[name](t) for name in PATHS}
        along = [profiles.profile(runs.discretization, points[name]) for name in PATHS]
        measured = {name: np.array([one[name] for one in along]) for name in along[0]}
        starts = runs.discretization.measure(torch.stack([runs.tensor(run.theta("init")) for run in (first, second)]))
        initial = [float((starts[name] - runs.objective(name).minimum).mean()) for name in FORMULATIONS]
        height = profiles.barrier(t, measured["value"])
        return {
            **measured,
            "barrier": height,
            "relative_barrier": height / np.where(np.array(initial) > 0, initial, np.nan),
            "length": np.array([float(points[name].diff(dim=0).norm(dim=1).sum() / (b - a).norm()) for name in PATHS]),
        }

    n, kinds, losses = len(t), len(PATHS), len(FORMULATIONS)
    heights = dict.fromkeys(("barrier", "relative_barrier"), (kinds, losses))
    shapes = {"value": (kinds, losses, n), **dict.fromkeys(ERRORS, (kinds, n)), **heights, "length": (kinds,)}
    measured = profiles.over_some_pairs(runs, chosen, between, shapes)
    path = ("formulation", "pair", "path")
    return xr.Dataset(
        {
            "value": variable((*path, "loss", "t"), measured["value"], "loss on the path between two seeds"),
            **{name: variable((*path, "t"), measured[name], f"{text} on this path") for name, text in ERRORS.items()},
            "barrier": variable((*path, "loss"), measured["barrier"], "largest excess over the chord between both ends"),
            "relative_barrier": variable(
                (*path, "loss"), measured["relative_barrier"], "barrier over the mean gap of the two initial points"
            ),
            "length": variable(path, measured["length"], "length of the path over the distance of its ends"),
            "energy_minimum": variable((), runs.objective("deep-ritz").minimum, "energy of the exact solution"),
        },
        coords={
            **profiles.coordinates(runs),
            **profiles.pair_coordinates(chosen),
            "path": variable("path", list(PATHS), "straight line, Bézier curve, polygonal chain, or nudged elastic band"),
            "t": variable("t", t, "position on the path, 0 at the first and 1 at the second seed"),
        },
    )
