"""Progress of training, stored in a restart file: the history, and everything on which the next steps depend."""

from dataclasses import dataclass, field

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pinnscape.files.unfinished import Interval, Restart
from pinnscape.training.optimizers import State


@dataclass
class History:
    """Records of the training, and snapshots (step, loss, parameters)."""

    records: list[dict[str, float]] = field(default_factory=list)
    snapshots: list[tuple[int, float, np.ndarray]] = field(default_factory=list)

    def column(self, name: str) -> np.ndarray:
        return np.array([record[name] for record in self.records])


@dataclass
class Progress:
    """Training between two steps.

    Attributes:
        state: current state.
        step: number of steps taken.
        begun: number of steps taken before each phase, up to the current one.
        memory: ``state_dict`` of the optimiser of the current phase; empty before its first step.
        history: history up to this step.
        weights: current weights of terms by name, relative to those of the settings; empty if they are fixed.
    """

    state: State
    step: int = 0
    begun: list[int] = field(default_factory=lambda: [0])
    memory: dict[str, Tensor] = field(default_factory=dict)
    history: History = field(default_factory=History)
    weights: dict[str, float] = field(default_factory=dict)


class Saves:
    """The restart file of a training run.

    Args:
        restart: the file.
        every: interval at which it is written.
    """

    def __init__(self, restart: Restart, every: Interval) -> None:
        self._restart, self._every = restart, every

    @property
    def due(self) -> bool:
        """Whether it is time for ``write``."""
        return self._every.due

    def read(self, device: torch.device | str) -> Progress | None:
        """The progress of an earlier attempt, with its tensors on ``device``; None if there is no usable restart file."""
        dataset = self._restart.read()
        return None if dataset is None else from_dataset(dataset, device)

    def write(self, progress: Progress) -> None:
        self._restart.write(to_dataset(progress))
        self._every.restart()

    def delete(self) -> None:
        self._restart.delete()


def to_dataset(progress: Progress) -> xr.Dataset:
    """The progress as a dataset, without loss of precision."""
    state, history = progress.state, progress.history
    steps, losses, thetas = zip(*history.snapshots, strict=True)
    arrays = {
        "theta": state.theta.cpu().numpy(),
        "gradient": state.gradient.cpu().numpy(),
        "loss": np.array(state.loss),
        "rate": np.array(state.rate),
        "step": np.array(progress.step),
        "begun": np.array(progress.begun),
        "snapshot_step": np.array(steps),
        "snapshot_loss": np.array(losses),
        "snapshot_theta": np.stack(thetas),
    }
    arrays |= {f"record:{name}": history.column(name) for name in history.records[0]}
    arrays |= {f"memory:{name}": values.cpu().numpy() for name, values in progress.memory.items()}
    arrays |= {f"weight:{name}": np.array(value) for name, value in progress.weights.items()}
    # Each array has its own dimensions, since the dataset is only a container here.
    return xr.Dataset({name: ([f"{name}:{axis}" for axis in range(a.ndim)], a) for name, a in arrays.items()})


def from_dataset(dataset: xr.Dataset, device: torch.device | str) -> Progress:
    """The inverse of ``to_dataset``."""
    arrays = {str(name): values.values for name, values in dataset.variables.items()}

    def tensor(values: np.ndarray) -> Tensor:
        return torch.tensor(values, device=device)

    def named(prefix: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}

    columns = named("record:")
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    history = History(
        [dict(zip(columns, row, strict=True)) for row in rows],
        list(zip(arrays["snapshot_step"].tolist(), arrays["snapshot_loss"].tolist(), arrays["snapshot_theta"], strict=True)),
    )
    theta, gradient = tensor(arrays["theta"]), tensor(arrays["gradient"])
    state = State(theta, float(arrays["loss"]), gradient, float(arrays["rate"]))
    memory = {name: tensor(values) for name, values in named("memory:").items()}
    weights = {name: float(value) for name, value in named("weight:").items()}
    return Progress(state, int(arrays["step"]), arrays["begun"].tolist(), memory, history, weights)
