"""A plain torch module, which ``from_torch`` takes as it is, against packages for modules and against loops written by hand.

The module and its loss are those that the peers get: a network with hard boundary conditions and nested ``torch.autograd.grad``.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import torch
from benchmarks import ours
from benchmarks.pinn import BOUNDARIES, LOSSES, Pinn
from benchmarks.rows import Row, alternate, disagreement, relative
from benchmarks.suite import (
    DISTANCE,
    ERROR,
    GRID,
    LOSSLANDSCAPES,
    PICTURE,
    PYHESSIAN,
    ROWS,
    TOLERANCE,
    VECTORS,
    Duel,
    setting,
    visited,
)
from benchmarks.worker import Job, timed
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from pinnscape.interactive.models import from_torch
from pinnscape.landscape.spectral import interpolate
from pinnscape.landscape.surfaces import evaluate
from pinnscape.linalg.lanczos import extremes
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.losses.objective import tensor

NAME = "plain module"
OVERHEAD = 0.77  # a loop may take 1/1.3 of our time
PLANE, COUNT, EIGEN_TOLERANCE = 21, 5, 1e-6


@cache
def objective() -> ModuleObjective:
    theta = torch.tensor(ours.trained())
    return from_torch(Pinn(theta, ours.WIDTH, ours.DEPTH, BOUNDARIES["poisson2d"]), _loss())


@cache
def _loss() -> Callable[[nn.Module], Tensor]:
    arrays = ours.at_points(ours.discretized(), "strong-form")
    points, weights, load = (torch.tensor(arrays[name]) for name in ("points", "weights", "load"))
    of = LOSSES["poisson2d", "strong-form"]

    def loss(module: nn.Module) -> Tensor:
        x = points.requires_grad_()
        return of(module(x), x, weights, load)

    return loss


# ---- against packages ----


def modules(duel: Duel) -> Iterator[Row]:
    """A grid and a picture of the module, and products with its Hessian."""
    made, origin = setting(), tensor(ours.trained())
    measure = partial(_alone, objective())
    for steps, rows, target in ((GRID, GRID, OVERHEAD), (PICTURE, ROWS, 10.0)):
        plane = {"steps": steps, "distance": DISTANCE}
        duel.prepare("plane", made, rows=max(rows, 3) if steps == GRID else 3, record=True, **plane)
        found = duel.result()
        directions, axes, coordinates = visited(found["thetas"], steps)
        if steps == GRID:
            job: Job = partial(evaluate, measure, origin, tensor(directions), coordinates, objective().batch)
            agreement, allowed = relative(job()["loss"], found["losses"]), 1e-10
            note = "the same plane and the same module on both sides"
        else:
            job, allowed = _picture(measure, origin, tensor(directions), axes), ERROR
            own = np.stack(np.meshgrid(*axes, indexing="ij"), -1)[:3]
            some = evaluate(measure, origin, tensor(directions), own, objective().batch)["loss"]
            picture = job()
            agreement = float(np.abs(picture["losses"][:3] - some).max() / np.ptp(picture["losses"]))
            note = f"peer: {ROWS} rows timed, scaled to {PICTURE}; ours: {picture['evaluations']} evaluations"
        duel.prepare("plane", made, rows=rows, record=False, **plane)
        name = f"{'grid' if steps == GRID else 'picture'} {steps}×{steps}, {NAME}"
        rest = {"agreement": agreement, "allowed": allowed, "note": note}
        yield duel.row(name, job, LOSSLANDSCAPES, target, scale=steps / rows, **rest)
    vectors = np.random.default_rng(2).standard_normal((VECTORS, objective().size))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    duel.prepare("pyhessian_products", made, {"vectors": vectors})
    expected = duel.result()["products"]
    mine = products(vectors)
    agreement = disagreement(mine()["products"], expected)
    note = "both without the forward pass and the gradient, whose graph both keep"
    yield duel.row(
        f"{VECTORS} Hessian products, {NAME}", mine, PYHESSIAN, OVERHEAD, agreement=agreement, allowed=1e-10, note=note
    )


def _alone(target: ModuleObjective, thetas: Tensor) -> dict[str, Tensor]:
    return {"loss": target.loss(thetas)}


def _picture(measure: Callable, origin: Tensor, directions: Tensor, axes: tuple[np.ndarray, np.ndarray]) -> Job:
    def function(points: np.ndarray) -> np.ndarray:
        return evaluate(measure, origin, directions, points, objective().batch)["loss"][None]

    domain = tuple((float(axis[0]), float(axis[-1])) for axis in axes)

    def draw() -> dict[str, np.ndarray]:
        found = interpolate(function, domain, TOLERANCE, seed=0)
        return {"losses": found.interpolant.on_grid(*axes)[0], "evaluations": np.array(found.evaluations)}

    return draw


def products(vectors: np.ndarray) -> Job:
    """Products with the Hessian at the current parameters."""
    at, rows = objective().theta, tensor(vectors)
    return lambda: {"products": objective().hessian_product(at, rows).numpy()}


# ---- against loops ----


class Loop:
    """What a user writes: parameters set before each evaluation, and products from one graph of the gradient."""

    def __init__(self) -> None:
        theta = torch.tensor(ours.trained())
        self.module = Pinn(theta, ours.WIDTH, ours.DEPTH, BOUNDARIES["poisson2d"])
        self.parameters, self.loss = list(self.module.parameters()), _loss()
        gradient = torch.autograd.grad(self.loss(self.module), self.parameters, create_graph=True)
        self._gradient = torch.cat([part.flatten() for part in gradient])

    def plane(self, origin: Tensor, directions: Tensor, coordinates: np.ndarray) -> dict[str, np.ndarray]:
        found = np.empty(coordinates.shape[:-1])
        for index in np.ndindex(found.shape):
            at = origin + sum(float(c) * d for c, d in zip(coordinates[index], directions, strict=True))
            nn.utils.vector_to_parameters(at, self.parameters)
            found[index] = self.loss(self.module).item()
        nn.utils.vector_to_parameters(origin, self.parameters)
        return {"result": found}

    def product(self, vector: Tensor) -> Tensor:
        parts = torch.autograd.grad(self._gradient, self.parameters, vector, retain_graph=True)
        return torch.cat([part.flatten() for part in parts])

    def spectrum(self) -> dict[str, np.ndarray]:
        size = len(self._gradient)
        operator = LinearOperator((size, size), matvec=lambda v: self.product(torch.tensor(v.ravel())).numpy(), dtype=float)
        start = np.random.default_rng(0).standard_normal(size)
        return {"result": eigsh(operator, COUNT, which="LA", tol=EIGEN_TOLERANCE, v0=start)[0][::-1]}


def loops(repeats: int) -> Iterator[Row]:
    """A plane, products with the Hessian, and its largest eigenvalues."""
    loop, target, origin = Loop(), objective(), objective().theta
    rng = np.random.default_rng(3)
    directions = tensor(rng.standard_normal((2, target.size)) / target.size**0.5)
    axis = np.linspace(-1.0, 1.0, PLANE)
    coordinates = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    vectors = tensor(rng.standard_normal((VECTORS, target.size)))

    def largest() -> dict[str, np.ndarray]:
        product = partial(target.hessian_product, origin)
        found = extremes(product, origin, COUNT, target.size, EIGEN_TOLERANCE, 0, smallest=False)
        return {"result": found.values.numpy()[:COUNT]}

    jobs: dict[str, tuple[Job, Job, float]] = {
        f"plane {PLANE}×{PLANE}": (
            lambda: {"result": evaluate(partial(_alone, target), origin, directions, coordinates, target.batch)["loss"]},
            lambda: loop.plane(origin, directions, coordinates),
            1e-12,
        ),
        f"{VECTORS} Hessian products": (
            lambda: {"result": target.hessian_product(origin, vectors).numpy()},
            lambda: {"result": torch.stack([loop.product(v) for v in vectors]).numpy()},
            1e-12,
        ),
        f"largest {COUNT} eigenvalues": (largest, loop.spectrum, 1e-5),
    }
    for name, (mine, theirs, allowed) in jobs.items():
        agreement = disagreement(mine()["result"], theirs()["result"])
        seconds = alternate(lambda job=mine: timed(job)[0], lambda job=theirs: timed(job)[0], repeats)
        version, ratio = torch.__version__.split("+")[0], seconds[1] / seconds[0]
        note = "eigsh of scipy for the eigenvalues" if "eigen" in name else ""
        rest = {"agreement": agreement, "allowed": allowed, "note": note}
        yield Row(f"{name}, {NAME}", seconds[0], "loop in torch", version, seconds[1], ratio, f">= {OVERHEAD:.2g}", **rest)
