"""Trainings of modules by their own code, and weights that were trained elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import torch
from models.model_texts import PINN, TRAINING

from pinnscape.common.errors import ModelError
from pinnscape.config.sections import Module
from pinnscape.losses.model_file import family, start
from pinnscape.losses.module import ModuleLosses
from pinnscape.models.file import ModelFile, load
from pinnscape.networks import modules
from pinnscape.training.elsewhere import by_itself, from_files, steps_of
from pinnscape.training.files import training_dataset
from pinnscape.training.progress import History
from pinnscape.training.snapshots import Spaced


def opened(folder: Path, text: str) -> tuple[ModelFile, Module, ModuleLosses]:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    settings = Module.of({"module": str(path), "parameters": {}})
    return load(str(path)), settings, family(settings)


def trained(folder: Path, text: str, seed: int = 3) -> tuple[History, torch.nn.Module]:
    found, settings, losses = opened(folder, text)
    module = start(settings, seed)
    return by_itself(found, module, losses.objective("pinn"), seed), module


def test_a_training_by_the_file_is_recorded_at_its_snapshots(tmp_path: Path) -> None:
    history, module = trained(tmp_path, TRAINING)
    found, settings, losses = opened(tmp_path, TRAINING)
    steps, values, thetas = zip(*history.snapshots, strict=True)
    assert steps[0] == 0
    assert steps[-1] == 40
    np.testing.assert_array_equal(thetas[0], modules.flat(start(settings, 3)))
    np.testing.assert_array_equal(thetas[-1], modules.flat(module))
    own = sum(value.detach() for value in found.functions(module)["pinn"](module).values())
    assert values[-1] == pytest.approx(float(own), rel=1e-13)
    data = training_dataset(history, losses)
    assert data["measure"].values.tolist() == ["largest"]
    assert float(data["l2_error"][-1]) == pytest.approx(float(found.error(module)["l2_error"]), rel=1e-12)
    np.testing.assert_allclose(data["term_value"].sum("term"), data["loss"], rtol=1e-12)
    assert "withheld" in data["h1_error"].attrs
    assert "withheld" not in data["l2_error"].attrs


def test_the_seed_of_a_training_is_that_of_torch(tmp_path: Path) -> None:
    noisy = TRAINING.replace("sum(pinn(net).values())", "(sum(pinn(net).values()) * (1 + 0.5 * torch.rand(())))")
    one, same, other = (trained(tmp_path, noisy, seed)[0].snapshots[-1][2] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ("    pass", r"train\(model, seed, snapshot\) leaves the parameters as they were"),
        ("    snapshot(3)\n    snapshot(2)", r"needs the number of the step, which is at least 3 here; got 2"),
        ("    snapshot(0.5)", r"needs the number of the step, which is at least 0 here; got 0\.5"),
        ("    raise OSError('no data')", r"line \d+: `train` fails \(OSError: no data\)"),
    ],
)
def test_a_training_that_fails_is_explained_in_one_line(tmp_path: Path, loop: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        trained(tmp_path, PINN + "\n\ndef train(net, seed, snapshot):\n" + loop)
    assert "\n" not in str(error.value)


def test_a_training_without_snapshots_has_its_first_and_last_point(tmp_path: Path) -> None:
    history, module = trained(tmp_path, TRAINING.replace("        snapshot(step)\n", ""))
    assert [step for step, _, _ in history.snapshots] == [0, 1]
    np.testing.assert_array_equal(history.snapshots[-1][2], modules.flat(module))


def test_weights_in_files_become_the_snapshots(tmp_path: Path) -> None:
    _, settings, losses = opened(tmp_path, PINN)
    expected = []
    for step in (5, 40, 100):
        module = start(settings, step)
        torch.save({"state_dict": module.state_dict()}, tmp_path / f"w-{step}.pt")
        expected.append(modules.flat(module).numpy())
    pattern = str(tmp_path / "w-*.pt")
    paths = [tmp_path / f"w-{step}.pt" for step in (5, 40, 100)]
    assert steps_of(pattern, paths) == [5, 40, 100]
    history = from_files(losses.objective("fit"), paths, [5, 40, 100])
    for (step, loss, theta), (wanted, own) in zip(history.snapshots, zip((5, 40, 100), expected, strict=True), strict=True):
        assert step == wanted
        np.testing.assert_array_equal(theta, own)
        assert loss == pytest.approx(float(losses.objective("fit").loss(torch.tensor(own))), rel=1e-13)


@pytest.mark.parametrize("count", [1, 7, 120, 5000])
def test_snapshots_of_a_training_of_unknown_length_are_spaced_in_both_ways(count: int) -> None:
    kept = Spaced[int](even=10)
    for step in range(count):
        if kept.due(step):
            kept.keep(step, step)
    steps = sorted(kept.kept)
    assert steps[0] == 0
    assert all(kept.kept[step] == step for step in steps)
    assert len(steps) <= 2 * 10 + 1 + 10 * np.log10(count + 1) + 10
    if count > 100:
        gaps = np.diff([*steps, count - 1])
        assert gaps.max() <= count / 10 + 1, "evenly spaced ones leave no wide gap"
        assert {1, 2, 4, 8} <= set(steps), "logarithmically spaced ones begin at once"
