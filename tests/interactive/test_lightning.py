"""The callback that records trainings by Lightning."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import pinnscape as ps
from pinnscape.networks import modules

lightning = pytest.importorskip("lightning.pytorch")
X = torch.linspace(-1, 1, 40)[:, None]


class Model(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        loss = (self(batch[0]) - batch[0] ** 2).square().mean()
        self.log("mean/size", self(batch[0]).abs().mean())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 0.05)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_training_by_lightning_is_recorded(tmp_path: Path, accumulated: int) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    model = Model()
    first = modules.flat(model)
    trainer = lightning.Trainer(
        max_epochs=6, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, accumulate_grad_batches=accumulated, default_root_dir=tmp_path,
        callbacks=[ps.LightningRecorder(tmp_path / "run", name="fit")],
    )  # fmt: skip
    trainer.fit(model, DataLoader(TensorDataset(X), batch_size=10))
    data = ps.load(tmp_path / "run/training.nc")
    assert data["step"].values.tolist() == list(range(24 // accumulated + 1))
    np.testing.assert_array_equal(data["theta"][0], first)
    np.testing.assert_array_equal(data["theta"][-1], modules.flat(model))
    assert np.isfinite(data["loss"][1:]).all()
    assert float(data["loss"][-1]) < float(data["loss"][1])
    assert data["measure"].values.tolist() == ["mean_size"]
    assert data.attrs["trained_on"] == "fit"
    objective = ps.from_torch(model, lambda m: (m(X) - X**2).square().mean(), name="fit")
    assert ps.plane(objective, data, kind="trajectory", points=3, tolerance=0).sizes["snapshot"] == data.sizes["snapshot"]
