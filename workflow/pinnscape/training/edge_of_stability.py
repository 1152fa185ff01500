"""Training at constant step sizes and the curvature that it reaches (Cohen et al. 2021, 2022)."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from pinnscape.config.sections import EigensolverSettings
from pinnscape.linalg.warm_started import WarmStartedLanczos
from pinnscape.losses.objective import Objective
from pinnscape.training import divergence
from pinnscape.training.constant_adam import ConstantAdam
from pinnscape.training.gradient_descent import GradientDescent
from pinnscape.training.optimizers import State, start

Curvature = Callable[[Tensor], dict[str, tuple[float, float, float]]]  # results of ``WarmStartedLanczos`` by name


class Schedule(Protocol):
    """Length, recording and divergence limit of the training.

    Attributes:
        steps: number of optimisation steps.
        record_every: steps between two records.
        divergence: largest admissible gap, as a multiple of its initial value.
        eigensolver: steps and tolerance of the Lanczos processes.
    """

    steps: int
    record_every: int
    divergence: float
    eigensolver: EigensolverSettings


def gradient_descent(objective: Objective, theta: Tensor, rate: float, schedule: Schedule, seed: int) -> dict[str, Any]:
    """Gradient descent from theta (P,) at step size η.

    Args:
        objective: the loss.
        theta: initial parameters (P,).
        rate: η.
        schedule: length of the training and times of the records.
        seed: seed of the Lanczos processes.

    Returns:
        ``gap``, ``rising``, ``sharpness``, ``residual``, ``excess``, each (steps // record_every + 1,), and ``diverged``; see ``follow``.
    """
    lanczos = WarmStartedLanczos(schedule.eigensolver.lanczos_steps, schedule.eigensolver.lanczos_tolerance, seed)

    def curvature(theta: Tensor) -> dict[str, tuple[float, float, float]]:
        return {"sharpness": lanczos(lambda v: objective.hessian_product(theta, v), theta)}

    return follow(objective, GradientDescent(objective.loss_and_gradient, rate), theta, schedule, curvature)


def adam(objective: Objective, theta: Tensor, rate: float, schedule: Schedule, seed: int) -> dict[str, Any]:
    """Adam from theta (P,) at the constant rate η.

    Returns:
        The same as ``gradient_descent``, and ``preconditioned``, the largest eigenvalue of D^-½ H D^-½ (NaN before the first
        step).
    """
    optimizer = ConstantAdam(objective.loss_and_gradient, rate)
    solver = schedule.eigensolver
    plain, scaled = (WarmStartedLanczos(solver.lanczos_steps, solver.lanczos_tolerance, seed) for _ in range(2))

    def curvature(theta: Tensor) -> dict[str, tuple[float, float, float]]:
        def product(vectors: Tensor) -> Tensor:
            return objective.hessian_product(theta, vectors)

        result = {"sharpness": plain(product, theta), "preconditioned": (math.nan, math.nan, math.nan)}
        if optimizer.preconditioner is not None:
            scale = optimizer.preconditioner.rsqrt()
            result["preconditioned"] = scaled(lambda v: scale * product(scale * v), theta)
        return result

    return follow(objective, optimizer, theta, schedule, curvature)


def follow(objective: Objective, optimizer: Any, theta: Tensor, schedule: Schedule, curvature: Curvature) -> dict[str, Any]:
    """Train and record. Divergence ends the training; it is reported as a result, not raised.

    Args:
        objective: the loss.
        optimizer: an object with ``step(state) -> State``.
        theta: initial parameters (P,).
        schedule: length of the training and times of the records.
        curvature: eigenvalues at a point.

    Returns:
        Arrays of steps // record_every + 1 records, which are NaN after a divergence: ``gap`` (loss minus that of the exact
        solution), ``rising`` (fraction of the steps since the last record that raised the loss), each eigenvalue, ``residual``
        and ``excess`` (maxima over the eigenvalues, see ``WarmStartedLanczos``). Also ``diverged``, the step at which the loss
        or its gradient was not finite or the gap was too large in magnitude; NaN if training did not diverge.
    """
    every = schedule.record_every
    count = schedule.steps // every + 1
    records: dict[str, Any] = {"diverged": math.nan}
    state = start(objective.loss_and_gradient, theta)
    limit = schedule.divergence * abs(state.loss - objective.minimum)
    rising = 0

    def record(index: int, share: float) -> None:
        eigenvalues = curvature(state.theta)
        _, residual, excess = (float(np.fmax.reduce(part)) for part in zip(*eigenvalues.values(), strict=True))
        row = {"gap": state.loss - objective.minimum, "rising": share, "residual": residual, "excess": excess}
        for name, value in (row | {name: value for name, (value, *_) in eigenvalues.items()}).items():
            records.setdefault(name, np.full(count, np.nan))[index] = value

    if divergence.fault(state, math.nan):
        names = ("gap", "rising", "residual", "excess", *curvature(theta))
        return {name: np.full(count, np.nan) for name in names} | {"diverged": 0.0}
    record(0, math.nan)
    for step in range(1, (count - 1) * every + 1):
        successor: State = optimizer.step(state)
        if divergence.fault(successor, objective.minimum - limit) or successor.loss - objective.minimum > limit:
            records["diverged"] = float(step)
            break
        rising += successor.loss > state.loss
        state = successor
        if step % every == 0:
            record(step // every, rising / every)
            rising = 0
    return records
