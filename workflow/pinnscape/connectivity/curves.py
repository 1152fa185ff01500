"""Losses along straight and curved paths between the final points of seeds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.connectivity import elastic_band, profiles, trained_paths
from pinnscape.connectivity.profiles import ERRORS
from pinnscape.connectivity.trained_paths import Training
from pinnscape.files.description import variable
from pinnscape.losses.formulations import FORMULATIONS
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

PATHS = ("straight", "bezier", "chain", "band")


def training(settings: Mapping[str, Any]) -> Training:
    """How curves are trained, from ``steps``, ``learning_rate``, ``decay``, ``perturbation``, ``seed``, ``check`` and ``points``."""
    return Training(**{name: settings[name] for name in Training.__annotations__})


def bezier(objective: Objective, a: Tensor, b: Tensor, settings: Mapping[str, Any]) -> Callable[[np.ndarray], Tensor]:
    """A quadratic Bézier curve from a (P,) to b (P,) that is trained on ``nodes`` Gauss-Legendre nodes: points (n, P) of positions (n)."""
    rule = trained_paths.quadrature(settings["nodes"])
    pivots = trained_paths.train(objective, a, b, trained_paths.bezier, rule, training(settings))
    return lambda t: trained_paths.points_on(trained_paths.bezier(t), pivots)


def chain(objective: Objective, a: Tensor, b: Tensor, settings: Mapping[str, Any]) -> Callable[[np.ndarray], Tensor]:
    """As ``bezier``, a polygonal chain of ``segments`` with at least two nodes in each."""
    segments = settings["segments"]
    basis, rule = trained_paths.chain(segments), trained_paths.quadrature(max(2, settings["nodes"] // segments), segments)
    pivots = trained_paths.train(objective, a, b, basis, rule, training(settings))
    return lambda t: trained_paths.points_on(basis(t), pivots)


def band(objective: Objective, a: Tensor, b: Tensor, settings: Mapping[str, Any]) -> Callable[[np.ndarray], Tensor]:
    """As ``bezier``, a nudged elastic band of ``pivots``, of which ``insertions`` times ``inserted`` come later, with springs of ``stiffness``."""
    shape = elastic_band.Band(**{name: settings[name] for name in elastic_band.Band.__annotations__})
    pivots = elastic_band.relax(objective, a, b, shape, training(settings))
    return lambda t: trained_paths.points_on(trained_paths.chain(len(pivots) - 1)(t), pivots)


def paths_between(
    objective: Objective, a: Tensor, b: Tensor, settings: Mapping[str, Any]
) -> dict[str, Callable[[np.ndarray], Tensor]]:
    """Every path from a (P,) to b (P,), trained on one loss: points (n, P) of positions (n)."""
    line = trained_paths.straight(a, b, 2)
    curved = {name: kind(objective, a, b, settings) for name, kind in (("bezier", bezier), ("chain", chain), ("band", band))}
    return {"straight": lambda t: trained_paths.points_on(trained_paths.chain(1)(t), line), **curved}


def dataset(runs: Runs, settings: Mapping[str, Any]) -> xr.Dataset:
    """Losses along paths between the final points of pairs of seeds; the paths are trained on the loss that trained these points.

    Args:
        runs: of a problem.
        settings: of the training and the curves, see ``bezier``, ``chain`` and ``band``; ``pairs``: number of pairs at most.

    Returns:
        ``value`` of losses (formulation, pair, path, loss, t), errors (formulation, pair, path, t), ``barrier`` and ``relative_barrier``
        (formulation, pair, path, loss), ``length`` (formulation, pair, path) and ``energy_minimum``. Without a second seed ``pair`` has length 0.
    """
    t = training(settings).positions
    chosen = profiles.pairs(runs.seeds)[: settings["pairs"]]

    def between(first: Run, second: Run) -> dict[str, np.ndarray]:
        a, b = (runs.tensor(run.theta()) for run in (first, second))
        found = paths_between(runs.objective(first.formulation), a, b, settings)
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
