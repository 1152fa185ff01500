"""A workflow that is killed in the middle of a training goes on from there when it is run again."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from end_to_end.workspace import Workspace

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]

RUN = "results/poisson1d/deep-ritz/seed-0"
TARGET, LOG = f"{RUN}/training.nc", "results/logs/train/poisson1d/deep-ritz/seed-0.log"
PHASES = [
    {"optimizer": "adam", "steps": 60, "learning_rate": 0.01, "decay": 0.5},
    {"optimizer": "lbfgs", "steps": 240, "history_size": 10, "gradient_tolerance": 1e-12},
]
KILLED_AFTER = 80  # steps: among those of L-BFGS, with more to come than can be taken before the signal arrives


def logged(workspace: Workspace) -> list[str]:
    path = workspace.root / LOG
    return path.read_text().splitlines() if path.exists() else []


def steps(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("step ")]


def start_and_kill(workspace: Workspace) -> None:
    """Run the workflow so that it keeps every step, which makes these slow, and kill all its processes after some."""
    with subprocess.Popen(
        workspace.command("-c1", TARGET),
        cwd=workspace.root,
        env=workspace.environment | {"PINNSCAPE_SAVE_SECONDS": "0"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            end = time.monotonic() + 120.0
            while not any(int(line.split()[1]) >= KILLED_AFTER for line in steps(logged(workspace))):
                assert process.poll() is None, "the workflow ended by itself"
                assert time.monotonic() < end, "the training did not come that far"
                time.sleep(0.01)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def files(workspace: Workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace.root / RUN).iterdir()}


def test_a_training_killed_with_its_workflow_resumes_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    settings = workspace.settings
    settings["training"] |= {"phases": PHASES, "log_every": 5}
    workspace.config(settings)
    start_and_kill(workspace)
    assert ".training-state.nc" in files(workspace)
    assert "training.nc" not in files(workspace)
    assert workspace.snakemake("--unlock").returncode == 0
    workspace.run("--rerun-incomplete", TARGET)
    resumed, lines = files(workspace), logged(workspace)
    assert sorted(resumed) == ["solution.nc", "training.nc"]
    (line,) = [line for line in lines if "resumes" in line]
    match = re.fullmatch(r"poisson1d/deep-ritz/seed-0: resumes at step (\d+), which an earlier attempt reached", line)
    assert match
    assert KILLED_AFTER - 1 <= int(match[1]) < 300  # the step that was logged last may not have been kept yet
    assert workspace.planned(TARGET) == set()

    workspace.run("--forcerun", "train_network", "--", TARGET)
    undisturbed = logged(workspace)
    assert not any("resumes" in line for line in undisturbed)
    assert steps(undisturbed) == steps(lines)
    assert files(workspace) == resumed
