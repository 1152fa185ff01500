"""Losses of modules in files: precision, weights, mini-batches and fresh points."""

from pathlib import Path

import numpy as np
import pytest
import torch
from models.model_texts import BATCHES, BUFFER, PINN

from pinnscape.common.errors import ModelError
from pinnscape.config.sections import Module, TrainingSettings
from pinnscape.files.unfinished import Interval, Restart
from pinnscape.losses.model_file import Known, family, inspected, start
from pinnscape.models.file import load
from pinnscape.networks import modules
from pinnscape.training.loop import train
from pinnscape.training.progress import Progress, Saves


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"pinn": PINN, "batches": BATCHES, "buffer": BUFFER}.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def settings(name: str, **more) -> Module:
    return Module.of({"module": name, "parameters": {}} | more)


@pytest.mark.usefixtures("here")
def test_losses_are_those_of_the_file_at_the_parameters_of_each_seed() -> None:
    losses, found = family(settings("pinn.py")), load("pinn.py")
    for seed in (0, 1):
        module = start(settings("pinn.py"), seed)
        theta = modules.flat(module)
        terms = {name: float(value.detach()) for name, value in found.functions(module)["pinn"](module).items()}
        measured = losses.measure(theta)
        assert float(measured["pinn"]) == pytest.approx(sum(terms.values()), rel=1e-14)
        assert {name: float(measured[f"pinn/{name}"]) for name in terms} == pytest.approx(terms, rel=1e-14)
        assert float(measured["l2_error"]) == pytest.approx(float(found.error(module)["l2_error"]), rel=1e-14)


@pytest.mark.usefixtures("here")
def test_what_is_measured_can_be_restricted() -> None:
    losses = family(settings("pinn.py"))
    thetas = losses.flat.theta + 0.1 * torch.arange(3.0)[:, None]
    everything, fields, measures = (losses.measure(thetas, what) for what in ("all", "fields", "measures"))
    assert set(everything) == set(fields) | set(measures)
    for name in losses.fields:
        assert torch.equal(everything[name], fields[name])
    for name in losses.measures:
        assert torch.equal(everything[name], measures[name])
        assert fields[name].isnan().all()
    assert not set(losses.fields) & set(measures)


@pytest.mark.usefixtures("here")
def test_a_module_in_single_precision_is_evaluated_in_double_precision() -> None:
    (Path("single.py")).write_text(PINN.replace(".double()", "").replace(", dtype=torch.float64", ""), encoding="utf-8")
    losses = family(settings("single.py"))
    assert losses.flat.precise
    theta, v = losses.flat.theta, torch.ones(losses.size, dtype=torch.float64)
    objective = losses.objective("pinn")
    slope = (objective.loss(theta + 1e-6 * v) - objective.loss(theta - 1e-6 * v)) / 2e-6
    assert float(objective.gradient(theta) @ v) == pytest.approx(float(slope), rel=1e-7)


@pytest.mark.usefixtures("here")
def test_a_buffer_that_differs_and_matters_is_refused_and_one_that_does_not_matter_is_not() -> None:
    with pytest.raises(
        ModelError, match=r"buffer\.py: seed 1: its frequency is not that of the other weights and changes the losses"
    ):
        inspected(settings("buffer.py"), [0, 1])
    Path("unused.py").write_text(
        BUFFER.replace("torch.sin(x @ self.frequency)", "torch.sin(x @ torch.ones(1, 4))"), encoding="utf-8"
    )
    assert inspected(settings("unused.py"), [0, 1]).losses == ("fit", "size")


@pytest.mark.usefixtures("here")
def test_a_buffer_that_changes_the_last_digits_is_refused() -> None:
    """Printed tensors have four digits, which would hide it."""
    text = BUFFER.replace("torch.sin(x @ self.frequency)", "torch.sin(x @ (1 + 1e-9 * self.frequency))").replace(
        "return Net()", "return Net().double()"
    )
    Path("fine.py").write_text(
        text.replace("torch.linspace(0, 1, 9)", "torch.linspace(0, 1, 9, dtype=torch.float64)"), encoding="utf-8"
    )
    with pytest.raises(
        ModelError, match=r"fine\.py: seed 1: its frequency is not that of the other weights and changes the losses"
    ):
        inspected(settings("fine.py"), [0, 1])


@pytest.mark.usefixtures("here")
def test_a_training_with_mini_batches_that_is_cut_off_resumes_with_the_same_steps(tmp_path: Path) -> None:
    losses = family(settings("batches.py"))
    objective, theta = losses.objective("fit"), losses.flat.theta
    own = TrainingSettings.of(
        {"phases": [{"optimizer": "adam", "steps": 12, "learning_rate": 0.05}], "log_every": 5, "minibatches": True}
    )

    class Killed(Exception):
        pass

    class Cut(Saves):
        """The restart file is written after each step, and the training ends after some of them."""

        left = 7

        def write(self, progress: Progress) -> None:
            super().write(progress)
            self.left -= 1
            if not self.left:
                raise Killed

    whole = train(objective, theta, own, "x", None, 1)
    restart = Restart(tmp_path / "state.nc", {})
    with pytest.raises(Killed):
        train(objective, theta, own, "x", Cut(restart, Interval(0.0)), 1)
    resumed = train(objective, theta, own, "x", Saves(restart, Interval(1e9)), 1)
    assert [step for step, _, _ in resumed.snapshots] == [step for step, _, _ in whole.snapshots]
    for (_, loss, point), (_, expected, other) in zip(resumed.snapshots, whole.snapshots, strict=True):
        assert loss == expected
        np.testing.assert_array_equal(point, other)


@pytest.mark.usefixtures("here")
def test_what_is_known_survives_json() -> None:
    known = inspected(settings("pinn.py"))
    assert Known.of(known.plain()) == known
    assert known.measures == ("l2_error", "largest")
    assert known.permutable


@pytest.mark.usefixtures("here")
def test_mini_batches_have_names_of_their_own_and_average_to_the_whole() -> None:
    losses = family(settings("batches.py"))
    objective, theta = losses.objective("fit"), losses.flat.theta
    drawn = [objective.drawn(number) for number in range(objective.draws)]
    assert sorted(each.name for each in drawn) == [f"fit (batch {k} of 4)" for k in (1, 2, 3, 4)]
    gradients = torch.stack([each.gradient(theta) for each in drawn])
    torch.testing.assert_close(gradients.mean(0), objective.gradient(theta))
    assert [each.minimum for each in drawn] == [0.0] * 4
    assert [objective.drawn(k).name for k in range(4, 8)] != [each.name for each in drawn], "another order in the next epoch"
    with pytest.raises(ValueError, match="has no mini-batches"):
        drawn[0].drawn(0)


@pytest.mark.usefixtures("here")
def test_a_training_with_mini_batches_records_the_loss_of_all_data() -> None:
    losses = family(settings("batches.py"))
    phases = {"phases": [{"optimizer": "adam", "steps": 30, "learning_rate": 0.05}], "log_every": 7, "minibatches": True}
    history = train(losses.objective("fit"), losses.flat.theta, TrainingSettings.of(phases), "x", None, 1)
    for step, loss, theta in history.snapshots:
        assert loss == pytest.approx(float(losses.objective("fit").loss(torch.tensor(theta))), rel=1e-12), step
    at_end = losses.objective("fit").gradient(torch.tensor(history.snapshots[-1][2]))
    assert history.records[-1]["gradient_norm"] == pytest.approx(float(at_end.norm()), rel=1e-12)
    thetas = [theta for _, _, theta in history.snapshots]
    whole = train(losses.objective("fit"), losses.flat.theta, TrainingSettings.of(phases | {"minibatches": False}), "x")
    assert not np.allclose(thetas[-1], whole.snapshots[-1][2])


@pytest.mark.usefixtures("here")
def test_names_of_other_losses_are_refused() -> None:
    Path("odd.py").write_text(BATCHES + '\nminimum = {"fat": 0.0}\n', encoding="utf-8")
    with pytest.raises(ModelError, match="`minimum` names fat, which is not a loss; there are fit"):
        family(settings("odd.py"))
