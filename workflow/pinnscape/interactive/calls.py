"""Calls for interactive use: a loss, a trained network, and a plane through its parameters.

The default arguments are the settings of the default study.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from pinnscape.config.section import Section, in_default_study
from pinnscape.config.sections import (
    NetworkSettings,
    TrainingSettings,
)
from pinnscape.interactive.settings import settings_of
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import architecture
from pinnscape.losses.objective import tensor
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import PROBLEMS
from pinnscape.problems.statement import ansatz, formulations
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train as minimise
from pinnscape.validation.check import validate


def _default(section: type[Section], key: str) -> Any:
    return in_default_study(section.model_fields[key])


PHASES: Sequence[Mapping[str, Any]] = _default(TrainingSettings, "phases")
# Quadrature points along each axis. In one dimension there are more points than parameters, because the number of points bounds
# the rank of the Hessian.
_POINTS_ON_A_LINE, _POINTS = 350, 20


def objective(
    problem: str | Problem,
    loss: str,
    *,
    width: int = _default(NetworkSettings, "width"),
    depth: int = _default(NetworkSettings, "depth"),
    activation: str = _default(NetworkSettings, "activation"),
    points: int | None = None,
    rule: str = "gauss-legendre",
    parameters: Mapping[str, float] | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    device: str = "cpu",
) -> FieldObjective:
    """A loss of a network as a function of its parameters.

    Args:
        problem: name of a problem, such as ``poisson2d``; path of a file that defines one; or a ``Problem``, which is checked
            first.
        loss: ``deep-ritz``, ``strong-form`` or ``supervised``.
        width: number of neurons in each hidden layer.
        depth: number of hidden layers.
        activation: ``tanh``, ``sin``, ``swish``, ``softplus``, ``gelu``, ``relu`` or ``relu3``.
        points: number of points, along each axis for product rules and in total for random point sets; by default 350 in one
            dimension and 20 in more.
        rule: rule for the points, such as ``gauss-legendre``, ``simpson``, ``sobol`` or ``latin-hypercube``.
        parameters: values of parameters, such as ``{"mu": 2.0}``, if the problem is given by its name or file.
        conditions: settings of conditions, such as ``{"initial": {"enforce": "soft", "weight": 100.0}}``.
        device: device of the tensors.

    Returns:
        The loss, with ``size`` (the number P of parameters), ``loss(theta)``, ``gradient(theta)``,
        ``hessian_product(theta, vectors)`` and ``terms(theta)``.

    Raises:
        ValueError: there is no such problem, loss, activation or rule.
        ProblemError: the file of a problem cannot be used, or a check of a ``Problem`` fails.
    """
    own = isinstance(problem, Problem)
    if not own and problem not in PROBLEMS and not problem.partition(":")[0].endswith(".py"):
        raise ValueError(
            f"`problem` must be a Problem, a path that ends in .py, or one of {', '.join(PROBLEMS)}, not {problem!r}"
        )
    if activation not in ACTIVATIONS:
        raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    stated = problem if own else load(problem, parameters)
    settings = {name: dict(condition) for name, condition in (conditions or {}).items()}
    if own:
        validate(stated, settings)
    if loss not in formulations(stated):
        raise ValueError(f"`loss` must be one of {', '.join(formulations(stated))}, not {loss!r}")
    network = NetworkSettings.model_construct(width=width, depth=depth, activation=activation)
    nodes = Rule(rule, points or (_POINTS_ON_A_LINE if stated.domain.dimension == 1 else _POINTS))
    made = architecture(stated, ansatz(stated, settings), network)
    return Discretization(stated, made, nodes, settings, device).objective(loss)


def train(
    objective: FieldObjective,
    *,
    seed: int = 0,
    phases: Sequence[Mapping[str, Any]] = PHASES,
    initialization: str = _default(NetworkSettings, "initialization"),
) -> xr.Dataset:
    """Train a network from random initial parameters.

    Args:
        objective: the loss.
        seed: seed of the initial parameters.
        phases: successive optimisers, in the form of ``training.phases`` in config.yaml.
        initialization: ``glorot``, ``lecun`` or ``he``.

    Returns:
        The variables of training.nc: the history (``loss``, ``l2_error``, ...) and the snapshots ``theta`` (snapshot,
        parameter). The last snapshot contains the parameters of the trained network.

    Raises:
        DivergenceError: the loss or its gradient is not finite.
    """
    discretization = _discretization(objective)
    theta = tensor(discretization.network.initial(initialization, seed), objective.device)
    name = f"{objective.name}, seed {seed}"
    history = minimise(objective, theta, settings_of(TrainingSettings, {"phases": list(phases)}), name)
    return training_dataset(history, discretization).assign_attrs(stage="train", trained_on=objective.name, seed=seed)


def _discretization(objective: FieldObjective) -> Discretization:
    """The discretisation to which a loss belongs.

    Raises:
        ValueError: the loss was not created by ``objective``.
    """
    if objective.discretization is None:
        raise ValueError("`objective` must be one that `pinnscape.objective` gives")
    return objective.discretization
