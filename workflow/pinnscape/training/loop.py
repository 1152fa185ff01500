"""Training: phases of optimisers one after the other, with a history of the loss and errors and snapshots of the parameters."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pinnscape.errors import DivergenceError
from pinnscape.objective import Objective
from pinnscape.training.optimizers import LBFGS, Adam, State, start

log = logging.getLogger(__name__)
OPTIMIZERS = ("adam", "lbfgs")


@dataclass
class History:
    """Records along the training, one entry each, and snapshots of the parameters."""

    records: list[dict[str, float]] = field(default_factory=list)
    snapshots: list[tuple[int, float, np.ndarray]] = field(default_factory=list)

    def column(self, name: str) -> np.ndarray:
        return np.array([record[name] for record in self.records])


def snapshot_steps(total: int, even: int, logarithmic: int) -> set[int]:
    """Steps of the snapshots: 0, ``total``, and as many evenly and logarithmically spaced ones between."""
    evenly = np.linspace(0, total, even + 1).round().astype(int) if even else []
    spread = np.geomspace(1, total, logarithmic).round().astype(int) if logarithmic and total else []
    return {0, total, *map(int, evenly), *map(int, spread)}


def train(
    objective: Objective,
    theta: Tensor,
    phases: Sequence[Mapping[str, Any]],
    log_every: int,
    snapshots: Mapping[str, int],
    name: str,
) -> History:
    """Minimise ``objective`` from ``theta`` (P,).

    Args:
        objective: the loss.
        theta: initial parameters.
        phases: settings of the optimisers, as in the configuration.
        log_every: steps between records.
        snapshots: numbers ``even`` and ``logarithmic``.
        name: of the run, for messages.

    Raises:
        DivergenceError: the loss is not finite; the history up to there is in the log.
    """
    total = sum(phase["steps"] for phase in phases)
    kept = snapshot_steps(total, snapshots["even"], snapshots["logarithmic"])
    history, step, made_by = History(), 0, phases[0]["optimizer"]
    state = start(objective.loss_and_gradient, theta)
    _check(state, step, phases[0], name)
    _record(history, objective, state, step, made_by, log)
    history.snapshots.append((0, state.loss, state.theta.cpu().numpy()))
    with tqdm(total=total, desc=name, unit="step", disable=None, leave=False) as bar:
        for phase in phases:
            optimizer = _optimizer(objective, phase)
            for _ in range(phase["steps"]):
                successor = optimizer.step(state)
                if successor is None:
                    log.info("%s: %s stops at step %d: no further progress", name, phase["optimizer"], step)
                    break
                state, step, made_by = successor, step + 1, phase["optimizer"]
                _check(state, step, phase, name)
                bar.update()
                if step % log_every == 0 or step in kept:
                    _record(history, objective, state, step, made_by, log)
                if step in kept:
                    history.snapshots.append((step, state.loss, state.theta.cpu().numpy()))
    if history.records[-1]["step"] != step:
        _record(history, objective, state, step, made_by, log)
    if history.snapshots[-1][0] != step:
        history.snapshots.append((step, state.loss, state.theta.cpu().numpy()))
    return history


def _optimizer(objective: Objective, phase: Mapping[str, Any]) -> Adam | LBFGS:
    settings = {key: value for key, value in phase.items() if key not in ("optimizer", "steps")}
    if phase["optimizer"] == "adam":
        return Adam(objective.loss_and_gradient, phase["steps"], **settings)
    return LBFGS(objective.loss_and_gradient, **settings)


def _check(state: State, step: int, phase: Mapping[str, Any], name: str) -> None:
    if not math.isfinite(state.loss):
        remedy = "lower training.phases.learning_rate or change the seed" if step else "change the network or the seed"
        raise DivergenceError(
            f"{name}: training diverged at step {step} ({phase['optimizer']}): the loss is {state.loss}; {remedy}"
        )


def _record(history: History, objective: Objective, state: State, step: int, optimizer: str, logger: logging.Logger) -> None:
    with torch.no_grad():
        measured = objective.discretization.measure(state.theta)
    errors = {name: float(measured[name]) for name in ("energy_gap", "l2_error", "h1_error")}
    record = {
        "step": step,
        "loss": state.loss,
        **errors,
        "gradient_norm": float(state.gradient.norm()),
        "learning_rate": state.rate,
        "optimizer": OPTIMIZERS.index(optimizer),
    }
    history.records.append(record)
    logger.info(
        "step %6d  loss % .6e  L2 %.3e  H1 %.3e  |g| %.2e",
        step,
        state.loss,
        errors["l2_error"],
        errors["h1_error"],
        record["gradient_norm"],
    )
