"""A callback that records trainings by Lightning (https://lightning.ai)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from pinnscape.interactive.recorder import Recorder


class LightningRecorder(Callback):
    """Keeps the history and snapshots of a training by Lightning as training.nc, as ``Recorder`` does.

    After each step of the optimiser, the loss is that of the step, at the parameters after it. Logged numbers of the step are
    recorded under their names.

    Args:
        folder: folder of the file, which is created.
        **settings: further arguments of ``Recorder``, such as ``name``, ``seed`` and ``even``.
    """

    def __init__(self, folder: str | Path, **settings: Any) -> None:
        super().__init__()
        self._folder, self._settings = folder, settings
        self._recorder: Recorder | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the initial parameters."""
        self._recorder = Recorder(self._folder, pl_module, **self._settings)
        self._recorder.step(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record a step of the optimiser; batches between two steps, whose gradients are accumulated, are not recorded."""
        assert self._recorder is not None
        if trainer.global_step > self._recorder.last:
            logged = {name: value for name, value in trainer.callback_metrics.items() if name != "loss"}
            loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
            self._recorder.step(
                trainer.global_step, loss=loss, **{name.replace("/", "_"): value for name, value in logged.items()}
            )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        assert self._recorder is not None
        self._recorder.close()
