"""The files of a training run: training.nc (history and snapshots) and solution.nc."""

import numpy as np
import torch
import xarray as xr

from pinnscape.common.formulations import DEEP_RITZ
from pinnscape.common.measured import ERRORS, NOT_MEASURED
from pinnscape.files.description import File, Variable
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.objective import Losses, tensor
from pinnscape.networks.layout import LAYOUT, OF_LAYOUT, layout_values
from pinnscape.training.loop import FRESH, MEASURE, OPTIMIZERS, TERM, WEIGHT
from pinnscape.training.progress import History

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
        "term_value": Variable(("term", "step"), "term of the loss, with its weight"),
        "fresh_term_value": Variable(("term", "step"), "the same at points that training does not use"),
        "weight": Variable(("term", "step"), "weight of the term relative to that of its condition, by training.weights"),
        "optimizer": Variable("step", "optimiser", flags=OPTIMIZERS, only="trainings of the workflow"),
        "further": Variable(("measure", "step"), "further measure, such as an accuracy", only="torch modules"),
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
        "term": Variable("term", "name of the term"),
        "measure": Variable("measure", "name of the measure", only="torch modules"),
        "snapshot": Variable("snapshot", "index of the snapshot"),
        **OF_LAYOUT,
    },
)
_SHOWN = 3  # a solution in more variables is stored on a plane


def solution_file(names: tuple[str, ...]) -> File:
    """The description of solution.nc for a problem in these variables."""
    field = ("component", *names)
    return File(
        "solution.nc",
        {
            "u": Variable(field, "network solution"),
            "u_exact": Variable(field, "exact solution, or numerical reference; NaN if neither is known"),
            "error": Variable(field, "network solution minus exact solution"),
        },
        {
            "component": Variable("component", "component of the solution"),
            **{name: Variable(name, name) for name in names},
        },
        "The solution at the final point, on a uniform grid of the bounding box of the domain with 401, 81² or 33³ points; NaN outside the domain. The "
        "dimensions after `component` are the variables of the problem, such as `x` and `t`. In more than three variables it is stored on the plane of the "
        "first two, with the others in the middle of their intervals, which the attribute `at` lists. The attribute `known` is `exact` or `reference`, and absent if neither is known.",
    )


SOLUTION = solution_file(("x", "y"))
_RECORDED = ("loss", *ERRORS, "gradient_norm", "learning_rate")


def training_dataset(history: History, family: Losses) -> xr.Dataset:
    """The content of training.nc."""
    steps, losses, thetas = zip(*history.snapshots, strict=True)
    terms = [name.removeprefix(TERM) for name in history.records[0] if name.startswith(TERM)]
    measures = [name.removeprefix(MEASURE) for name in history.records[0] if name.startswith(MEASURE)]
    values = {name: history.column(name) for name in _RECORDED} | {
        "term_value": np.stack([history.column(TERM + name) for name in terms]),
        "fresh_term_value": np.stack([history.column(FRESH + name) for name in terms]),
        "weight": np.stack([history.column(WEIGHT + name) for name in terms]),
        "theta": np.stack(thetas),
        "snapshot_step": np.array(steps),
        "snapshot_loss": np.array(losses),
        "quadrature_error": family.gap_errors(tensor(np.stack(thetas), family.device)),
        "energy_minimum": family.energy_minimum,
        "energy_minimum_error": family.energy_minimum_error,
        **layout_values(family.layout),
        "step": history.column("step").astype(int),
        "term": terms,
    }
    if "optimizer" in history.records[0]:
        values["optimizer"] = history.column("optimizer").astype("int8")
    if measures:
        values |= {"further": np.stack([history.column(MEASURE + name) for name in measures]), "measure": measures}
    return TRAINING.dataset(values, notes=_withheld(family))


def _withheld(family: Losses) -> dict[str, dict[str, str]]:
    """Why errors are NaN, by name of the variable."""
    if isinstance(family, Discretization):
        return _withheld_of_problem(family)
    return {name: {"withheld": NOT_MEASURED} for name in ERRORS if name not in family.measures}


def _withheld_of_problem(discretization: Discretization) -> dict[str, dict[str, str]]:
    problem, found = discretization.problem, {}
    if discretization.known is None:
        found |= {name: {"withheld": "no exact solution and no reference is known"} for name in ("l2_error", "h1_error")}
    elif discretization.is_zero:
        found |= {name: {"withheld": "the exact solution is zero"} for name in ("l2_error", "h1_error")}
    elif not problem.has("exact"):
        found["h1_error"] = {"withheld": "the reference has no derivatives"}
    if not np.isfinite(discretization.energy_minimum):
        why = (
            "the problem has no energy"
            if DEEP_RITZ.name not in discretization.losses
            else "the minimum of the energy is not known"
        )
        found["energy_gap"] = {"withheld": why}
    return found


def solution_dataset(history: History, discretization: Discretization) -> xr.Dataset:
    """The content of solution.nc."""
    problem, domain = discretization.problem, discretization.problem.domain
    shown = domain.names if domain.dimension <= _SHOWN else domain.names[:2]
    axes = [np.linspace(low, high, _GRID[len(shown)]) for low, high in domain.bounds[: len(shown)].tolist()]
    middle = domain.bounds[len(shown) :].mean(1)
    grid = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], 1)
    places = np.concatenate([grid, np.broadcast_to(middle, (len(grid), len(middle)))], 1)
    points, theta = (tensor(values, discretization.device) for values in (places, history.snapshots[-1][2]))
    with torch.no_grad():
        u, exact = discretization.at(theta, points), discretization.solution(points)
    inside, shape = domain.contains(places), (len(problem.components), *map(len, axes))

    def field(values: torch.Tensor) -> np.ndarray:
        return np.where(inside, values.T.cpu().numpy(), np.nan).reshape(shape)

    values = {"u": field(u), "u_exact": field(exact), "error": field(u - exact), "component": list(problem.components)}
    at = (
        {"at": ", ".join(f"{name}={x:g}" for name, x in zip(domain.names[len(shown) :], middle, strict=True))}
        if len(middle)
        else {}
    )
    if discretization.known is not None:
        at["known"] = "exact" if problem.has("exact") else "reference"
    return solution_file(shown).dataset(values | dict(zip(shown, axes, strict=True)), attributes=at)
