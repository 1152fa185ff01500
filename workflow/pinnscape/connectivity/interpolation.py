"""Losses along the straight lines from initial to final points, and between the final points of different seeds."""

import math

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.connectivity import profiles
from pinnscape.connectivity.profiles import ERRORS, OF_PAIRS, PAIR, Profile
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, RUN
from pinnscape.losses.objective import Losses
from pinnscape.training.runs import Run, Runs

FILE = File(
    "interpolation.nc",
    {
        "value": Variable((*RUN, "loss", "alpha"), "loss on the line from the initial to the final point"),
        **{name: Variable((*RUN, "alpha"), f"{text} on this line") for name, text in ERRORS.items()},
        "violation": Variable((*RUN, "loss"), "largest increase of the loss between 0 and 1"),
        "relative_violation": Variable((*RUN, "loss"), "largest increase of the loss relative to L(0) - L(1)"),
        "pair_value": Variable((*PAIR, "loss", "alpha"), "loss on the line between the final points of two seeds"),
        **{f"pair_{name}": Variable((*PAIR, "alpha"), f"{text} between two seeds") for name, text in ERRORS.items()},
        "energy_minimum": Variable((), "energy of the exact solution"),
    },
    {**OF_RUNS, **OF_PAIRS, "alpha": Variable("alpha", "position on the line, 0 at the first end and 1 at the second end")},
)


def grid(points: int, extension: float) -> np.ndarray:
    """Equally spaced positions: ``points`` on [0, 1], including exactly 0 and 1, and more beyond both ends.

    Args:
        points: number of positions on [0, 1], at least 2.
        extension: length by which the line extends beyond each end, rounded up to whole steps.

    Raises:
        ValueError: too few points, or a negative extension.
    """
    if points < 2:
        raise ValueError(f"`points` must be at least 2 (both ends), not {points}")
    if extension < 0:
        raise ValueError(f"`extension` must be at least 0, not {extension}")
    steps = points - 1
    beyond = math.ceil(extension * steps - 1e-9)
    return np.arange(-beyond, steps + beyond + 1) / steps


def line(a: Tensor, b: Tensor, alpha: np.ndarray) -> Tensor:
    """theta(alpha) = (1 - alpha) a + alpha b (n, P), exactly a at 0 and exactly b at 1 (Goodfellow et al. 2015, sec. 2).

    Args:
        a: (P,).
        b: (P,).
        alpha: positions (n,).
    """
    t = torch.tensor(alpha, dtype=a.dtype, device=a.device)[:, None]
    return (1 - t) * a + t * b


def monotone_violation(alpha: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Max over alpha₁ < alpha₂ in [0, 1] of [L(alpha₂) - L(alpha₁)]₊ (Lucas et al. 2021: the smallest Δ of Δ-monotonicity).

    Args:
        alpha: positions (n,), ascending, including 0 and 1.
        losses: (..., n).

    Returns:
        Violations (...): 0 if the loss never increases; NaN if the loss does not exist at some position in [0, 1].
    """
    _, losses = profiles.between_ends(alpha, losses)
    return np.max(losses - np.minimum.accumulate(losses, axis=-1), axis=-1)


def relative_violation(alpha: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The monotone violation relative to the decrease L(0) - L(1); NaN unless L(1) < L(0)."""
    _, inside = profiles.between_ends(alpha, losses)
    decrease = inside[..., 0] - inside[..., -1]
    return monotone_violation(alpha, losses) / np.where(decrease > 0, decrease, np.nan)


def profile(family: Losses, a: Tensor, b: Tensor, alpha: np.ndarray) -> Profile:
    """Losses and errors on the line through a and b; see ``profiles.profile``."""
    return profiles.profile(family, line(a, b, alpha))


def dataset(runs: Runs, points: int, extension: float) -> xr.Dataset:
    """Losses on the lines from the initial to the final point of every run, and between the final points of pairs of seeds.

    Args:
        runs: all runs of a problem.
        points: number of positions on each line; see ``grid``.
        extension: extension of each line; see ``grid``.

    Returns:
        ``value`` of losses (trained_on, seed, loss, alpha) and errors (trained_on, seed, alpha); ``pair_value`` (trained_on,
        pair, loss, alpha) and errors; monotone violations (trained_on, seed, loss); ``energy_minimum``. With a single seed,
        ``pair`` has length 0.
    """
    alpha = grid(points, extension)
    own = runs.collect(lambda run: _training_line(runs, run, alpha))
    shapes = {"value": (len(runs.losses), len(alpha)), **dict.fromkeys(ERRORS, (len(alpha),))}

    def between(first: Run, second: Run) -> Profile:
        return profile(runs.family, runs.tensor(first.theta()), runs.tensor(second.theta()), alpha)

    chosen = profiles.pairs(runs.seeds)
    measured = profiles.over_some_pairs(runs, chosen, between, shapes)
    values = {f"pair_{name}": table for name, table in measured.items()} | profiles.coordinates(runs, chosen)
    energy = {"energy_minimum": runs.family.energy_minimum, "alpha": alpha}
    return FILE.described(
        own.merge(
            FILE.dataset(values | energy, notes=profiles.notes(chosen)), join="exact", compat="equals", combine_attrs="override"
        )
    )


def _training_line(runs: Runs, run: Run, alpha: np.ndarray) -> xr.Dataset:
    a, b = (runs.tensor(run.theta(name)) for name in ("init", "final"))
    measured = profile(runs.family, a, b, alpha)
    loss = measured["value"]
    values = {
        **measured,
        "violation": monotone_violation(alpha, loss),
        "relative_violation": relative_violation(alpha, loss),
        "alpha": alpha,
        "loss": list(runs.losses),
    }
    return FILE.dataset(values, outside=RUN)
