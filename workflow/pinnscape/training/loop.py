"""Training: successive phases of optimisers, with a history of loss and errors and with snapshots of the parameters."""

import logging
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pinnscape.common import progress as display
from pinnscape.common.errors import DivergenceError
from pinnscape.common.measured import ERRORS
from pinnscape.config.sections import Phase, TrainingSettings
from pinnscape.losses.objective import Objective
from pinnscape.training import divergence
from pinnscape.training.optimizers import LBFGS, Adam, State, start
from pinnscape.training.progress import History, Progress, Saves
from pinnscape.training.varying import Varying

log = logging.getLogger(__name__)
OPTIMIZERS = ("adam", "lbfgs")
# Prefixes of the records of terms (at the points of the training, at others, and weights), and of further measures.
TERM, FRESH, WEIGHT, MEASURE = "term: ", "fresh: ", "weight: ", "measure: "


def snapshot_steps(total: int, even: int, logarithmic: int) -> set[int]:
    """Steps of the snapshots: 0, ``total``, and ``even`` evenly and ``logarithmic`` logarithmically spaced steps."""
    evenly = np.linspace(0, total, even + 1).round().astype(int) if even else []
    spread = np.geomspace(1, total, logarithmic).round().astype(int) if logarithmic and total else []
    return {0, total, *map(int, evenly), *map(int, spread)}


def train(
    objective: Objective,
    theta: Tensor,
    training: TrainingSettings,
    name: str,
    saves: Saves | None = None,
    resample: int = 0,
) -> History:
    """Minimise ``objective`` from ``theta`` (P,).

    Args:
        objective: the loss.
        theta: initial parameters.
        training: phases of optimisers, and intervals of records and snapshots.
        name: name of the run, for messages.
        saves: restart file to which the progress is written at intervals. If it exists, training resumes from it, with the same
            result as without an interruption.
        resample: number of steps after which random points are drawn again; 0 for never.

    Raises:
        DivergenceError: the loss or its gradient is not finite, or the loss tends to minus infinity. The log contains the
            history up to this step.
    """
    phases, total = training.phases, sum(phase.steps for phase in training.phases)
    kept = snapshot_steps(total, training.snapshots.even, training.snapshots.logarithmic)
    progress = saves.read(objective.device) if saves else None
    if progress is None:
        progress = _begin(_loss(objective, training, resample, {}), theta, phases[0], name)
    else:
        _log_again(progress, phases, name)
    history, begun, state, step = progress.history, progress.begun, progress.state, progress.step
    first = len(begun) - 1  # the current phase; its optimiser took the last step
    made_by = phases[first].optimizer
    lowest = divergence.lowest(objective.minimum, history.records[0]["loss"])
    loss = _loss(objective, training, resample, progress.weights)
    loss.at(max(0, step - 1))  # as before the last step
    with display.bar(total, name, "step", step) as advance:
        for number, phase in enumerate(phases[first:], first):
            optimizer = _optimizer(loss, phase)
            if number > first:
                begun.append(step)
            elif progress.memory:
                optimizer.load_state_dict(progress.memory)
            for _ in range(phase.steps - (step - begun[-1])):
                if loss.changes_at(step):
                    loss.change(step, state.theta)
                    state = start(loss, state.theta)
                    optimizer.forget()
                successor = optimizer.step(state)
                if successor is None:
                    _tell_stop(phase, step, name)
                    break
                state, step, made_by = successor, step + 1, phase.optimizer
                _check(state, lowest, step, phase, name)
                advance(1)
                if step % training.log_every == 0 or step in kept:
                    noted = _record(history, loss, state, step, made_by)
                    if step in kept:
                        history.snapshots.append((step, noted.loss, state.theta.cpu().numpy()))
                if saves and saves.due:
                    saves.write(Progress(state, step, begun, optimizer.state_dict(), history, loss.weights))
    if history.records[-1]["step"] != step:
        _record(history, loss, state, step, made_by)
    if history.snapshots[-1][0] != step:
        history.snapshots.append((step, loss.noted(state).loss, state.theta.cpu().numpy()))
    return history


def _begin(loss: Varying, theta: Tensor, phase: Phase, name: str) -> Progress:
    """Progress at the initial parameters."""
    loss.change(0, theta)
    progress = Progress(start(loss, theta), weights=loss.weights)
    _check(progress.state, divergence.lowest(loss.objective.minimum, progress.state.loss), 0, phase, name)
    _record(progress.history, loss, progress.state, 0, phase.optimizer)
    progress.history.snapshots.append((0, progress.state.loss, theta.cpu().numpy()))
    return progress


def _log_again(progress: Progress, phases: Sequence[Phase], name: str) -> None:
    """Log again what an earlier attempt had logged up to the step at which this one resumes."""
    ends = progress.begun[1:]
    for record in progress.history.records:
        _tell(record)
    for phase, begin, end in zip(phases, progress.begun, ends, strict=False):
        if end - begin < phase.steps:
            _tell_stop(phase, end, name)
    log.info("%s: resumes at step %d, which an earlier attempt reached", name, progress.step)


def _loss(objective: Objective, training: TrainingSettings, resample: int, weights: Mapping[str, float]) -> Varying:
    return Varying(objective, resample, training.weights.method, training.weights.every, weights)


def _optimizer(loss: Varying, phase: Phase) -> Adam | LBFGS:
    if phase.optimizer == "adam":
        return Adam(loss, phase.steps, phase.learning_rate, phase.decay)
    return LBFGS(loss, phase.history_size, phase.gradient_tolerance)


def _check(state: State, lowest: float, step: int, phase: Phase, name: str) -> None:
    """Check that training has not diverged.

    Raises:
        DivergenceError: training has diverged. The message names the run, step and optimiser, the sign of divergence, and a
            remedy.
    """
    fault = divergence.fault(state, lowest)
    if fault:
        remedy = _remedy(state, lowest, step, phase.optimizer)
        raise DivergenceError(f"{name}: training diverged at step {step} ({phase.optimizer}): {fault}; {remedy}")


def _remedy(state: State, lowest: float, step: int, optimizer: str) -> str:
    if state.loss < lowest:
        points = "check the signs in `density` and the number of quadrature points (quadrature.points)"
        return f"{points}, or remove deep-ritz from study.losses"
    if not step:
        return "change the network or the seed"
    return (
        "lower training.phases.learning_rate or change the seed"
        if optimizer == "adam"
        else "change training.phases or the seed"
    )


def _record(history: History, loss: Varying, state: State, step: int, optimizer: str) -> State:
    """Record a step, and return the state with the recorded loss and gradient."""
    noted = loss.noted(state)
    record = recorded(loss.recorded, noted, step, loss.weights) | {"optimizer": OPTIMIZERS.index(optimizer)}
    history.records.append(record)
    _tell(record)
    return noted


def recorded(objective: Objective, state: State, step: int, weights: Mapping[str, float]) -> dict[str, float]:
    """What is recorded of a point: the loss, its terms at the points of the training and at others, and errors."""
    with torch.no_grad():
        measured, terms = objective.measure(state.theta), objective.terms(state.theta)
        fresh = terms if objective.fresh is None else objective.fresh.terms(state.theta)
    return {
        "step": step,
        "loss": state.loss,
        **{name: float(measured[name]) for name in ERRORS},
        **{MEASURE + name: float(measured[name]) for name in objective.measures if name not in ERRORS},
        **{TERM + name: float(value) for name, value in terms.items()},
        **{FRESH + name: float(value) for name, value in fresh.items()},
        **{WEIGHT + name: weights.get(name, 1.0) for name in terms},
        "gradient_norm": float(state.gradient.norm()),
        "learning_rate": state.rate,
    }


def _tell(record: Mapping[str, float]) -> None:
    errors = ("withheld" if math.isnan(record[name]) else f"{record[name]:.3e}" for name in ("l2_error", "h1_error"))
    log.info("step %6d  loss % .6e  L2 %s  H1 %s  |g| %.2e", record["step"], record["loss"], *errors, record["gradient_norm"])


def _tell_stop(phase: Phase, step: int, name: str) -> None:
    log.info("%s: %s stops at step %d: no further progress", name, phase.optimizer, step)
