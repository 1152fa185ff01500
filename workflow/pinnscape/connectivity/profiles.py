"""Losses and errors at the points of paths through parameter space, and quantities derived from them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.files.description import Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS
from pinnscape.losses.objective import Losses
from pinnscape.training.runs import Run, Runs

log = logging.getLogger(__name__)
Profile = dict[str, np.ndarray]
_ONE_SEED = "the study has one seed"
ERRORS = {"l2_error": "relative L² error", "h1_error": "relative H¹ error"}


def profile(family: Losses, points: Tensor) -> Profile:
    """Every loss and both errors at points (n, P).

    Returns:
        ``value`` of the losses (loss, n) in the order of the losses of the problem, ``l2_error`` (n,) and ``h1_error`` (n,); NaN where a
        value does not exist.
    """
    blocks = [family.measure(block) for block in points.split(family.batch)]
    measured = {name: torch.cat([block[name] for block in blocks]).cpu().numpy() for name in (*family.losses, *ERRORS)}
    return {
        "value": np.array([finite_or_nan(measured[name]) for name in family.losses]),
        **{name: finite_or_nan(measured[name]) for name in ERRORS},
    }


def barrier(t: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Max over t in [0, 1] of L(t) - ((1 - t) L(0) + t L(1)) (Frankle et al. 2020, sec. 2; Entezari et al. 2022, def. 2.1).

    It is never negative, because the difference is 0 at both ends.

    Args:
        t: positions (n,), including 0 and 1.
        losses: (..., n).

    Returns:
        Barriers (...); NaN if the loss does not exist at some position on the path, because the height is then undefined.

    Raises:
        ValueError: 0 or 1 is not a position.
    """
    t, losses = between_ends(t, losses)
    chord = (1 - t) * losses[..., :1] + t * losses[..., -1:]
    return np.max(losses - chord, axis=-1)


def between_ends(t: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and losses of the part of a path with t in [0, 1].

    Raises:
        ValueError: 0 or 1 is not a position.
    """
    if not {0.0, 1.0} <= set(t.tolist()):
        raise ValueError("`t` must contain 0 and 1 exactly")
    inside = (t >= 0) & (t <= 1)
    return t[inside], losses[..., inside]


def finite_or_nan(values: np.ndarray) -> np.ndarray:
    """``values`` with NaN for infinite values: a loss that overflows does not exist either."""
    return np.where(np.isfinite(values), values, np.nan)


def over_pairs(runs: Runs, measure: Callable[[Run, Run], Mapping[str, Any]], empty: Mapping[str, tuple[int, ...]]) -> Profile:
    """Results of ``measure`` for each pair of seeds of the same formulation, i before j in the order of the study.

    Args:
        runs: all runs of a problem.
        measure: maps the runs of seed i and seed j to arrays of the shapes in ``empty``.
        empty: shape of each array by name; it is needed if the study has a single seed and hence no pair.

    Returns:
        Arrays (trained_on, pair, ...) by name.
    """
    return over_some_pairs(runs, pairs(runs.seeds), measure, empty)


def over_some_pairs(
    runs: Runs,
    chosen: Sequence[tuple[int, int]],
    measure: Callable[[Run, Run], Mapping[str, Any]],
    empty: Mapping[str, tuple[int, ...]],
) -> Profile:
    """As ``over_pairs``, for chosen pairs of seeds. Each pair is a separate part (see ``Runs.part``)."""

    def row(trained_on: str, i: int, j: int) -> Profile:
        def compute() -> xr.Dataset:
            found = measure(runs.run(trained_on, i), runs.run(trained_on, j))
            arrays = {name: np.asarray(found[name]) for name in empty}
            return xr.Dataset({name: ([f"{name}_{axis}" for axis in range(a.ndim)], a) for name, a in arrays.items()})

        found = runs.part(f"{trained_on}-seeds-{i}-{j}", compute)
        return {name: found[name].values for name in empty}

    if not chosen:
        log.info("no paths between seeds are evaluated: %s", _ONE_SEED)
    rows = [row(f, i, j) for f in runs.formulations for i, j in chosen]
    shape = len(runs.formulations), len(chosen)
    return {name: np.array([row[name] for row in rows]).reshape(*shape, *tail) for name, tail in empty.items()}


def pairs(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """All unordered pairs of seeds."""
    return list(combinations(seeds, 2))


PAIR = ("trained_on", "pair")
OF_PAIRS = {
    **LOSS,
    "trained_on": OF_RUNS["trained_on"],
    "pair": Variable("pair", "pair of seeds, i before j in the order of the study"),
    "first_seed": Variable("pair", "seed at the beginning of the path"),
    "second_seed": Variable("pair", "seed at the end of the path"),
}


def coordinates(runs: Runs, chosen: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Values of ``OF_PAIRS`` for chosen pairs of seeds."""
    seeds = np.array(chosen, dtype=np.int64).reshape(-1, 2)
    own = {"trained_on": list(runs.formulations), "loss": list(runs.losses)}
    return {**own, "pair": np.arange(len(seeds)), "first_seed": seeds[:, 0], "second_seed": seeds[:, 1]}


def notes(chosen: Sequence[tuple[int, int]]) -> dict[str, dict[str, str]]:
    """The argument ``notes`` of ``File.dataset``, which states why there is no pair if there is none."""
    return {} if chosen else {"pair": {"reason": _ONE_SEED}}
