"""critical_points.nc: where searches for critical points of the trained losses end."""

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
from pinnscape.networks.mlp import Layer
from pinnscape.training.runs import Run, Runs
from pinnscape.training.snapshots import logarithmic

log = logging.getLogger(__name__)
_STREAM = 15  # second entry of the seeds: no other technique draws the same numbers
ORIGINS = ("snapshot", "random")
_NUMBERS = {
    "gap": "loss above its exact minimum where the search ended",
    "quadrature_error": "error of this gap by the quadrature rule",
    "gradient_norm": "norm of the gradient there",
    "relative_gradient": "norm of the gradient there, relative to that at the initial point of the run",
    "rate": "‖H g‖ / ‖g‖",
    "relative_rate": "‖H g‖ / (‖H‖ ‖g‖)",
    "slope": "relative slope of the norm of the gradient, ‖H g‖ / ‖g‖², times the norm of the initial point",
    "index": "number of negative eigenvalues of the Hessian there",
    "index_at_least": "number of negative eigenvalues that are certain, a lower bound",
    "index_fraction": "share of negative eigenvalues",
    "zero": "number of eigenvalues that count as zero",
    "largest": "largest eigenvalue, NaN where it is not verified",
    "smallest": "smallest eigenvalue, NaN where it is not verified",
    "steps": "steps of L-BFGS",
    "hessians": "Hessians that Newton steps were taken with",
    "start_step": "optimisation step of the snapshot where the search started",
    "start_gap": "loss above its exact minimum where the search started",
    "start_gradient": "norm of the gradient where the search started",
    "distance": "distance from the start",
}
_START = (*RUN, "start")
FILE = File(
    "critical_points.nc",
    {
        **{name: Variable(_START, text) for name, text in _NUMBERS.items()},
        "kind": Variable(_START, "kind of the point where the search ended", flags=KINDS),
        "level": Variable(
            _START,
            "rank of the loss among the distinct losses of critical points of the run, from the lowest (-1: not critical)",
        ),
        "eigenvalue": Variable(
            (*_START, "eigen"), "eigenvalues of the Hessian there, descending: all, or both ends above dense_limit"
        ),
        "theta": Variable((*_START, "parameter"), "parameters of the network where the search ended"),
    },
    {
        **OF_RUNS,
        **PARAMETER,
        "start": Variable("start", "index of the search"),
        "origin": Variable("start", "where the search started", flags=ORIGINS),
        "scale": Variable("start", "scale of the random start"),
        "eigen": Variable("eigen", "rank of the eigenvalue"),
    },
    """\
Attributes: `goal`, the gradient of a critical point relative to that at the initial point, `flat`, `null_tolerance` and `same` are settings;
`parameters`: P. Where a training has fewer snapshots than asked for, the last searches from snapshots are NaN.""",
)


class Settings(critical_points.Settings, Protocol):
    """Of the searches, of where they start, and of what counts as critical; see ``techniques.critical_points``."""

    snapshots: int
    random: int
    scales: tuple[float, ...]
    seed: int
    goal: float
    flat: float
    null_tolerance: float
    same: float


def dataset(runs: Runs, settings: Settings) -> xr.Dataset:
    """critical_points.nc. The loss that was trained.

    Args:
        runs: of one problem.
        settings: of the searches, of where they start, and of what counts as critical.

    Returns:
        Dimensions trained_on, seed, start, eigen. Where a training has fewer snapshots than asked for, the last ones of the searches from
        snapshots are NaN.
    """
    collected = runs.collect(lambda run: _measure(runs, run, settings))
    chosen = {name: getattr(settings, name) for name in ("goal", "flat", "null_tolerance", "same")}
    return FILE.described(collected.assign_attrs(parameters=runs.discretization.network.size, **chosen))


def random_starts(
    theta: np.ndarray, layers: tuple[Layer, ...], count: int, scales: Sequence[float], seed: list[int]
) -> np.ndarray:
    """Points (count * scales, P) drawn as initial points are: weights normal with the deviation that those of the layer have in theta (P,),
    biases equal to those in theta; each point then at every scale.
    """
    generator, deviations = np.random.default_rng(seed), np.zeros_like(theta)
    for layer in layers:
        deviations[layer.weights] = np.sqrt(np.mean(theta[layer.weights] ** 2))
    drawn = generator.standard_normal((count, len(theta))) * deviations + np.where(deviations > 0, 0.0, theta)
    return np.concatenate([scale * drawn for scale in scales]) if scales else drawn[:0]


def levels(gaps: np.ndarray, same: float) -> np.ndarray:
    """Ranks (n,) of gaps (n,) among the distinct ones, from the lowest; -1 for NaN.

    Up to symmetries of the network, and along manifolds of critical points, the loss is the same: a distinct loss is what tells two of them apart.

    Args:
        gaps: NaN for points that do not count.
        same: two neighbours that differ by at most this, relative to the larger in magnitude, are one.
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
    fresh = random_starts(initial, run.layers, settings.random, settings.scales, [run.seed, _STREAM, settings.seed])
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
    """Numbers, kind, spectrum and end (P,) of one search; ``unit`` is ‖g‖ and ``length`` ‖theta‖ of the initial point."""
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
    gaps = np.where(
        np.abs(numbers["gap"]) <= numbers["quadrature_error"], 0.0, numbers["gap"]
    )  # which is all that is known of them
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
