"""The peers' side of the benchmarks: the same network, points and losses, handed to each package the way its users do."""

import os

os.environ["DDE_BACKEND"] = "pytorch"

import copy
import warnings
from typing import Any

import numpy as np
import torch
from benchmarks.pinn import BOUNDARIES, LOSSES, Pinn
from benchmarks.worker import Job, Jobs
from torch import Tensor

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class Setting:
    """A network, points, weights, load and loss."""

    def __init__(self, problem: str, formulation: str, width: int, depth: int, **arrays: np.ndarray) -> None:
        self.model = Pinn(torch.tensor(arrays["theta"]), width, depth, BOUNDARIES[problem])
        self.points, self.weights, self.load = (torch.tensor(arrays[name]) for name in ("points", "weights", "load"))
        self._loss = LOSSES[problem, formulation]

    def loss(self, model: Any, points: Tensor) -> Tensor:
        """The loss of a module, or of anything else that maps points to u."""
        x = points.requires_grad_()
        return self._loss(model(x), x, self.weights, self.load)


# ---- loss-landscapes ----


class _Enough(Exception):
    """Ends a plane early."""


def plane(steps: int, distance: float, rows: int, record: bool, **setting: Any) -> Job:
    """``random_plane`` of loss-landscapes, up to ``rows`` of its ``steps`` rows, in the order in which it visits the points."""
    import loss_landscapes
    from loss_landscapes.metrics.metric import Metric

    made = Setting(**setting)

    class PinnLoss(Metric):
        def __init__(self) -> None:
            super().__init__()
            self.losses: list[float] = []
            self.thetas: list[np.ndarray] = []

        def __call__(self, wrapper: Any) -> float:
            if len(self.losses) == rows * steps:
                raise _Enough
            if record:
                self.thetas.append(torch.cat([p.detach().ravel() for p in wrapper.get_module_parameters().parameters]).numpy())
            self.losses.append(made.loss(wrapper.forward, made.points).item())
            return self.losses[-1]

    def run() -> dict[str, np.ndarray]:
        torch.manual_seed(0)
        metric = PinnLoss()
        try:
            loss_landscapes.random_plane(made.model, metric, distance, steps, normalization="filter", deepcopy_model=True)
        except _Enough:
            pass
        return {"losses": np.array(metric.losses), "thetas": np.array(metric.thetas)}

    return run


# ---- PyHessian and hessian-eigenthings ----


def pyhessian_products(vectors: np.ndarray, **setting: Any) -> Job:
    """PyHessian keeps the graph of the gradient, which is made here: what is timed is its product alone, the best it can do."""
    from pyhessian import hessian
    from pyhessian.utils import hessian_vector_product

    made = Setting(**setting)
    x = made.points.requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backward with create_graph, on every use of this class
        found = hessian(made.model, lambda u, load: made.loss(lambda _: u, x), data=(x, made.load), cuda=False)
    rows = [_split(made.model, row) for row in torch.tensor(vectors)]

    def run() -> dict[str, np.ndarray]:
        return {"products": np.stack([_flat(hessian_vector_product(found.gradsH, found.params, row)) for row in rows])}

    return run


def eigenthings_products(vectors: np.ndarray, **setting: Any) -> Job:
    """The operator of hessian-eigenthings, one vector after the other."""
    operator, rows = _operator(**setting), torch.tensor(vectors)
    return lambda: {"products": torch.stack([operator.matvec(row) for row in rows]).numpy()}


def eigenthings_density(probes: int, steps: int, grid_points: int, **setting: Any) -> Job:
    """Stochastic Lanczos quadrature of hessian-eigenthings; ``starts`` are the vectors it started from."""
    from hessian_eigenthings import LambdaOperator, spectral_density

    operator = _operator(**setting)

    def run() -> dict[str, np.ndarray]:
        seen: list[Tensor] = []

        def product(vector: Tensor) -> Tensor:
            seen.append(vector)
            return operator.matvec(vector)

        wrapped = LambdaOperator(product, operator.size, dtype=operator.dtype)
        found = spectral_density(wrapped, num_runs=probes, lanczos_steps=steps, num_grid_points=grid_points, seed=0)
        return {
            "nodes": found.raw_eigenvalues.numpy().ravel(),
            "weights": found.raw_weights.numpy().ravel() / probes,
            "starts": torch.stack(seen[::steps]).numpy(),
        }

    return run


def eigenthings_pairs(ends: list[str], count: int, tolerance: float, **setting: Any) -> Job:
    """Lanczos of hessian-eigenthings for the ``ends`` of the spectrum (``LA``: largest, ``SA``: smallest), one after the other.

    It takes a fixed number of steps: the fewest tens that bring the residuals within the tolerance are found here, untimed. It leaves out
    reorthogonalisation above 50 steps unless it is asked for; without, copies of converged eigenvalues come back.
    """
    from hessian_eigenthings import lanczos

    operator = _operator(**setting)

    def pairs(end: str, steps: int) -> Any:
        return lanczos(operator, k=count, max_iter=steps, tol=tolerance, reorthogonalize=True, which=end, seed=0)

    def fewest(end: str) -> int:
        scale = float(pairs("LA", 2 * count).eigenvalues.max())
        tens = range(2 * count, operator.size, 10)
        return next(m for m in tens if bool((pairs(end, m).residuals <= tolerance * scale).all()))

    steps = {end: fewest(end) for end in ends}

    def run() -> dict[str, np.ndarray]:
        found = [pairs(end, number) for end, number in steps.items()]
        # The smallest come in ascending order.
        order = [slice(None) if end == "LA" else slice(None, None, -1) for end in steps]
        values = np.concatenate([f.eigenvalues.numpy()[o] for f, o in zip(found, order, strict=True)])
        vectors = np.concatenate([f.eigenvectors.numpy()[o] for f, o in zip(found, order, strict=True)])
        return {"values": values, "vectors": vectors, "steps": np.array(list(steps.values()))}

    return run


def _operator(**setting: Any) -> Any:
    from hessian_eigenthings import HessianOperator

    made = Setting(**setting)
    return HessianOperator(made.model, [made.points], made.loss)


def _split(model: torch.nn.Module, vector: Tensor) -> list[Tensor]:
    parameters = list(model.parameters())
    parts = vector.split([p.numel() for p in parameters])
    return [part.view_as(p) for part, p in zip(parts, parameters, strict=True)]


def _flat(parts: Any) -> np.ndarray:
    return torch.cat([part.ravel() for part in parts]).numpy()


# ---- DeepXDE ----


def deepxde_adam(steps: int, rate: float, log_every: int, **setting: Any) -> Job:
    """DeepXDE's ``Model.train``; each call starts from the same parameters with a new model, which it compiles before the training."""
    import deepxde as dde

    dde.config.set_default_float("float64")
    made = Setting(**setting)
    boundary = made.model.boundary

    def pde(x: Tensor, u: Tensor) -> Tensor:
        load = 2.0 * torch.pi**2 * torch.sin(torch.pi * x[:, :1]) * torch.sin(torch.pi * x[:, 1:])
        return -dde.grad.hessian(u, x, i=0, j=0) - dde.grad.hessian(u, x, i=1, j=1) - load

    def hard(x: Tensor, value: Tensor) -> Tensor:
        return boundary.scale * 16.0 * x[:, :1] * (1.0 - x[:, :1]) * x[:, 1:] * (1.0 - x[:, 1:]) * value

    square = dde.geometry.Rectangle([0, 0], [1, 1])
    data = dde.data.PDE(square, pde, [], num_domain=0, num_boundary=0, anchors=made.points.detach().numpy())
    theta = torch.nn.utils.parameters_to_vector(made.model.parameters()).detach()
    sizes = [2, *[setting["width"]] * setting["depth"], boundary.components]

    def run() -> dict[str, np.ndarray]:
        net = dde.nn.FNN(sizes, "tanh", "Glorot normal")
        torch.nn.utils.vector_to_parameters(theta.clone(), net.parameters())
        net.apply_output_transform(hard)
        model = dde.Model(copy.copy(data), net)
        model.compile("adam", lr=rate, verbose=0)
        history, _ = model.train(iterations=steps, display_every=log_every, verbose=0)
        return {"losses": np.array(history.loss_train).sum(1)}

    return run


JOBS: Jobs = {
    "plane": plane,
    "pyhessian_products": pyhessian_products,
    "eigenthings_products": eigenthings_products,
    "eigenthings_density": eigenthings_density,
    "eigenthings_pairs": eigenthings_pairs,
    "deepxde_adam": deepxde_adam,
}
