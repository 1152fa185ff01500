"""The model of docs/own-model.md that PINA trains, and PINA's own values of its loss."""

import logging
import re
import warnings
from pathlib import Path

import pytest
import torch

import pinnscape as ps
from pinnscape.config.sections import Module
from pinnscape.losses.model_file import family
from pinnscape.models.file import load

PAGE = (Path(__file__).parents[2] / "docs/own-model.md").read_text(encoding="utf-8")
(TEXT,) = (block for block in re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE) if "from pina.model" in block)


@pytest.mark.filterwarnings("ignore")
def test_the_terms_are_those_that_pina_trains_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("pina")
    from pina import Trainer
    from pina.optim import TorchOptimizer
    from pina.solver import PINN

    (tmp_path / "my_pina.py").write_text(TEXT, encoding="utf-8")
    found = load("my_pina.py")
    network, names = found.module(seed=3), found.make.__globals__
    values = ps.from_torch(network, names["loss"], name="pinn")
    terms = {name: float(value) for name, value in values.terms(values.theta).items()}
    still = TorchOptimizer(torch.optim.SGD, lr=0.0)
    solver = PINN(names["problem"], network, optimizer=still)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            solver, max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False,
            default_root_dir=tmp_path,
        )  # fmt: skip
        trainer.train()
    theirs = {name: float(trainer.callback_metrics[f"{name}_loss"]) for name in terms}
    assert terms == pytest.approx(theirs, rel=1e-5)
    losses = family(Module.of({"module": "my_pina.py", "parameters": {}}))
    assert losses.flat.precise
    assert losses.terms == tuple(f"loss/{name}" for name in terms)
    assert ps.plane(values, network, points=3, tolerance=0)["value"].notnull().all()
