"""What tests of faults share: a study of two jobs, and how to hit a run while it works."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from end_to_end.workspace import Workspace, merged

RUN = "results/poisson1d/deep-ritz/seed-0"
CHECK = "results/poisson1d/check.nc"
TRAINING, CHECKPOINTS = f"{RUN}/training.nc", f"{RUN}/checkpoints.nc"
TOUCH = ("--touch", "--forceall", "-c1")  # what a line about a wrong clock says
LOG = "results/logs/train/poisson1d/deep-ritz/seed-0.log"
# Long enough to be hit while it trains: half a second or so.
_SMALL = {
    "study": {"losses": ["deep-ritz"]},
    "cases": {"poisson1d": {"quadrature": {"points": 12}}},
    "training": {"phases": [{"optimizer": "adam", "steps": 400, "learning_rate": 0.01, "decay": 0.5}]},
}


def small(root: Path, **changes: dict) -> Workspace:
    """One training and its checkpoints, by scripts that Snakemake starts."""
    workspace = Workspace(root)
    workspace.scripts_in_forks = False
    workspace.config(merged(merged(workspace.settings, _SMALL), changes))
    return workspace


def message(output: str) -> list[str]:
    """The lines that the project says itself."""
    return [line for line in output.splitlines() if line.startswith("pinnscape: ")]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: waited in vain"
        time.sleep(0.01)


@contextmanager
def started(workspace: Workspace, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own, which is gone at the end."""
    process = subprocess.Popen(
        workspace.command("-c2", *arguments),
        cwd=workspace.root,
        env=workspace.environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        for pid in jobs_of(workspace):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def jobs_of(workspace: Workspace) -> list[int]:
    """The scripts that run in a workspace now."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_job(pid, workspace.root)]


def _is_job(pid: int, root: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        inside = os.path.samefile(f"/proc/{pid}/cwd", root)
    except OSError:
        return False
    return inside and state != "Z" and len(words) > 1 and b".snakemake/scripts/" in words[1]


def working(workspace: Workspace) -> int:
    """The training's process, once it works."""
    wait_for((workspace.root / LOG).exists, LOG)
    (pid,) = jobs_of(workspace)
    return pid


def taken_up(workspace: Workspace, *arguments: str) -> str:
    """Run again as a user would: plainly, and what a message says if it says something."""
    done = workspace.snakemake("-c2", *arguments)
    output = done.stdout + done.stderr
    if done.returncode and "--unlock" in output:
        assert workspace.snakemake("--unlock").returncode == 0
        done = workspace.snakemake("-c2", *arguments)
    assert done.returncode == 0, output + done.stdout + done.stderr
    return output
