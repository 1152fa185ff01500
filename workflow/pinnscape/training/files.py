"""The files of a training run: training.nc (history and snapshots) and solution.nc."""

import numpy as np
import torch
import xarray as xr

from pinnscape.files.description import File, Variable
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.objective import Objective, tensor
from pinnscape.losses.quadrature_error import QuadratureError
from pinnscape.networks.layout import LAYOUT, OF_LAYOUT, layout_values
from pinnscape.training.loop import OPTIMIZERS, History

_GRID = {1: 401, 2: 81, 3: 33}  # points along each axis of the grid on which a solution is stored
TRAINING = File(
    "training.nc",
    {
        "loss": Variable("step", "training loss"),
        "energy_gap": Variable("step", "energy minus that of the exact solution under the same quadrature rule"),
        "l2_error": Variable("step", "relative L2 error"),
        "h1_error": Variable("step", "relative H1 error"),
        "gradient_norm": Variable("step", "Euclidean norm of the gradient of the loss"),
        "learning_rate": Variable("step", "learning rate (Adam) or accepted step length of the line search (L-BFGS)"),
        "optimizer": Variable("step", "optimiser", flags=OPTIMIZERS),
        "theta": Variable(("snapshot", "parameter"), "parameters of the network"),
        "snapshot_step": Variable("snapshot", "optimisation step of the snapshot"),
        "snapshot_loss": Variable("snapshot", "loss at the snapshot"),
        "quadrature_error": Variable("snapshot", "quadrature error of the energy gap at the snapshot"),
        "energy_minimum": Variable((), "energy of the exact solution under the quadrature rule"),
        "energy_minimum_error": Variable((), "quadrature error of energy_minimum"),
        **LAYOUT,
    },
    {
        "step": Variable("step", "optimisation step, 0 at the initial point"),
        "snapshot": Variable("snapshot", "index of the snapshot"),
        **OF_LAYOUT,
    },
)
_AXES = ("x", "y", "z")
_FIELD = ("component", *_AXES)
SOLUTION = File(
    "solution.nc",
    {
        "u": Variable(_FIELD, "network"),
        "u_exact": Variable(_FIELD, "exact solution"),
        "error": Variable(_FIELD, "network minus exact solution"),
    },
    {"component": Variable("component", "component of the solution"), **{name: Variable(name, name) for name in _AXES}},
    "At the final point, on a uniform grid of 401, 81² or 33³ points in one, two or three dimensions. "
    "In one dimension there is no `y` and no `z`, in two dimensions no `z`.",
)
_RECORDED = ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm", "learning_rate")


def training_dataset(history: History, objective: Objective) -> xr.Dataset:
    """The content of training.nc."""
    steps, losses, thetas = zip(*history.snapshots, strict=True)
    discretization = objective.discretization
    error = QuadratureError(discretization)
    values = {name: history.column(name) for name in _RECORDED} | {
        "optimizer": history.column("optimizer").astype("int8"),
        "theta": np.stack(thetas),
        "snapshot_step": np.array(steps),
        "snapshot_loss": np.array(losses),
        "quadrature_error": error.gaps(tensor(np.stack(thetas), discretization.device)),
        "energy_minimum": discretization.energy_minimum,
        "energy_minimum_error": error.minimum,
        **layout_values(discretization.layers),
        "step": history.column("step").astype(int),
    }
    withheld = {"withheld": "the exact solution is zero"} if discretization.is_zero else {}
    return TRAINING.dataset(values, notes=dict.fromkeys(("l2_error", "h1_error"), withheld))


def solution_dataset(history: History, discretization: Discretization) -> xr.Dataset:
    """The content of solution.nc."""
    problem = discretization.problem
    axis = np.linspace(0.0, 1.0, _GRID[problem.dimension])
    names = _AXES[: problem.dimension]
    grid = np.meshgrid(*[axis] * problem.dimension, indexing="ij")
    points = tensor(np.stack([g.ravel() for g in grid], 1), discretization.device)
    theta = tensor(history.snapshots[-1][2], discretization.device)
    with torch.no_grad():
        u, exact = discretization.at(theta, points), problem.exact(points)
    shape = len(problem.components), *[len(axis)] * problem.dimension

    def field(values: torch.Tensor) -> np.ndarray:
        return values.T.reshape(shape).cpu().numpy()

    values = {"u": field(u), "u_exact": field(exact), "error": field(u - exact), "component": list(problem.components)}
    return SOLUTION.dataset(values | dict.fromkeys(names, axis), outside=_AXES[problem.dimension :])
