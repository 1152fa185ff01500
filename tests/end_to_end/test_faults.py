"""Bad settings and broken files: one clear line, and nothing computed is lost."""

import os
import re
from pathlib import Path

import pytest
import torch
from end_to_end import forks
from end_to_end.faults import RUN, message
from end_to_end.workspace import PROJECT, Workspace

pytestmark = pytest.mark.xdist_group("faults")  # one after the other: each runs jobs of its own


def test_bad_configurations_give_one_line_and_no_traceback() -> None:
    files = sorted((PROJECT / "tests/bad_configs").glob("*.yaml"))
    assert len(files) >= 20
    for path in files[::4]:
        done = forks.call(["-n", "--nolock", "--configfile", str(path)], PROJECT, dict(os.environ), timeout=60)
        output = done.stdout + done.stderr
        expected = path.read_text().splitlines()[0].removeprefix("# expect: ")
        assert done.returncode == 1, path
        assert "Traceback" not in output, path
        (line,) = message(output)
        assert expected in line, path


def test_a_syntax_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.edited("config.yaml", "study:\n\tseeds: [0]\n"):
        done = workspace.snakemake("-n")
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert "config.yaml:2" in line


def test_a_truncated_file_is_refused_by_the_next_stage(tmp_path: Path) -> None:
    workspace, target = Workspace(tmp_path), f"{RUN}/checkpoints.nc"
    workspace.run(target)
    path = tmp_path / RUN / "training.nc"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    done = workspace.snakemake("-c2", target)
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert re.search(r"training\.nc: not a readable NetCDF file.*rule `train` makes it", line)
    assert "results/logs/checkpoints/poisson1d/seed-0.log" in line
    path.unlink()
    workspace.run(target)
    assert path.read_bytes() == content


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU where there is none")
def test_cuda_without_a_gpu_is_one_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.with_settings({"device": "cuda"}):
        done = workspace.snakemake("-c1", f"{RUN}/training.nc")
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert "device: cuda is requested" in line
    assert "use auto or cpu" in line


def test_a_diverged_training_is_one_line_and_keeps_its_history(tmp_path: Path) -> None:
    run = "results/neo_hookean2d/deep-ritz/seed-0"
    workspace = Workspace(tmp_path)
    phases = [{"optimizer": "adam", "steps": 40, "learning_rate": 10.0, "decay": 1.0}]
    with workspace.with_settings({"training": {"phases": phases, "log_every": 1}}):
        done = workspace.snakemake("-c1", f"{run}/training.nc")
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert re.search(r"neo_hookean2d/deep-ritz/seed-0: training diverged at step \d+ \(adam\)", line)
    assert "step      0  loss" in (tmp_path / "results/logs/train/neo_hookean2d/deep-ritz/seed-0.log").read_text()
    assert not (tmp_path / run / "training.nc").exists()


def test_gpu_jobs_run_one_at_a_time_with_one_gpu(tmp_path: Path) -> None:
    targets = [f"results/{case}/deep-ritz/seed-0/solution.nc" for case in ("poisson1d", "neo_hookean2d")]
    workspace = Workspace(tmp_path)
    workspace.run("check")
    output = workspace.run("--resources", "gpu=1", "--", *targets)
    events = re.findall(r"(?m)^(Job \d+: Training|Finished jobid)", output)
    assert [event.split(":")[0].rstrip("0123456789 ") for event in events] == ["Job", "Finished jobid"] * 2
