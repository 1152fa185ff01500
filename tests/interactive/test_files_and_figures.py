"""Datasets from notebooks can be saved, loaded and drawn, and a recorder keeps what a user's training loop does."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from module_cases import Loop, made, pinn, regression
from torch import nn

import pinnscape as ps
from pinnscape.common.errors import StorageError
from pinnscape.files import store
from pinnscape.losses.module_objective import ModuleObjective
from pinnscape.training.checkpoints import select

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def objective() -> ModuleObjective:
    return ps.from_torch(made("pinn"), pinn, name="pinn")


@pytest.fixture(scope="module")
def found(objective: ModuleObjective) -> dict[str, xr.Dataset]:
    theta = objective.theta
    rows = (
        torch.stack([theta + step * 0.1 for step in (0.0, 1.0, 3.0)]) + torch.randn(3, 67, generator=torch.manual_seed(0)) / 9
    )
    solver = {"extremes": 3, "density": {"deflate": 1, "probes": 2, "steps": 5}}
    return {
        "plane": ps.plane(objective, theta, radius=0.2, points=5),
        "grid": ps.plane(objective, theta, radius=0.2, points=5, tolerance=0),
        "trajectory": ps.plane(objective, rows, kind="trajectory", points=5),
        "hessian-top": ps.plane(objective, theta, kind="hessian-top", points=5),
        "lines": ps.lines(objective, theta, count=2, points=5),
        "hessian": ps.hessian(objective, theta, **solver),
        "sharpness": ps.sharpness(objective, theta, starts=1, iterations=2),
        "interpolation": ps.interpolation(objective, rows, points=5),
    }


# ---- files ----


def test_a_dataset_is_read_as_it_was_written(found: dict[str, xr.Dataset], tmp_path: Path) -> None:
    for name, dataset in found.items():
        ps.save(tmp_path / f"{name}.nc", dataset)
        again = ps.load(tmp_path / f"{name}.nc")
        xr.testing.assert_equal(again, dataset)
        assert again.attrs["stage"] == dataset.attrs["stage"]
        assert again.attrs["case"] == "mine"
    assert store.read(tmp_path / "plane.nc", "surfaces").attrs["trained_on"] == "pinn"


def test_files_that_cannot_be_used_are_one_line(found: dict[str, xr.Dataset], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`dataset` must be one that a function of `pinnscape` returns"):
        ps.save(tmp_path / "x.nc", xr.Dataset())
    with pytest.raises(StorageError, match=r"nowhere\.nc: no such file"):
        ps.load(tmp_path / "nowhere.nc")
    (tmp_path / "text.nc").write_text("text")
    with pytest.raises(StorageError, match=r"text\.nc: not a "):
        ps.load(tmp_path / "text.nc")


# ---- figures ----


def drawn(figure: Figure) -> int:
    """The number of panels with something in them, after drawing."""
    FigureCanvasAgg(figure).draw()
    return sum(ax.has_data() for ax in figure.axes)


@pytest.mark.parametrize(
    "name", ["plane", "grid", "trajectory", "hessian-top", "lines", "hessian", "sharpness", "interpolation"]
)
def test_each_kind_of_dataset_has_a_figure(found: dict[str, xr.Dataset], name: str) -> None:
    assert drawn(ps.plot(found[name])) >= 1


def test_a_figure_may_go_into_given_axes(found: dict[str, xr.Dataset]) -> None:
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    assert ps.plot(found["plane"], ax=left) is figure
    ps.plot(found["lines"], ax=right)
    assert drawn(figure) >= 2
    with pytest.raises(ValueError, match="only a plane, or lines, can be drawn in given axes"):
        ps.plot(found["hessian"], ax=left)


def test_what_cannot_be_drawn_is_one_line(objective: ModuleObjective, found: dict[str, xr.Dataset]) -> None:
    for datasets in ((), (xr.Dataset(),), (found["plane"], found["hessian"])):
        with pytest.raises(ValueError, match="`plot` needs datasets of one kind"):
            ps.plot(*datasets)
    with pytest.raises(ValueError, match=r"`plot` needs the dataset of `pinnscape\.hessian`"):
        ps.plot(ps.spectrum(objective, objective.theta, extremes=2, density={"deflate": 0}))
    with pytest.raises(ValueError, match="`plot` needs surfaces of one kind, not lines, random"):
        ps.plot(found["plane"], found["lines"])


# ---- recorders ----


def recorded(folder: Path, steps: int, **more: int) -> tuple[nn.Module, list[torch.Tensor]]:
    """A training by a user's loop, and the parameters at all steps."""
    module = made("pinn")
    optimizer, seen = torch.optim.SGD(module.parameters(), 1e-3), []
    with ps.Recorder(folder, module, name="pinn", **more) as recorder:
        for step in range(steps + 1):
            terms = pinn(module)
            recorder.step(step, loss=terms, learning_rate=1e-3, accuracy=0.5)
            seen.append(nn.utils.parameters_to_vector(module.parameters()).detach().clone())
            if step < steps:
                optimizer.zero_grad()
                sum(terms.values()).backward()
                optimizer.step()
    return module, seen


def test_a_recorder_keeps_history_and_snapshots_as_the_workflow_does(tmp_path: Path) -> None:
    module, seen = recorded(tmp_path / "runs/mine", 300, even=10)
    data = store.read(tmp_path / "runs/mine/training.nc", "train")
    assert data["step"].values.tolist() == list(range(301))
    np.testing.assert_allclose(data["term_value"].sum("term"), data["loss"])
    assert data["term"].values.tolist() == ["interior", "initial"]
    assert data["further"].sel(measure="accuracy").values.tolist() == [0.5] * 301
    steps = data["snapshot_step"].values.tolist()
    for step, theta in zip(steps, data["theta"].values, strict=True):
        np.testing.assert_array_equal(theta, seen[step])
    loop = Loop(module, pinn)
    np.testing.assert_allclose(data["snapshot_loss"], [loop.value(seen[step]) for step in steps], rtol=1e-12)
    assert {0, 1, 2, 3, 4, 6, 8, 11, 300} <= set(steps)
    evenly = [step for step in steps if step % 16 == 0]
    assert evenly == list(range(0, 301, 16)), "ten at least, and the distance is a power of two"
    assert len(steps) < 50
    checkpoints = select(data, {"middle": 0.5})
    assert checkpoints["step"].sel(checkpoint="final") == 300


def test_what_was_recorded_can_be_analysed_and_drawn(tmp_path: Path) -> None:
    module, _ = recorded(tmp_path, 40)
    data, objective = ps.load(tmp_path / "training.nc"), ps.from_torch(module, pinn, name="pinn")
    path = ps.plane(objective, data, kind="trajectory", points=5)
    assert path["trajectory_loss"].squeeze()[-1] == pytest.approx(float(data["loss"][-1]), rel=1e-12)
    assert np.isfinite(ps.trajectory_geometry(objective, data)["step"]).any()
    assert path["snapshot_step"].values.tolist() == data["snapshot_step"].values.tolist()
    figure = ps.plot(data)
    assert drawn(figure) == len(figure.axes) == 3, "the loss, its terms and the accuracy; nothing else is known"
    assert figure.get_suptitle() == "mine: training"
    assert ps.plot(path).get_suptitle() == "Plane of the training trajectory"


def test_a_training_that_is_killed_leaves_a_readable_file(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, signal, torch, pinnscape
        module = torch.nn.Linear(2, 1)
        recorder = pinnscape.Recorder("run", module)
        for step in range(1000):
            recorder.step(step, loss=1.0 / (1 + step))
            if step == 500:
                os.kill(os.getpid(), signal.SIGKILL)
    """)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    data = ps.load(tmp_path / "run/training.nc")
    assert data.sizes["snapshot"] >= 1
    assert not list(tmp_path.rglob("*.part"))


def test_steps_that_go_back_are_refused(tmp_path: Path) -> None:
    recorder = ps.Recorder(tmp_path, made("pinn"))
    recorder.step(3, loss=1.0)
    with pytest.raises(ValueError, match="`step` must be larger than 3, the one before, not 3"):
        recorder.step(3, loss=1.0)


def test_a_loss_of_one_number_has_no_terms(tmp_path: Path) -> None:
    module = made("pinn")
    with ps.Recorder(tmp_path, module) as recorder:
        recorder.step(0, loss=regression(module))
    data = ps.load(tmp_path / "training.nc")
    assert data.sizes["term"] == 0
    assert float(data["loss"][0]) == Loop(module, regression).value(torch.tensor(data["theta"].values[0]))
