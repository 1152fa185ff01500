"""The files of a training: history, snapshots and solution."""

import numpy as np
import torch
import xarray as xr

from pinnscape.files.description import variable
from pinnscape.losses.objective import Discretization, Objective, tensor
from pinnscape.losses.quadrature_error import QuadratureError
from pinnscape.networks.mlp import layout_variables
from pinnscape.training.loop import OPTIMIZERS, History

_GRID = {1: 401, 2: 81, 3: 33}  # points an axis of the grid on which a solution is stored
_LONG_NAMES = {
    "loss": "loss that is trained",
    "energy_gap": "energy above that of the exact solution under the same quadrature rule",
    "l2_error": "relative L2 error",
    "h1_error": "relative H1 error",
    "gradient_norm": "Euclidean norm of the gradient",
    "learning_rate": "learning rate (Adam) or step length (L-BFGS)",
}


def training_dataset(history: History, objective: Objective) -> xr.Dataset:
    """training.nc: see results/README.md."""
    steps, losses, thetas = zip(*history.snapshots, strict=True)
    discretization = objective.discretization
    error = QuadratureError(discretization)
    variables = {name: variable("step", history.column(name), text) for name, text in _LONG_NAMES.items()}
    if objective.discretization.is_zero:
        for name in ("l2_error", "h1_error"):
            variables[name] = variable("step", history.column(name), _LONG_NAMES[name], withheld="the exact solution is zero")
    flags = {"flag_values": np.arange(len(OPTIMIZERS), dtype="int8"), "flag_meanings": " ".join(OPTIMIZERS)}
    variables |= {
        "optimizer": variable("step", history.column("optimizer").astype("int8"), "optimiser", **flags),
        "theta": variable(("snapshot", "parameter"), np.stack(thetas), "parameters of the network"),
        "snapshot_step": variable("snapshot", np.array(steps), "optimisation step of the snapshot"),
        "snapshot_loss": variable("snapshot", np.array(losses), "loss at the snapshot"),
        "quadrature_error": variable(
            "snapshot",
            error.gaps(tensor(np.stack(thetas), discretization.device)),
            "error of the energy gap at the snapshot by the quadrature rule",
        ),
        "energy_minimum": variable((), discretization.energy_minimum, "energy of the exact solution under the quadrature rule"),
        "energy_minimum_error": variable((), error.minimum, "error of energy_minimum by the quadrature rule"),
        **layout_variables(discretization.network.layers),
    }
    step = variable("step", history.column("step").astype(int), "optimisation step")
    return xr.Dataset(variables, {"step": step})


def solution_dataset(history: History, discretization: Discretization) -> xr.Dataset:
    """solution.nc: see results/README.md."""
    problem = discretization.problem
    axis = np.linspace(0.0, 1.0, _GRID[problem.dimension])
    names = ("x", "y", "z")[: problem.dimension]
    grid = np.meshgrid(*[axis] * problem.dimension, indexing="ij")
    points = tensor(np.stack([g.ravel() for g in grid], 1), discretization.device)
    theta = tensor(history.snapshots[-1][2], discretization.device)
    with torch.no_grad():
        u, exact = discretization.at(theta, points), problem.exact(points)
    dims, shape = ("component", *names), (len(problem.components), *[len(axis)] * problem.dimension)

    def field(values: torch.Tensor, long_name: str) -> tuple:
        return variable(dims, values.T.reshape(shape).cpu().numpy(), long_name)

    coordinates = {"component": list(problem.components)} | {name: variable(name, axis, name) for name in names}
    fields = {
        "u": field(u, "network"),
        "u_exact": field(exact, "exact solution"),
        "error": field(u - exact, "network minus exact solution"),
    }
    return xr.Dataset(fields, coordinates)
