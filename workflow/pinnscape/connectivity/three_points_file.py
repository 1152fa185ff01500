"""The planes of three_points.nc: through two seeds and a curve, and through both physics minimisers and their initial point."""

from functools import partial

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.config.sections import PathTraining
from pinnscape.connectivity import curves, profiles
from pinnscape.connectivity.profiles import OF_PAIRS, PAIR
from pinnscape.connectivity.trained_paths import Training
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import PARAMETER
from pinnscape.landscape.surfaces import evaluate
from pinnscape.landscape.three_points import frame, pass_height, square_grid
from pinnscape.training.runs import Run, Runs

_CURVE_POINTS = 101
_AXES = ("x", "y")
_LENGTHS = "in units of the distance between the first two points"
_NAMES = {"relative_pass": "pass"}


def _of_planes(name: str, owner: tuple[str, ...], points: str) -> dict[str, Variable]:
    """The variables of the planes ``name`` through ``points``, over the dimensions ``owner``."""
    return {
        f"{name}_gap": Variable((*owner, "loss", "column", "row"), f"gap on the plane through {points}"),
        f"{name}_x": Variable((*owner, "column"), f"coordinate towards the second point, {_LENGTHS}"),
        f"{name}_y": Variable((*owner, "row"), f"coordinate at a right angle to the first one, {_LENGTHS}"),
        f"{name}_corner": Variable((*owner, "corner", "axis"), f"coordinates of the three points, {_LENGTHS}"),
        f"{name}_pass": Variable(
            (*owner, "loss"),
            "height on the grid of the pass between the first two points above the higher of them, "
            "relative to the mean gap of the initial points",
        ),
    }


FILE = File(
    "three_points.nc",
    {
        **_of_planes("seeds", PAIR, "two seeds and the middle of a curve between them"),
        "seeds_curve": Variable((*PAIR, "t", "axis"), f"Bézier curve between the seeds, {_LENGTHS}"),
        "seeds_control": Variable((*PAIR, "control", "parameter"), "control points of this curve, including both ends"),
        **_of_planes(
            "physics",
            ("seed",),
            "the points of the two losses that claims compare (such as Deep Ritz and strong form) and their initial point",
        ),
    },
    {
        **OF_PAIRS,
        **PARAMETER,
        "seed": Variable("seed", "seed of both training runs"),
        "corner": Variable("corner", "the three points of a plane"),
        "axis": Variable("axis", "coordinate in a plane"),
        "t": Variable("t", "position on the curve"),
        "column": Variable("column", "index along the first axis of the grid"),
        "row": Variable("row", "index along the second axis of the grid"),
        "control": Variable("control", "index of the control point, 0 for the first end"),
    },
    """\
The curve is trained on the loss that trained the seeds; its midpoint is the combination of the control points with weights ¼, ½
and ¼. The ends of the curve and the points of the other planes are stored in checkpoints.nc. The attribute `compared` names the
two losses of these planes, called physics losses.""",
)


def plane(runs: Runs, points: tuple[Tensor, Tensor, Tensor], count: int, margin: float) -> dict[str, np.ndarray]:
    """The gap of every loss on the plane through three points (P,), and the pass between the first two.

    Args:
        runs: all runs of a problem.
        points: see ``frame``.
        count: number of points along each axis.
        margin: see ``square_grid``.

    Returns:
        ``gap`` (loss, x, y), coordinates ``x`` and ``y``, ``corner`` (3, 2), and ``pass`` (loss,): the height of the pass above
        the higher of the first two points.
    """
    axes, corners = frame(*points)
    x, y = square_grid(corners, margin, count)
    coordinates = np.stack(np.meshgrid(x, y, indexing="ij"), -1)
    family = runs.family
    measured = evaluate(partial(family.measure, what="fields"), points[0], axes, coordinates, family.batch)
    gap = np.stack([measured[name] - runs.objective(name).minimum for name in runs.losses])
    gap[~np.isfinite(gap)] = np.nan
    return {"gap": gap, "x": x, "y": y, "corner": corners, "pass": np.array([_pass(table, x, y) for table in gap])}


def _pass(table: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Height of the pass between (0, 0) and (1, 0) above the higher of the two; NaN if (1, 0) is not on the grid."""
    if 1.0 not in x:
        return float("nan")
    row = int(np.flatnonzero(y == 0)[0])
    first, second = ((int(np.flatnonzero(x == value)[0]), row) for value in (0, 1))
    return pass_height(table, first, second) - float(max(table[first], table[second]))


def through_seeds(runs: Runs, first: Run, second: Run, count: int, margin: float, training: Training) -> dict[str, np.ndarray]:
    """The plane of a Bézier curve between two seeds; the curve is trained on the loss that trained the seeds.

    The result of ``plane`` is extended by ``curve`` (_CURVE_POINTS, 2), ``relative_pass`` (loss,), and the control points
    ``control`` (3, P) of the curve.
    """
    a, b = (runs.tensor(run.theta()) for run in (first, second))
    control = curves.bezier(runs.objective(first.trained_on), a, b, training)
    t = np.linspace(0, 1, _CURVE_POINTS)
    found = plane(runs, (a, b, curves.points("bezier", control, np.array([0.5]))[0]), count, margin)
    # A quadratic Bézier curve in terms of its ends and its midpoint: c(t) = (1-t)(1-2t) a + 4t(1-t) c(½) + t(2t-1) b.
    weights = np.stack([(1 - t) * (1 - 2 * t), t * (2 * t - 1), 4 * t * (1 - t)], -1)
    height = _relative(runs, found["pass"], first, second)
    return {**found, "curve": weights @ found["corner"], "relative_pass": height, "control": control.cpu().numpy()}


def through_formulations(runs: Runs, seed: int, count: int, margin: float) -> dict[str, np.ndarray]:
    """The plane through the minimisers of both physics losses for one seed and their common initial point.

    The result of ``plane`` is extended by ``relative_pass`` (loss,).
    """
    first, second = (runs.run(name, seed) for name in runs.compared)
    points = runs.tensor(first.theta()), runs.tensor(second.theta()), runs.tensor(first.theta("init"))
    found = plane(runs, points, count, margin)
    return {**found, "relative_pass": _relative(runs, found["pass"], first, second)}


def dataset(runs: Runs, pairs: int, points: int, margin: float, path: PathTraining) -> xr.Dataset:
    """All losses on planes through three points.

    Args:
        runs: all runs of a problem.
        pairs: maximum number of pairs of seeds.
        points: number of points along each axis of the planes.
        margin: margin around the three points; see ``square_grid``.
        path: training of the Bézier curve.

    Returns:
        ``seeds_*`` (trained_on, pair, ...): the planes of ``through_seeds``; ``physics_*`` (seed, ...): those of
        ``through_formulations``. With a single seed, ``pair`` has length 0; without both physics formulations, ``seed`` has
        length 0.
    """
    n, losses, training = points, len(runs.losses), Training.of(path, _CURVE_POINTS)
    chosen = profiles.pairs(runs.seeds)[:pairs]
    seeds = runs.seeds if set(runs.compared) <= set(runs.formulations) else ()
    shapes = {"gap": (losses, n, n), "x": (n,), "y": (n,), "corner": (3, 2), "relative_pass": (losses,)}
    of_curve = {"curve": (_CURVE_POINTS, 2), "control": (3, runs.family.size)}
    between = profiles.over_some_pairs(
        runs, chosen, lambda a, b: through_seeds(runs, a, b, points, margin, training), shapes | of_curve
    )
    planes = [through_formulations(runs, seed, points, margin) for seed in seeds]
    physics = {name: np.array([found[name] for found in planes]).reshape(len(seeds), *shape) for name, shape in shapes.items()}
    values = {
        f"{name}_{_NAMES.get(key, key)}": array
        for name, found in (("seeds", between), ("physics", physics))
        for key, array in found.items()
    }
    coordinates = {
        **profiles.coordinates(runs, chosen),
        "seed": np.array(seeds, dtype=np.int64),
        "corner": ["first", "second", "third"],
        "axis": list(_AXES),
        "t": np.linspace(0, 1, _CURVE_POINTS),
    }
    compared = ", ".join(runs.compared)
    return FILE.dataset(values | coordinates, notes=profiles.notes(chosen), attributes={"compared": compared})


def _relative(runs: Runs, height: np.ndarray, first: Run, second: Run) -> np.ndarray:
    """Heights (loss,) relative to the mean gap of the two initial points."""
    a, b = (runs.tensor(run.theta("init")) for run in (first, second))
    starts = runs.family.measure(torch.stack([a, b]))
    initial = np.array([float((starts[name] - runs.objective(name).minimum).mean()) for name in runs.losses])
    return height / np.where(initial > 0, initial, np.nan)
