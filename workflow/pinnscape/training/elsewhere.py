"""Trainings of modules by their own code, and weights that were trained elsewhere, in the form of other trainings.

Whatever the training recorded, the losses and errors at the snapshots are evaluated here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pinnscape.common.errors import ModelError
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.losses.objective import tensor
from pinnscape.models import patterns, weights
from pinnscape.models.file import ModelFile
from pinnscape.networks import modules
from pinnscape.training.loop import recorded
from pinnscape.training.optimizers import start
from pinnscape.training.progress import History
from pinnscape.training.snapshots import Spaced


def from_files(objective: ModuleObjective, paths: Sequence[Path], steps: Sequence[int]) -> History:
    """The history of a training of which weights at some steps are in files.

    Args:
        objective: the loss that was minimised.
        paths: the files.
        steps: the steps, ascending.

    Raises:
        ModelError: a file cannot be read or does not fit the module.
    """
    module = objective.family.flat.module
    thetas = [modules.flat(weights.loaded(module, path)).cpu().numpy() for path in paths]
    return measured(objective, steps, thetas)


def steps_of(pattern: str, paths: Sequence[Path]) -> list[int]:
    """The steps of these files, which match a pattern; see ``patterns.find``."""
    known = {saved.path: saved.step for saved in patterns.find(pattern)}
    return [known[path] for path in paths]


def by_itself(found: ModelFile, module: nn.Module, objective: ModuleObjective, seed: int) -> History:
    """The history of a training by the function ``train`` of the module's file.

    Args:
        found: the file.
        module: the module with its initial parameters, which is trained.
        objective: the loss that the function is said to minimise.
        seed: seed of the training.

    Raises:
        ModelError: the function fails or does not train the module.
    """
    kept, last = Spaced[np.ndarray](), [0]
    kept.keep(0, modules.flat(module).cpu().numpy())

    def snapshot(step: int, *_: Any, **__: Any) -> None:
        if not isinstance(step, int) or step < last[0]:
            raise ModelError(f"snapshot(step) needs the number of the step, which is at least {last[0]} here; got {step!r}")
        last[0] = step
        if step and kept.due(step):
            kept.keep(step, modules.flat(module).cpu().numpy())

    with found.naming("train"):
        torch.manual_seed(seed)
        _train(found)(module, seed, snapshot)
    end = modules.flat(module).cpu().numpy()
    if np.array_equal(end, kept.kept[0]):
        raise ModelError(
            f"{found.path}: train(model, seed, snapshot) leaves the parameters as they were; it must train the module itself"
        )
    if not np.array_equal(kept.kept[max(kept.kept)], end):
        kept.kept[max(last[0], max(kept.kept) + (max(kept.kept) == last[0]))] = end
    steps = sorted(kept.kept)
    return measured(objective, steps, [kept.kept[step] for step in steps])


def _train(found: ModelFile) -> Callable[..., Any]:
    assert found.train is not None
    return found.train


def measured(objective: ModuleObjective, steps: Sequence[int], thetas: Sequence[np.ndarray]) -> History:
    """The history of a training of which only parameters at some steps are known.

    Args:
        objective: the loss that was minimised.
        steps: the steps, ascending.
        thetas: the parameters (P,) at each step.
    """
    history = History()
    for step, theta in zip(steps, thetas, strict=True):
        state = start(objective.loss_and_gradient, tensor(theta, objective.device))
        history.records.append(recorded(objective, state, step, {}))
        history.snapshots.append((step, state.loss, theta))
    return history
