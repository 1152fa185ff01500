"""Our side of the benchmarks: one function each, which makes everything ready and returns what is timed.

Whatever drives the library faster is plugged in here, and only here: ``discretized`` makes the one discretisation that all of them use.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from benchmarks.worker import Job
from torch import Tensor

from pinnscape.config.sections import (
    AdamSettings,
    Model,
    NetworkSettings,
    QuadratureSettings,
    SnapshotSettings,
    TrainingSettings,
)
from pinnscape.landscape.spectral import interpolate
from pinnscape.landscape.surfaces import evaluate
from pinnscape.linalg import density as spectral_density
from pinnscape.linalg.lanczos import extremes
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import discretization
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.objective import tensor
from pinnscape.training.loop import train

WIDTH, DEPTH, POINTS = 32, 3, 24
KERNELS = Compiler(Path(".cache/kernels"))


@cache
def discretized(
    problem: str = "poisson2d", rule: str = "gauss-legendre", points: int = POINTS, width: int = WIDTH, depth: int = DEPTH
) -> Discretization:
    network, quadrature = NetworkSettings(width=width, depth=depth), QuadratureSettings.of({"rule": rule, "points": points})
    model = Model(problem=problem, network=network, quadrature=quadrature, parameters={})
    return discretization(model, compiler=KERNELS)


@cache
def objective(
    problem: str = "poisson2d", formulation: str = "strong-form", rule: str = "gauss-legendre", width: int = WIDTH
) -> FieldObjective:
    return discretized(problem, rule, width=width).objective(formulation)


def at_points(d: Discretization, formulation: str) -> dict[str, np.ndarray]:
    """Points (n, d), weights (n,) and load (n, c) of the term of the equation."""
    points = d.assembly.terms[f"{formulation}/interior"].points
    load = np.stack([points.data[f"load_{name}"] for name in d.problem.components], -1)
    return {"points": points.points[0], "weights": points.weights, "load": load}


def initial(problem: str = "poisson2d", width: int = WIDTH) -> np.ndarray:
    """Parameters (P,) before any training; no bias is zero, as some peers divide by it."""
    theta = discretized(problem, width=width).network.initial("glorot", seed=0)
    return theta + 0.1 * np.random.default_rng(1).standard_normal(theta.shape)


@cache
def trained(problem: str = "poisson2d", width: int = WIDTH, steps: int = 200) -> np.ndarray:
    """Parameters (P,) after a short training of the strong form."""
    start = tensor(initial(problem, width))
    history = train(objective(problem, width=width), start, _adam(steps, 0.01, steps), "start")
    return history.snapshots[-1][2]


def grid(
    origin: np.ndarray, directions: np.ndarray, coordinates: np.ndarray, formulation: str | None = None, **shape: int
) -> Job:
    """A plain grid, by name: one loss, or all losses and errors at once."""
    d, at, rows = discretized(**shape), tensor(origin), tensor(directions)
    measure = d.measure if formulation is None else _alone(d.objective(formulation))
    return lambda: evaluate(measure, at, rows, coordinates, d.batch)


def _alone(target: FieldObjective) -> Callable[[Tensor], dict[str, Tensor]]:
    return lambda thetas: {target.name: target.loss(thetas)}


def picture(
    origin: np.ndarray, directions: np.ndarray, axes: tuple[np.ndarray, np.ndarray], formulation: str, tolerance: float
) -> Job:
    """One loss on a fine grid, from an interpolant that is within ``tolerance`` of its range."""
    d, at, rows = discretized(), tensor(origin), tensor(directions)

    def function(points: np.ndarray) -> np.ndarray:
        return evaluate(_alone(objective(formulation=formulation)), at, rows, points, d.batch)[formulation][None]

    domain = tuple((float(axis[0]), float(axis[-1])) for axis in axes)

    def draw() -> dict[str, np.ndarray]:
        found = interpolate(function, domain, tolerance, seed=0)
        return {"losses": found.interpolant.on_grid(*axes)[0], "evaluations": np.array(found.evaluations)}

    return draw


def products(problem: str, vectors: np.ndarray, together: bool) -> Job:
    """Hessian-vector products, one at a time or all together."""
    target, at, rows = objective(problem), tensor(trained(problem)), tensor(vectors)
    blocks = [rows] if together else rows.split(1)
    return lambda: {"products": torch.cat([target.hessian_product(at, block) for block in blocks]).numpy()}


def spectrum(probes: int, steps: int, grid_points: int, width: int = WIDTH) -> Job:
    """Spectral density by stochastic Lanczos quadrature, with the smoothed density on a regular grid."""
    target, at = objective(width=width), tensor(trained(width=width))

    def quadrature() -> dict[str, np.ndarray]:
        starts: list[Tensor] = []

        def operator(vectors: Tensor) -> Tensor:
            starts.extend([] if starts else [vectors])
            return target.hessian_product(at, vectors)

        nodes, weights = spectral_density.quadrature(operator, at, probes, steps, seed=0)
        spread = np.ptp(nodes)
        points = np.linspace(nodes.min() - 0.1 * spread, nodes.max() + 0.1 * spread, grid_points)
        density = spectral_density.smooth(nodes, weights, points, spread / steps)
        return {"nodes": nodes, "weights": weights, "density": density, "starts": starts[0].numpy()}

    return quadrature


def eigenpairs(count: int, tolerance: float, smallest: bool, width: int = WIDTH) -> Job:
    """The largest (and smallest) eigenpairs with residuals within ``tolerance`` of the largest eigenvalue, in descending order."""
    target, at = objective(width=width), tensor(trained(width=width))

    def pairs() -> dict[str, np.ndarray]:
        found = extremes(lambda v: target.hessian_product(at, v), at, count, target.size, tolerance, 0, smallest)
        return {"values": found.values.numpy(), "vectors": found.vectors.numpy(), "steps": np.array(found.steps)}

    return pairs


def adam(steps: int, rate: float, log_every: int) -> Job:
    """Training by Adam at a constant rate, full batch, with points of equal weights; ``losses`` has those that were recorded."""
    target, start = objective(rule="uniform"), tensor(initial())

    def run() -> dict[str, np.ndarray]:
        history = train(target, start, _adam(steps, rate, log_every), "adam")
        return {"losses": history.column("loss"), "theta": history.snapshots[-1][2]}

    return run


def _adam(steps: int, rate: float, log_every: int) -> TrainingSettings:
    adam = AdamSettings(optimizer="adam", steps=steps, learning_rate=rate)
    return TrainingSettings(phases=(adam,), log_every=log_every, snapshots=SnapshotSettings(even=0, logarithmic=0))
