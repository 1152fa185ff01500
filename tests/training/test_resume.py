"""A training that is interrupted anywhere goes on from what it kept and ends with the same bits."""

import logging
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import initial, small
from hypothesis import given, settings
from hypothesis import strategies as st
from settings_cases import phased

from pinnscape.common.errors import DivergenceError
from pinnscape.files import store
from pinnscape.files.unfinished import Interval, Restart
from pinnscape.losses.field import FieldObjective
from pinnscape.training.files import solution_dataset, training_dataset
from pinnscape.training.loop import History, train
from pinnscape.training.optimizers import LBFGS, Adam, State, start
from pinnscape.training.progress import Progress, Saves, from_dataset, to_dataset

# A change of optimiser, pairs that fall out of the memory, a phase that ends at once, one that goes on after it, and Adam last or L-BFGS last.
ADAM = {"optimizer": "adam", "steps": 11, "learning_rate": 0.01, "decay": 0.1}
QUASI_NEWTON = {"optimizer": "lbfgs", "steps": 9, "history_size": 4, "gradient_tolerance": 1e-9}
NOTHING = {"optimizer": "lbfgs", "steps": 5, "history_size": 4, "gradient_tolerance": 1e9}
PHASES = {
    "adam": [ADAM],
    "lbfgs": [QUASI_NEWTON],
    "both": [ADAM, QUASI_NEWTON],
    "all": [QUASI_NEWTON, ADAM, NOTHING, {**ADAM, "steps": 3}, QUASI_NEWTON, NOTHING],
}
JOB = {"seed": "0", "code": ["1"], "training": {"steps": 3}}
NAME = "poisson2d/deep-ritz/seed-0"


class Killed(BaseException):
    """As sudden as a signal."""


@dataclass(frozen=True)
class Mortal(FieldObjective):
    """A loss whose evaluation ends the training after as many of them as it has lives."""

    lives: int = 10**9
    count: list[int] = field(default_factory=lambda: [0])

    def loss_and_gradient(self, theta):
        if self.count[0] == self.lives:
            raise Killed
        self.count[0] += 1
        return super().loss_and_gradient(theta)


class Ticks:
    """A clock that goes on by a second whenever it is read: once a step."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> float:
        self.now += 1
        return float(self.now)


def run(phases, saves: Saves | None = None, lives: int = 10**9, formulation: str = "deep-ritz") -> tuple[History, int]:
    """A training, and how often it evaluated the loss."""
    loss = small().objective(formulation)
    objective = Mortal(**{each.name: getattr(loss, each.name) for each in fields(loss)}, lives=lives)
    history = train(objective, initial(small()), phased(phases, 4, {"even": 3, "logarithmic": 3}), NAME, saves)
    return history, objective.count[0]


def bits(history: History) -> tuple:
    """Everything in a history, to the last bit."""
    records = [{name: (type(value), np.array(value).tobytes()) for name, value in record.items()} for record in history.records]
    return records, [(step, np.array(loss).tobytes(), theta.tobytes()) for step, loss, theta in history.snapshots]


@cache
def undisturbed(which: str, formulation: str = "deep-ritz") -> tuple[tuple, int]:
    history, evaluations = run(PHASES[which], formulation=formulation)
    return bits(history), evaluations


def saves(path: Path, seconds: float = 5.0, job=JOB) -> Saves:
    """Keeps every so many steps."""
    return Saves(Restart(path, job), Interval(seconds, Ticks()))


def killed(path: Path, which: str, lives: int, seconds: float = 5.0, **more) -> None:
    with pytest.raises(Killed):
        run(PHASES[which], saves(path, seconds, **more), lives)


def fresh(factory: pytest.TempPathFactory) -> Path:
    path = factory.getbasetemp() / "state.nc"
    path.unlink(missing_ok=True)
    return path


# ---- the same bits ----


@settings(max_examples=12)
@given(data=st.data(), which=st.sampled_from(sorted(PHASES)), seconds=st.integers(2, 9))
def test_a_training_that_is_killed_again_and_again_ends_as_an_undisturbed_one(tmp_path_factory, data, which, seconds):
    path = fresh(tmp_path_factory)
    expected, evaluations = undisturbed(which)
    for lives in data.draw(st.lists(st.integers(0, evaluations - 1), min_size=1, max_size=3), "lives"):
        try:
            history, _ = run(PHASES[which], saves(path, seconds), lives)
        except Killed:
            continue
        assert bits(history) == expected  # it had little left to do
    history, _ = run(PHASES[which], saves(path, seconds))
    assert bits(history) == expected


@pytest.mark.parametrize("lives", range(10, 17))
def test_a_training_that_is_killed_around_the_change_of_phase_ends_as_an_undisturbed_one(tmp_path, lives):
    killed(tmp_path / "x.nc", "both", lives, lives - 1)
    assert bits(run(PHASES["both"], saves(tmp_path / "x.nc", 50.0))[0]) == undisturbed("both")[0]


@pytest.mark.parametrize("formulation", ["strong-form", "supervised"])
def test_each_loss_resumes(tmp_path, formulation):
    expected, evaluations = undisturbed("both", formulation)
    with pytest.raises(Killed):
        run(PHASES["both"], saves(tmp_path / "x.nc"), evaluations - 2, formulation)
    history, again = run(PHASES["both"], saves(tmp_path / "x.nc"), formulation=formulation)
    assert bits(history) == expected
    assert again < evaluations / 2


def test_no_step_that_was_kept_is_taken_again(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    expected, evaluations = undisturbed("adam")
    for done in range(1, evaluations):
        path = tmp_path / f"{done}.nc"
        steps = done - 1  # the first evaluation is at the initial point, which is not kept
        killed(path, "adam", done, steps)
        caplog.clear()
        history, again = run(PHASES["adam"], saves(path))
        assert bits(history) == expected
        resumed = [line for line in caplog.messages if "resumes" in line]
        assert resumed == ([f"{NAME}: resumes at step {steps}, which an earlier attempt reached"] if steps else [])
        assert again == (evaluations - done if steps else evaluations)


@pytest.mark.parametrize("which", sorted(PHASES))
def test_a_training_that_kept_its_last_step_only_has_to_be_written(tmp_path, which):
    path, last = tmp_path / "x.nc", undisturbed(which)[0][1][-1][0]
    history, evaluations = run(PHASES[which], saves(path, last))
    assert bits(history) == undisturbed(which)[0]  # keeping changes nothing
    assert evaluations == undisturbed(which)[1]
    again, evaluations = run(PHASES[which], saves(path))
    assert bits(again) == undisturbed(which)[0]
    assert evaluations == 0


def test_the_files_of_a_resumed_training_have_the_same_bytes(tmp_path):
    killed(tmp_path / "x.nc", "both", 17)
    written = []
    for name, file in (("resumed", tmp_path / "x.nc"), ("undisturbed", tmp_path / "none.nc")):
        history, _ = run(PHASES["both"], saves(file))
        for dataset in (training_dataset(history, small()), solution_dataset(history, small())):
            path = tmp_path / f"{name}-{len(dataset)}.nc"
            common = {"case": "poisson2d", "trained_on": "deep-ritz", "seed": 0, "configuration": {}}
            store.write(path, dataset, stage="train", title="Training", **common)
            written.append(path.read_bytes())
    assert written[:2] == written[2:]


# ---- what is kept, and when ----


def test_a_state_is_kept_at_most_once_in_the_interval_and_no_more_than_that_is_lost(tmp_path, monkeypatch):
    kept: list[int] = []
    keeper = saves(tmp_path / "x.nc", 5.0)
    write = keeper.write

    def counted(progress: Progress) -> None:
        kept.append(progress.step)
        write(progress)

    monkeypatch.setattr(keeper, "write", counted)
    run([{**ADAM, "steps": 40}], keeper)
    assert kept[0] == 5
    assert set(np.diff(kept)) == {5}
    assert kept[-1] > 40 - 6


def test_a_short_training_keeps_nothing(tmp_path):
    run(PHASES["both"], Saves(Restart(tmp_path / "x.nc", JOB), Interval(30.0)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"seed": "1"}, {"code": ["2"]}, {"training": {"steps": 4}}])
def test_the_state_of_another_job_is_ignored_and_then_replaced(tmp_path, caplog, change):
    path = tmp_path / "x.nc"
    killed(path, "both", 15, job=JOB | change)
    history, evaluations = run(PHASES["both"], saves(path, 3.0))
    assert (bits(history), evaluations) == undisturbed("both")
    assert [line for line in caplog.messages if "ignored" in line] == [
        f"{path} is ignored: it was written by a job with other settings ({', '.join(change)})"
    ]
    assert Restart(path, JOB).read() is not None


WORDS = ("not a readable NetCDF file (truncated", "has no checksum", "changed since it was written", "an empty file")


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1], lambda b: b[:-90] + bytes([b[-90] ^ 1]) + b[-89:], lambda b: b""]
)
def test_a_training_with_a_damaged_state_starts_afresh(tmp_path, caplog, damage):
    path = tmp_path / "x.nc"
    killed(path, "both", 15)
    path.write_bytes(damage(path.read_bytes()))
    history, evaluations = run(PHASES["both"], saves(path))
    assert (bits(history), evaluations) == undisturbed("both")
    (line,) = [line for line in caplog.messages if "ignored" in line]
    assert line.removeprefix(f"{path} is ignored: ").startswith(WORDS)


def test_a_training_that_cannot_keep_its_state_goes_on(tmp_path, caplog):
    (tmp_path / "file").touch()
    history, _ = run(PHASES["adam"], saves(tmp_path / "file" / "x.nc", 4.0))
    assert bits(history) == undisturbed("adam")[0]
    lines = [line for line in caplog.messages if "is not written as a restart file" in line]
    assert len(lines) == 2
    assert "Not a directory" in lines[0] or "File exists" in lines[0]


# ---- the log ----


def test_the_log_of_a_resumed_training_has_the_whole_history(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    run(PHASES["all"])
    expected = list(caplog.messages)
    killed(tmp_path / "x.nc", "all", undisturbed("all")[1] - 2)
    caplog.clear()
    run(PHASES["all"], saves(tmp_path / "x.nc"))
    (resumed,) = [line for line in caplog.messages if "resumes" in line]
    assert sorted(caplog.messages) == sorted([*expected, resumed])
    steps = [line for line in caplog.messages if line.startswith("step")]
    assert steps == [line for line in expected if line.startswith("step")]


def test_a_resumed_training_that_diverges_says_so_and_has_its_history_in_the_log(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    phases = [{**ADAM, "steps": 8}, {**ADAM, "learning_rate": 1e200}]
    messages = []
    with pytest.raises(Killed):
        run(phases, saves(tmp_path / "x.nc"), 7, "strong-form")
    assert (tmp_path / "x.nc").exists()
    for path in ("x.nc", "none.nc"):
        caplog.clear()
        with pytest.raises(DivergenceError) as caught:
            run(phases, saves(tmp_path / path, 50.0), formulation="strong-form")
        messages.append((str(caught.value), [line for line in caplog.messages if line.startswith("step")]))
    assert messages[0] == messages[1]
    assert [line.split()[1] for line in messages[0][1]] == ["0", "1", "4", "6", "8"]


# ---- the state itself ----


def test_a_progress_comes_back_to_the_last_bit(tmp_path):
    odd = np.array([0xFFF8000000000001, 0x7FF8000000000000, 0x8000000000000000, 1], dtype=np.uint64).view(np.float64)
    record = {"step": 7, "loss": float(odd[3]), "l2_error": float(odd[0]), "learning_rate": float(odd[1]), "optimizer": 1}
    history = History([record, {**record, "step": 8}], [(0, -1.5, odd), (8, float(odd[2]), odd[::-1].copy())])
    memory = {"t": torch.tensor(2**40 + 1), "s": torch.zeros(0, 0), "r": torch.tensor([[0.1]], dtype=torch.float64)}
    state = State(torch.tensor(odd), 0.1, torch.tensor(odd[::-1].copy()), float("nan"))
    kept = Restart(tmp_path / "x.nc", JOB)
    kept.write(to_dataset(Progress(state, 8, [0, 3, 3], memory, history)))
    found = from_dataset(kept.read(), "cpu")
    assert bits(found.history) == bits(history)
    assert (found.step, found.begun) == (8, [0, 3, 3])
    for name in ("theta", "gradient"):
        assert getattr(found.state, name).numpy().tobytes() == getattr(state, name).numpy().tobytes()
    assert (found.state.loss, str(found.state.rate)) == (0.1, "nan")
    assert found.memory.keys() == memory.keys()
    for name, values in memory.items():
        assert (found.memory[name].dtype, found.memory[name].shape) == (values.dtype, values.shape)
        assert torch.equal(found.memory[name], values)


@pytest.mark.parametrize("steps", [0, 1, 3, 12])
@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
def test_an_optimiser_that_loads_the_memory_of_another_takes_the_same_steps(kind, steps):
    objective = small().objective("strong-form")

    def made():
        function = objective.loss_and_gradient
        return Adam(function, 30, 0.01, 0.1) if kind == "adam" else LBFGS(function, 5)

    one, other = made(), made()
    state = start(objective.loss_and_gradient, initial(small()))
    for _ in range(steps):
        state = one.step(state)
    other.load_state_dict(one.state_dict())
    mine = yours = state
    for _ in range(7):
        mine, yours = one.step(mine), other.step(yours)
        assert torch.equal(mine.theta, yours.theta)
        assert (mine.loss, mine.rate) == (yours.loss, yours.rate)
