"""Kills, signals, two runs at once and wrong clocks: the next run ends with the bytes of an undisturbed one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from end_to_end.faults import CHECKPOINTS, TOUCH, TRAINING, jobs_of, message, small, started, taken_up, wait_for, working
from end_to_end.workspace import Workspace, jobs

pytestmark = [
    pytest.mark.xdist_group("interruptions"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes to hit in /proc"),
]
FUTURE = time.time() + 1e9
# Snakemake that gets a SIGTERM at the worst moment: while its main thread holds the scheduler's lock.
TERMINATED = """
import os, signal, sys
from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler

finish = JobScheduler._finish_jobs

def hit(self):
    JobScheduler._finish_jobs = finish
    assert self._lock.locked()
    os.kill(os.getpid(), signal.SIGTERM)
    finish(self)

JobScheduler._finish_jobs = hit
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = small(tmp_path_factory.mktemp("undisturbed"))
    workspace.run(CHECKPOINTS)
    return workspace


def assert_same(workspace: Workspace, undisturbed: Workspace) -> None:
    """The same bytes, and nothing half done beside them."""
    names = {path.relative_to(undisturbed.root) for path in (undisturbed.root / "results").rglob("*.nc")}
    assert len(names) == 4
    for name in names:
        assert (workspace.root / name).read_bytes() == (undisturbed.root / name).read_bytes(), name
    assert not list((workspace.root / "results").rglob("*.part"))


def test_a_signal_does_not_wait_for_what_it_interrupts(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    command = [sys.executable, "-c", TERMINATED, "-c2", CHECKPOINTS]
    run = subprocess.run(
        command, cwd=workspace.root, env=workspace.environment, timeout=60, capture_output=True, text=True, check=False
    )
    said = run.stdout + run.stderr
    assert run.returncode == 1, said
    assert "Will exit after finishing currently running jobs" in said
    assert "Traceback" not in said
    assert not workspace.snakemake("-c1", "--unlock").returncode
    assert workspace.planned(CHECKPOINTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "whom"),
    [(signal.SIGKILL, "job"), (signal.SIGINT, "group"), (signal.SIGTERM, "snakemake"), (signal.SIGKILL, "group")],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_run_that_is_hit_is_taken_up_again(tmp_path: Path, undisturbed: Workspace, number: int, whom: str) -> None:
    workspace = small(tmp_path)
    with started(workspace, CHECKPOINTS) as process:
        job = working(workspace)
        if whom == "group":
            os.killpg(process.pid, number)
        else:
            os.kill(job if whom == "job" else process.pid, number)
        output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert not jobs_of(workspace)
    assert "Traceback" not in output or number == signal.SIGKILL, output
    assert not (tmp_path / CHECKPOINTS).exists()
    said = taken_up(workspace, CHECKPOINTS)
    assert ("--unlock" in said) == ((number, whom) == (signal.SIGKILL, "group")), said
    assert_same(workspace, undisturbed)


@pytest.mark.slow
def test_a_job_that_outlives_its_snakemake_writes_nothing_into_the_next_run(tmp_path: Path, undisturbed: Workspace) -> None:
    workspace = small(tmp_path)
    with started(workspace, CHECKPOINTS) as process:
        orphan = working(workspace)
        os.kill(orphan, signal.SIGSTOP)  # as if it took very long
        process.kill()
        process.wait()
        said = taken_up(workspace, CHECKPOINTS)
        assert "--unlock" in said
        before = (tmp_path / TRAINING).stat()
        os.kill(orphan, signal.SIGCONT)
        wait_for(lambda: orphan not in jobs_of(workspace), "the end of the orphan", 10.0)
    after = (tmp_path / TRAINING).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert_same(workspace, undisturbed)
    assert workspace.planned(CHECKPOINTS) == set()


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path, undisturbed: Workspace) -> None:
    workspace = small(tmp_path)
    with started(workspace, CHECKPOINTS) as process:
        job = working(workspace)
        os.kill(job, signal.SIGSTOP)
        second = workspace.snakemake("-c1", CHECKPOINTS)
        os.kill(job, signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
    assert second.returncode == 1
    assert "Directory cannot be locked" in second.stdout + second.stderr
    assert "--unlock" in second.stdout + second.stderr
    assert process.returncode == 0, output
    assert_same(workspace, undisturbed)


def date(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


def copied(workspace: Workspace, root: Path) -> Workspace:
    shutil.copytree(workspace.root, root, dirs_exist_ok=True)
    other = Workspace.__new__(Workspace)
    other.root = root
    return other


def listing(root: Path) -> dict[str, tuple[float, int]]:
    """Dates and sizes of all files of a study."""
    files = [path for name in ("results", "workflow") for path in (root / name).rglob("*") if "__pycache__" not in path.parts]
    return {str(path.relative_to(root)): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


@pytest.mark.slow
def test_a_result_of_the_future_stops_a_run_before_its_first_job(tmp_path: Path, undisturbed: Workspace) -> None:
    workspace = copied(undisturbed, tmp_path)
    checkpoints, before_all = tmp_path / CHECKPOINTS, (tmp_path / CHECKPOINTS).read_bytes()
    date(checkpoints, FUTURE)
    settings = workspace.settings
    settings["training"]["log_every"] = 7
    workspace.config(settings)
    before = listing(tmp_path)
    for arguments in (["-n"], ["--summary"], ["--dag"], ["--lint"], ["--list-rules"]):
        assert workspace.snakemake(*arguments).returncode == 0, arguments
        assert listing(tmp_path) == before, arguments
    for target in (CHECKPOINTS, TRAINING):  # whether or not it depends on the result
        done = workspace.snakemake("-c1", target)
        assert done.returncode == 1, "it could take stale results for new"
        (line,) = message(done.stdout + done.stderr)
        assert line.startswith(f"pinnscape: {CHECKPOINTS} has a modification time in the future (")
        assert listing(tmp_path) == before
    # Both remedies of the line, without --unlock.
    workspace.run(*TOUCH, CHECKPOINTS)
    assert checkpoints.read_bytes() == before_all
    assert workspace.planned(CHECKPOINTS) == set(), "the setting counts as known"
    checkpoints.unlink()
    assert jobs(workspace.run(CHECKPOINTS)) == {("select_checkpoints", "poisson1d", "0")}
    assert checkpoints.read_bytes() == before_all


@pytest.mark.slow
def test_logs_that_somebody_removes_do_not_cost_a_training(tmp_path: Path, undisturbed: Workspace) -> None:
    workspace = small(tmp_path)
    with started(workspace, CHECKPOINTS) as process:
        working(workspace)
        shutil.rmtree(tmp_path / "results/logs")
        shutil.rmtree(tmp_path / "results/benchmarks", ignore_errors=True)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert_same(workspace, undisturbed)
