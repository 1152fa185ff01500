"""Dataset of critical_points.nc: end points of searches for critical points of the training losses."""

import logging
import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import OF_RUNS, PARAMETER, RUN
from pinnscape.landscape import critical_points
from pinnscape.landscape.critical_points import KINDS, Point, indices, kind, search
from pinnscape.losses.objective import Objective
from pinnscape.networks.layout import Layout
from pinnscape.training.runs import Run, Runs
from pinnscape.training.snapshots import logarithmic

log = logging.getLogger(__name__)
_STREAM = 15  # second entry of the random seeds, so that no other technique draws the same numbers
ORIGINS = ("snapshot", "random")
_NUMBERS = {
    "gap": "excess of the loss over its exact minimum at the end point of the search",
    "quadrature_error": "quadrature error of this gap",
    "gradient_norm": "norm of the gradient g at the end point",
    "relative_gradient": "norm of the gradient at the end point, relative to that at the initial point of the run",
    "rate": "‖H g‖ / ‖g‖ at the end point, with the Hessian H",
    "relative_rate": "‖H g‖ / (‖H‖ ‖g‖) at the end point",
    "slope": "relative slope of the norm of the gradient, ‖H g‖ / ‖g‖², times the norm of the initial point",
    "index": "number of negative eigenvalues of the Hessian at the end point",
    "index_at_least": "lower bound of the number of negative eigenvalues",
    "index_fraction": "share of negative eigenvalues",
    "zero": "number of eigenvalues that count as zero",
    "largest": "largest eigenvalue; NaN if it is not verified",
    "smallest": "smallest eigenvalue; NaN if it is not verified",
    "steps": "number of L-BFGS steps",
    "hessians": "number of Hessians used for Newton steps",
    "start_step": "optimisation step of the snapshot at which the search started",
    "start_gap": "excess of the loss over its exact minimum at the start",
    "start_gradient": "norm of the gradient at the start",
    "distance": "distance between start and end point",
}
_START = (*RUN, "start")
FILE = File(
    "critical_points.nc",
    {
        **{name: Variable(_START, text) for name, text in _NUMBERS.items()},
        "kind": Variable(_START, "kind of the end point of the search", flags=KINDS),
        "level": Variable(
            _START,
            "rank of the loss among the distinct losses of critical points of the run, from the lowest (-1: not critical)",
        ),
        "eigenvalue": Variable(
            (*_START, "eigen"),
            "eigenvalues of the Hessian at the end point in descending order: all of them, or the largest and the smallest "
            "above dense_limit",
        ),
        "theta": Variable((*_START, "parameter"), "parameters of the network at the end point"),
    },
    {
        **OF_RUNS,
        **PARAMETER,
        "start": Variable("start", "index of the search"),
        "origin": Variable("start", "kind of the start of the search", flags=ORIGINS),
        "scale": Variable("start", "scale of the random start"),
        "eigen": Variable("eigen", "rank of the eigenvalue"),
    },
    """\
Attributes: `goal` (norm of the gradient up to which a point counts as critical, relative to that at the initial point), `flat`,
`null_tolerance` and `same` are settings; `parameters` is P. If a training has fewer snapshots than requested, the last searches
from snapshots are NaN.""",
)


class Settings(critical_points.Settings, Protocol):
    """Settings of the searches, their starts and the classification of end points; see ``techniques.critical_points``."""

    snapshots: int
    random: int
    scales: tuple[float, ...]
    seed: int
    goal: float
    flat: float
    null_tolerance: float
    same: float


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """Dataset of critical_points.nc: searches for critical points of the training loss of each run.

    Args:
        runs: all runs of a problem.
        settings: settings of the searches, their starts, and the classification of their end points.

    Returns:
        Variables over trained_on, seed, start and eigen. If a training has fewer snapshots than requested, the last searches
        from snapshots are NaN.
    """
    collected = runs.collect(lambda run: _measure(runs, run, settings))
    chosen = {name: getattr(settings, name) for name in ("goal", "flat", "null_tolerance", "same")}
    return FILE.described(collected.assign_attrs(parameters=runs.family.size, **chosen))


def random_starts(theta: np.ndarray, layout: Layout, count: int, scales: Sequence[float], seed: list[int]) -> np.ndarray:
    """Random points (count * len(scales), P) drawn like initial points, each at every scale.

    Weights are normal with the root mean square of the weights of the same tensor in theta (P,) as standard deviation. Biases
    are equal to those in theta.
    """
    generator, deviations = np.random.default_rng(seed), np.zeros_like(theta)
    for block in layout.weights:
        deviations[block.indices] = np.sqrt(np.mean(theta[block.indices] ** 2))
    drawn = generator.standard_normal((count, len(theta))) * deviations + np.where(deviations > 0, 0.0, theta)
    return np.concatenate([scale * drawn for scale in scales]) if scales else drawn[:0]


def levels(gaps: np.ndarray, same: float) -> np.ndarray:
    """Ranks (n,) of gaps (n,) among the distinct gaps, from the lowest; -1 for NaN.

    Critical points that are related by symmetries of the network, or lie on a manifold of critical points, have the same loss.
    Critical points are therefore distinguished by their losses.

    Args:
        gaps: gaps (n,); NaN for points that are not counted.
        same: relative difference up to which two neighbouring gaps are the same, with respect to the larger magnitude.
    """
    ranks, order = np.full(len(gaps), -1), np.argsort(gaps, kind="stable")
    rank, before = -1, math.nan
    for i in order[: int(np.isfinite(gaps).sum())]:
        rank += not abs(gaps[i] - before) <= same * max(abs(gaps[i]), abs(before))
        ranks[i], before = rank, gaps[i]
    return ranks


def _measure(runs: Runs, run: Run, settings: Settings) -> xr.Dataset:
    objective, initial = runs.objective(run.trained_on), run.snapshots[0]
    places = logarithmic(run.steps, settings.snapshots)
    missing = settings.snapshots - len(places)
    fresh = random_starts(initial, run.layout, settings.random, settings.scales, [run.seed, _STREAM, settings.seed])
    starts = [*run.snapshots[places], *[None] * missing, *fresh]
    unit = float(objective.gradient(runs.tensor(initial)).norm())
    length, goal = float(np.linalg.norm(initial)), max(settings.goal * unit, float(np.finfo(float).tiny))
    found = [_search(runs, objective, theta, settings, goal, unit, length) for theta in starts]
    rows, kinds, spectra, ends = (list(column) for column in zip(*found, strict=True))
    numbers = {name: np.array([row.get(name, math.nan) for row in rows]) for name in _NUMBERS}
    numbers["start_step"][: len(places)] = run.steps[places]
    tally = {name: kinds.count(i) for i, name in enumerate(KINDS)}
    log.info("%s, seed %d: %s", run.trained_on, run.seed, ", ".join(f"{n} {name}" for name, n in tally.items() if n))
    return _file(numbers, np.array(kinds, dtype="int8"), np.stack(spectra), np.stack(ends), settings)


def _search(
    runs: Runs,
    objective: Objective,
    theta: np.ndarray | None,
    settings: Settings,
    goal: float,
    unit: float,
    length: float,
) -> tuple[dict[str, float], int, np.ndarray, np.ndarray]:
    """Numbers, kind, spectrum and end point (P,) of a search; ``unit`` is ‖g‖ and ``length`` ‖theta‖ at the initial point."""
    size = objective.size
    spectrum, nowhere = np.full(size if size <= settings.eigensolver.dense_limit else 2, math.nan), np.full(size, math.nan)
    if theta is None:
        return {}, KINDS.index("no-loss"), spectrum, nowhere
    begin = runs.tensor(theta)
    loss, gradient = objective.loss_and_gradient(begin)
    row = {"start_gap": float(loss) - objective.minimum, "start_gradient": float(gradient.norm())}
    point = search(objective, begin, settings, goal)
    which = kind(point, goal, settings.flat / length if length > 0 else 0.0)
    if KINDS[which] == "no-loss":
        return row, which, spectrum, nowhere
    values = point.eigenvalues.cpu().numpy()
    if len(values):
        spectrum = values
    row |= _numbers(point, objective.minimum, unit, length) | {"distance": float((point.theta - begin).norm())}
    row["quadrature_error"] = float(runs.gap_errors(objective.name, point.theta[None])[0])
    index, zero, least = indices(point, size, settings.null_tolerance)
    row |= {"index": index, "index_fraction": index / size, "index_at_least": least, "zero": zero}
    return row, which, spectrum, point.theta.cpu().numpy()


def _numbers(point: Point, minimum: float, unit: float, length: float) -> dict[str, float]:
    known = len(point.eigenvalues) > 0
    return {
        "gap": point.loss - minimum,
        "gradient_norm": point.gradient_norm,
        "relative_gradient": point.gradient_norm / unit if unit > 0 else math.nan,
        "rate": point.rate,
        "relative_rate": point.rate / point.curvature if point.curvature > 0 else math.nan,
        "slope": point.slope * length,
        "largest": float(point.eigenvalues[0]) if known else math.nan,
        "smallest": float(point.eigenvalues[-1]) if known else math.nan,
        "steps": point.steps,
        "hessians": point.hessians,
    }


def _file(
    numbers: dict[str, np.ndarray], kinds: np.ndarray, spectra: np.ndarray, ends: np.ndarray, settings: Settings
) -> xr.Dataset:
    scales = np.repeat(np.array(settings.scales, float), settings.random)
    origins = np.repeat(np.arange(2, dtype="int8"), [settings.snapshots, len(scales)])
    # Gaps within the quadrature error are not distinguishable from 0.
    gaps = np.where(np.abs(numbers["gap"]) <= numbers["quadrature_error"], 0.0, numbers["gap"])
    critical = np.where(kinds == KINDS.index("critical"), gaps, math.nan)
    values = numbers | {
        "kind": kinds,
        "level": levels(critical, settings.same),
        "eigenvalue": spectra,
        "theta": ends,
        "origin": origins,
        "scale": np.concatenate([np.full(settings.snapshots, math.nan), scales]),
    }
    return FILE.dataset(values, outside=RUN)
