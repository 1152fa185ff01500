"""Losses along straight and curved paths between the final points of seeds."""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.connectivity import elastic_band, profiles, trained_paths
from pinnscape.connectivity.elastic_band import Band
from pinnscape.connectivity.profiles import ERRORS, OF_PAIRS, PAIR
from pinnscape.connectivity.trained_paths import Training
from pinnscape.files.description import File, Variable
from pinnscape.files.dimensions import PARAMETER
from pinnscape.losses.objective import Objective
from pinnscape.training.runs import Run, Runs

CURVED = ("bezier", "chain", "band")
PATHS = ("straight", *CURVED)
_PATH = (*PAIR, "path")
FILE = File(
    "curves.nc",
    {
        "value": Variable((*_PATH, "loss", "t"), "loss on the path between two seeds"),
        **{name: Variable((*_PATH, "t"), f"{text} on this path") for name, text in ERRORS.items()},
        "barrier": Variable((*_PATH, "loss"), "largest excess of the loss over the chord between both ends"),
        "relative_barrier": Variable((*_PATH, "loss"), "barrier relative to the mean gap of the two initial points"),
        "length": Variable(_PATH, "length of the path relative to the distance between its ends"),
        "bezier": Variable(
            (*PAIR, "bezier_point", "parameter"), "control points of the quadratic Bézier curve, including both ends"
        ),
        "chain": Variable((*PAIR, "chain_point", "parameter"), "corners of the polygonal chain, including both ends"),
        "band": Variable((*PAIR, "band_point", "parameter"), "images of the nudged elastic band, including both ends"),
        "energy_minimum": Variable((), "energy of the exact solution"),
    },
    {
        **OF_PAIRS,
        **PARAMETER,
        "path": Variable("path", "straight line, Bézier curve, polygonal chain, or nudged elastic band"),
        "t": Variable("t", "position on the path, 0 at the first and 1 at the second seed"),
        **{f"{name}_point": Variable(f"{name}_point", "index of the point, 0 for the first end") for name in CURVED},
    },
    """\
The points of a path are theta(t) = Σ basisₖ(t) pointₖ. The basis of the Bézier curve is (1 − t)², 2t(1 − t), t²; the chain and
the band are polygons with corners at equal steps of t. The paths are trained on the loss that trained their ends.""",
)


def bezier(objective: Objective, a: Tensor, b: Tensor, training: Training) -> Tensor:
    """Control points (3, P) of a quadratic Bézier curve from a (P,) to b (P,) that is trained on Gauss-Legendre nodes."""
    rule = trained_paths.quadrature(training.nodes)
    return trained_paths.train(objective, a, b, trained_paths.bezier, rule, training)


def chain(objective: Objective, a: Tensor, b: Tensor, training: Training, segments: int) -> Tensor:
    """Corners (segments + 1, P) of a polygonal chain from a to b, trained on at least two Gauss nodes in each segment."""
    basis, rule = trained_paths.chain(segments), trained_paths.quadrature(max(2, training.nodes // segments), segments)
    return trained_paths.train(objective, a, b, basis, rule, training)


def band(objective: Objective, a: Tensor, b: Tensor, training: Training, shape: Band) -> Tensor:
    """Images (n, P) of a nudged elastic band from a (P,) to b (P,), including both ends."""
    return elastic_band.relax(objective, a, b, shape, training)


def points(path: str, control: Tensor, t: np.ndarray) -> Tensor:
    """Points (n, P) at positions (n,) of a path with control points (m, P) from a file."""
    basis = trained_paths.bezier if path == "bezier" else trained_paths.chain(len(control) - 1)
    return trained_paths.points_on(basis(t), control)


def paths_between(
    objective: Objective, a: Tensor, b: Tensor, training: Training, segments: int, shape: Band
) -> dict[str, Tensor]:
    """Control points of every path from a (P,) to b (P,), trained on one loss."""
    return {
        "straight": trained_paths.straight(a, b, 2),
        "bezier": bezier(objective, a, b, training),
        "chain": chain(objective, a, b, training, segments),
        "band": band(objective, a, b, training, shape),
    }


def dataset(runs: Runs, pairs: int, training: Training, segments: int, shape: Band) -> xr.Dataset:
    """Losses along paths between the final points of pairs of seeds; the paths are trained on the loss that trained these points.

    Args:
        runs: all runs of a problem.
        pairs: maximum number of pairs.
        training: settings of the training of the paths.
        segments: number of segments of the chain.
        shape: size and stiffness of the band.

    Returns:
        ``value`` of losses (trained_on, pair, path, loss, t), errors (trained_on, pair, path, t), ``barrier`` and ``relative_barrier``
        (trained_on, pair, path, loss), ``length`` (trained_on, pair, path), the control points of the curves and ``energy_minimum``.
        With a single seed, ``pair`` has length 0.
    """
    t = training.positions
    chosen = profiles.pairs(runs.seeds)[:pairs]

    def between(first: Run, second: Run) -> dict[str, np.ndarray]:
        a, b = (runs.tensor(run.theta()) for run in (first, second))
        found = paths_between(runs.objective(first.trained_on), a, b, training, segments, shape)
        on = {name: points(name, found[name], t) for name in PATHS}
        along = [profiles.profile(runs.family, on[name]) for name in PATHS]
        measured = {name: np.array([one[name] for one in along]) for name in along[0]}
        starts = runs.family.measure(torch.stack([runs.tensor(run.theta("init")) for run in (first, second)]))
        initial = [float((starts[name] - runs.objective(name).minimum).mean()) for name in runs.losses]
        height = profiles.barrier(t, measured["value"])
        return {
            **measured,
            "barrier": height,
            "relative_barrier": height / np.where(np.array(initial) > 0, initial, np.nan),
            "length": np.array([float(on[name].diff(dim=0).norm(dim=1).sum() / (b - a).norm()) for name in PATHS]),
            **{name: found[name].cpu().numpy() for name in CURVED},
        }

    n, kinds, losses, size = len(t), len(PATHS), len(runs.losses), runs.family.size
    heights = dict.fromkeys(("barrier", "relative_barrier"), (kinds, losses))
    shapes = {"value": (kinds, losses, n), **dict.fromkeys(ERRORS, (kinds, n)), **heights, "length": (kinds,)}
    counts = {"bezier": 3, "chain": segments + 1, "band": shape.final_images + 2}
    shapes |= {name: (count, size) for name, count in counts.items()}
    values = {
        **profiles.over_some_pairs(runs, chosen, between, shapes),
        "energy_minimum": runs.family.energy_minimum,
        **profiles.coordinates(runs, chosen),
        "path": list(PATHS),
        "t": t,
    }
    return FILE.dataset(values, notes=profiles.notes(chosen))
