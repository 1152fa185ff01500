"""A recorder of snapshots for any training loop."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
import xarray as xr
from torch import nn

from pinnscape.common.measured import ERRORS
from pinnscape.files import store
from pinnscape.networks import modules
from pinnscape.networks.layout import layout_values
from pinnscape.training.files import TRAINING
from pinnscape.training.snapshots import Spaced

_KNOWN = (*ERRORS, "gradient_norm", "learning_rate")  # values with a variable of their own
_SHARE = 0.05  # largest share of the time that writing takes


class Recorder:
    """Keeps the history and snapshots of a training as training.nc, as the workflow does.

    Snapshots are kept at logarithmically spaced steps, ten in each decade, and at evenly spaced ones. Since the number of steps
    is not known in advance, the distance of the even ones is doubled whenever there are more than twice as many as wanted.
    The file is written as training goes on, at most a twentieth of the time, and when the recorder is closed; a training that
    is killed leaves a readable file.

    Args:
        folder: folder of the file, which is created.
        module: the module that is trained; its trainable parameters are recorded.
        name: name of the loss.
        seed: seed of the training.
        even: number of evenly spaced snapshots that are kept at least, once there are so many steps.
        case: name of the case.

    Raises:
        ModelError: the parameters of the module cannot be joined to one vector.
        StorageError: the file cannot be written.
    """

    def __init__(
        self, folder: str | Path, module: nn.Module, *, name: str = "loss", seed: int = 0, even: int = 50, case: str = "mine"
    ) -> None:
        self.path = Path(folder) / "training.nc"
        self._module, self._snapshots = module, Spaced[tuple[np.ndarray, float]](even)
        self._owner = {"case": case, "trained_on": name, "seed": seed}
        self._layout = modules.layout(module)
        self._history: list[dict[str, float]] = []
        self._written, self._took = -math.inf, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def last(self) -> int:
        """The last step that was recorded; -1 before the first one."""
        return int(self._history[-1]["step"]) if self._history else -1

    def step(self, step: int, loss: Any = math.nan, **values: Any) -> None:
        """Record a step: the loss at the current parameters of the module, and a snapshot if one is due.

        Args:
            step: number of the step, larger than that of the call before.
            loss: the loss, or its terms by name.
            **values: further values, such as ``learning_rate``, ``gradient_norm``, ``l2_error`` or any other name.

        Raises:
            ValueError: the step is not larger than the one before.
            StorageError: the file cannot be written.
        """
        if self._history and step <= self._history[-1]["step"]:
            raise ValueError(f"`step` must be larger than {self._history[-1]['step']:.0f}, the one before, not {step}")
        terms = {str(name): float(_plain(value)) for name, value in loss.items()} if isinstance(loss, Mapping) else {}
        total = sum(terms.values()) if terms else float(_plain(loss))
        record = {"step": float(step), "loss": total} | {f"/{name}": value for name, value in terms.items()}
        self._history.append(record | {name: float(_plain(value)) for name, value in values.items()})
        if self._snapshots.due(step):
            self._snapshots.keep(step, (self._theta(), total))
            if time.monotonic() - self._written > self._took / _SHARE:
                self._write()

    def close(self) -> None:
        """Keep the current parameters as the last snapshot, and write the file."""
        if self._history:
            last = self._history[-1]
            self._snapshots.kept[int(last["step"])] = self._theta(), last["loss"]
            self._write()

    def dataset(self) -> xr.Dataset:
        """What has been recorded: the variables of training.nc."""
        snapshots = self._snapshots.kept
        steps = sorted(snapshots)
        known = dict.fromkeys(name for record in self._history for name in record)
        terms = [name.removeprefix("/") for name in known if name.startswith("/")]
        further = sorted(name for name in known if name not in ("step", "loss", *_KNOWN) and not name.startswith("/"))
        count = len(self._history)
        values = {
            "step": np.array([record["step"] for record in self._history]).astype(int),
            "loss": self._column("loss"),
            **{name: self._column(name) for name in _KNOWN},
            "term_value": np.array([self._column(f"/{name}") for name in terms]).reshape(len(terms), count),
            "fresh_term_value": np.full((len(terms), count), np.nan),
            "weight": np.ones((len(terms), count)),
            "term": np.array(terms, dtype=str),
            "theta": np.stack([snapshots[step][0] for step in steps]),
            "snapshot_step": np.array(steps),
            "snapshot_loss": np.array([snapshots[step][1] for step in steps]),
            "quadrature_error": np.full(len(steps), np.nan),
            "energy_minimum": np.nan,
            "energy_minimum_error": np.nan,
            **layout_values(self._layout),
        }
        if further:
            values |= {"further": np.array([self._column(name) for name in further]), "measure": further}
        made = TRAINING.dataset(values)
        return made.assign_attrs(stage="train", trained_on=self._owner["trained_on"], seed=self._owner["seed"])

    def _write(self) -> None:
        begin = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        store.write(self.path, self.dataset(), stage="train", title="Training history", configuration={}, **self._owner)
        self._written = time.monotonic()
        self._took = self._written - begin

    def _theta(self) -> np.ndarray:
        return modules.flat(self._module).cpu().numpy()

    def _column(self, name: str) -> np.ndarray:
        return np.array([record.get(name, np.nan) for record in self._history])


def _plain(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
