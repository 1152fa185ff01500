"""Effect of the quadrature rule on the roughness of a landscape: the same network along the same lines under several rules.

The roughness index RI = std(T)/mean(T) over random lines (Wu et al. 2021) is computed for the losses under each rule, and the
profile along each line is compared with the profile under a fine Gauss-Legendre rule.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr

from pinnscape.config.sections import DirectionSettings
from pinnscape.config.sections import Rule as RuleName
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import LOSS, OF_RUNS, RUN
from pinnscape.landscape import roughness
from pinnscape.landscape.axes import centred_axis
from pinnscape.landscape.directions import random
from pinnscape.losses.discretization import Discretization
from pinnscape.problems.points import SETS, Rule
from pinnscape.training.runs import Run, Runs

_STREAM = 2  # second entry of the random seeds, which reproduces the lines of surface-lines.nc
_RULE = (*RUN, "loss", "rule", "points")
FILE = File(
    "roughness_rules.nc",
    {
        "variation": Variable((*_RULE, "line"), "normalised variation T along the line"),
        "roughness_index": Variable(_RULE, "standard deviation of T over its mean"),
        "deviation": Variable(
            (*_RULE, "line"), "largest difference from the loss under the fine rule, relative to its range on the line"
        ),
        "reference_variation": Variable((*RUN, "loss", "line"), "normalised variation T under the fine rule"),
        "reference_index": Variable((*RUN, "loss"), "roughness index under the fine rule"),
    },
    {
        **OF_RUNS,
        **LOSS,
        "rule": Variable("rule", "quadrature rule"),
        "points": Variable(
            "points", "number of quadrature points along each axis; Simpson's rule has one more if the number is even"
        ),
        "line": Variable("line", "index of the line, as in directions-lines.nc"),
    },
    "The fine rule is a Gauss-Legendre rule with `techniques.roughness_rules.reference` points along each axis. The lines "
    "extend from -radius to radius, where `radius` is an attribute.",
)


class Settings(Protocol):
    """Settings of the rules and the lines; see ``techniques.roughness_rules``."""

    rules: tuple[RuleName, ...]
    points: tuple[int, ...]
    reference: int
    lines: int
    radius: float
    line_points: int


def dataset(runs: Runs, settings: Settings, directions: DirectionSettings) -> xr.Dataset:
    """Dataset of roughness_rules.nc: roughness of each loss along random lines through the final points, by quadrature rule.

    Args:
        runs: all runs of a problem.
        settings: settings of the rules and the lines.
        directions: normalisation of the directions.

    Returns:
        Variables over trained_on, seed, loss, rule, points and line. Simpson's rule has one point more if the number is even.
    """
    rules, counts = settings.rules, settings.points
    fine = with_rule(runs.discretization, "gauss-legendre", settings.reference)
    coarse = {(rule, count): with_rule(runs.discretization, rule, count) for rule in rules for count in counts}
    measured = runs.collect(lambda run: _measure(runs, run, fine, coarse, settings, directions))
    return FILE.described(
        measured.assign_attrs(normalization=directions.normalization, bias=directions.bias, radius=settings.radius)
    )


def with_rule(discretization: Discretization, rule: str, points: int) -> Discretization:
    """The same problem and network under another quadrature rule; compiled code does not depend on the rule and is shared."""
    points += rule == "simpson" and points % 2 == 0
    sets = rule in SETS
    return discretization.with_rules(Rule(rule, points**discretization.problem.domain.dimension if sets else points))


def profiles(discretization: Discretization, theta: torch.Tensor, lines: torch.Tensor, alpha: np.ndarray) -> np.ndarray:
    """Losses (loss, line, alpha) at theta + alpha · line for lines (k, P)."""
    steps = torch.tensor(alpha, dtype=theta.dtype, device=theta.device)[:, None]
    found = [discretization.measure(theta + steps * line) for line in lines]
    return np.array([[row[name].cpu().numpy() for row in found] for name in discretization.losses])


def deviation(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Largest difference along each line (..., line), relative to the range of the reference; NaN if no value exists."""
    range_ = _over(np.nanmax, reference) - _over(np.nanmin, reference)
    return _over(np.nanmax, np.abs(values - reference)) / np.where(range_ > 0, range_, np.nan)


def _over(statistic: Any, values: np.ndarray) -> np.ndarray:
    """A statistic over the last axis that ignores NaN; NaN if all values are NaN."""
    empty = np.asarray(np.isnan(values).all(-1, keepdims=True))
    return np.where(empty[..., 0], np.nan, statistic(np.where(empty, 0.0, values), axis=-1))


def _measure(
    runs: Runs,
    run: Run,
    fine: Discretization,
    coarse: Mapping[tuple[str, int], Discretization],
    settings: Settings,
    directions: DirectionSettings,
) -> xr.Dataset:
    theta = run.theta()
    how = directions.normalization, directions.bias
    rows = random(theta, run.layout, settings.lines, [run.seed, _STREAM], *how)
    alpha = centred_axis(settings.radius, settings.line_points)
    at, lines = runs.tensor(theta), runs.tensor(rows)
    reference = profiles(fine, at, lines, alpha)
    shape = len(settings.rules), len(settings.points)
    found = np.array([profiles(d, at, lines, alpha) for d in coarse.values()]).reshape(*shape, *reference.shape)
    found = np.moveaxis(found, 2, 0)  # loss, rule, points, line, alpha
    variation = _variation(alpha, found)
    own = _variation(alpha, reference)
    values = {
        "variation": variation,
        "roughness_index": _index(variation),
        "deviation": deviation(found, reference[:, None, None]),
        "reference_variation": own,
        "reference_index": _index(own),
        "loss": list(runs.losses),
        "rule": list(settings.rules),
        "points": settings.points,
    }
    return FILE.dataset(values, outside=RUN)


def _variation(alpha: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Normalised variations T (...) of profiles (..., alpha)."""
    flat = [roughness.normalized_variation(alpha, row) for row in values.reshape(-1, len(alpha))]
    return np.reshape(flat, values.shape[:-1])


def _index(variation: np.ndarray) -> np.ndarray:
    """Roughness indices RI (...) of variations (..., line)."""
    flat = [roughness.roughness_index(row) for row in variation.reshape(-1, variation.shape[-1])]
    return np.reshape(flat, variation.shape[:-1])
