"""From a laptop to a cluster: profiles/slurm on a real Slurm with one node and one GPU, which is a fake."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from end_to_end.workspace import Workspace
from slurm.cluster import answer, jobs

# One process runs them all: a machine has one cluster.
pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow]

# Looks at its jobs more often than the profile says: the tests are in a hurry.
PROFILE = ("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2")
STUDY = {"study": {"problems": ["poisson1d"]}, "grid": {"planes": ["random"]}}
TARGETS = ("results/tables/claims.csv", "results/figures/planes-poisson1d.png")
# All that follows training in one job of Slurm: each job takes some seconds more than its work.
STAGES = ("select_checkpoints", "measure_hessians", "find_directions", "evaluate_surfaces", "collect_metrics", "judge_claims")
ONE_JOB = ("--groups", *[f"{rule}=rest" for rule in (*STAGES, "figure_planes")])

# A job with a GPU, and one without that fails once break_trainings has been there.
TRAINING = "results/poisson1d/deep-ritz/seed-0/training.nc"
CHECKPOINTS = "results/neo_hookean2d/deep-ritz/seed-0/checkpoints.nc"


def break_trainings(root: Path) -> None:
    for formulation in ("deep-ritz", "strong-form"):
        path = root / f"results/neo_hookean2d/{formulation}/seed-0/training.nc"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no NetCDF")


@contextmanager
def started(workspace: Workspace, log: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """A run of Snakemake in the background; it is interrupted, as with Ctrl-C, if the block is over before it."""
    command = ["env", "--default-signal=INT", *workspace.command(*arguments)]
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=workspace.root, env=workspace.environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()


def last_job() -> int:
    return max((int(job["JobId"]) for job in jobs()), default=0)


def of_rule(rule: str, since: int) -> list[dict[str, str]]:
    """The jobs of a rule that were submitted after another one, in order."""
    found = [job for job in jobs() if job["Comment"].startswith(f"rule_{rule}") and int(job["JobId"]) > since]
    return sorted(found, key=lambda job: int(job["JobId"]))


def soon(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s\n{answer('squeue')}"
        time.sleep(0.1)


def span(job: dict[str, str]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(job["StartTime"]), datetime.fromisoformat(job["EndTime"])


def overlap(one: dict[str, str], other: dict[str, str]) -> bool:
    return max(span(one)[0], span(other)[0]) < min(span(one)[1], span(other)[1])


def data_files(root: Path) -> list[Path]:
    kinds = (".nc", ".png", ".pdf", ".csv")
    return sorted(path.relative_to(root) for path in (root / "results").rglob("*") if path.suffix in kinds)


def test_a_study_on_the_cluster_gives_the_same_bytes_and_no_two_jobs_share_the_gpu(slurm, tmp_path, tmp_path_factory) -> None:
    here, there = (Workspace(tmp_path_factory.mktemp(name)) for name in ("here", "there"))
    before = last_job()
    with here.with_settings(STUDY), there.with_settings(STUDY), started(here, tmp_path / "here.log", "-c1", *TARGETS) as local:
        done = there.snakemake(*PROFILE, *ONE_JOB, "--", *TARGETS)
        assert done.returncode == 0, done.stdout + done.stderr
        assert local.wait(100) == 0, (tmp_path / "here.log").read_text()
        for path in (there.root / "workflow").rglob("*.py"):
            os.utime(path)
        assert there.planned(*TARGETS) == there.planned(*PROFILE, "--", *TARGETS) == set()
    files = data_files(there.root)
    assert files == data_files(here.root)
    kinds = [path.suffix for path in files]
    assert [kinds.count(kind) for kind in (".nc", ".csv", ".png")] == [2 * (3 + 3 + 2 + 2), 2, 1]
    assert [path for path in files if (here.root / path).read_bytes() != (there.root / path).read_bytes()] == []

    on_gpu = of_rule("", before)
    assert [job["Comment"].split("_wildcards")[0] for job in on_gpu[:2]] == ["rule_train_network"] * 2
    assert len(on_gpu) == 3
    assert {job["TresPerJob"] for job in on_gpu} == {"gres:gpu:1"}
    first, second, _ = on_gpu
    assert (first["MinMemoryNode"], first["TimeLimit"], first["Partition"]) == ("2000M", "01:00:00", "cpu")
    assert second["SubmitTime"] < first["EndTime"], "the second one did not have to wait"
    assert not any(overlap(one, other) for i, one in enumerate(on_gpu) for other in on_gpu[:i])


def test_jobs_that_fail_or_are_killed_are_tried_again_and_reported_with_their_logs(slurm, tmp_path) -> None:
    workspace, before = Workspace(tmp_path), last_job()
    break_trainings(tmp_path)
    log = tmp_path / "results/logs/train/poisson1d/deep-ritz/seed-0.log"
    train, common = ((tmp_path / f"workflow/rules/{name}.smk").read_text() for name in ("train", "common"))
    endless = {"training": {"phases": [{"optimizer": "adam", "steps": 10**8, "learning_rate": 0.001, "decay": 0.5}]}}
    with (
        # Far too little at first, and then, whichever build of torch is here, enough.
        workspace.edited("workflow/rules/train.smk", train.replace("mem_mb=2000", "mem_mb=150")),
        workspace.edited("workflow/rules/common.smk", common.replace("first * 2 **", "first * 20 **")),
        workspace.with_settings(endless),
        started(workspace, tmp_path / "out", *PROFILE, "--", CHECKPOINTS, TRAINING) as process,
    ):
        soon(lambda: len(of_rule("train_network", before)) == 2, "training was not tried again")
        first, second = of_rule("train_network", before)
        assert first["JobState"] == "FAILED"  # with control groups Slurm says OUT_OF_MEMORY
        assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("150M", "3000M")
        assert (first["TimeLimit"], second["TimeLimit"]) == ("01:00:00", "20:00:00")
        soon(lambda: log.exists() and "step" in log.read_text(), "training did not get along with more memory")
        subprocess.run(["scancel", second["JobId"]], check=True)
        assert process.wait(60) == 1
    output = (tmp_path / "out").read_text()
    for job, status in ((first, "FAILED"), (second, "CANCELLED")):
        assert f"SLURM-job '{job['JobId']}' failed, SLURM status is: '{status}'" in output
    assert "exceeded memory limit" in output
    assert "results/logs/train/poisson1d/deep-ritz/seed-0.log" in output
    assert not (tmp_path / TRAINING).exists()

    failed = of_rule("select_checkpoints", before)
    assert [job["JobState"] for job in failed] == ["FAILED", "FAILED"]
    for job in failed:
        assert f"SLURM-job '{job['JobId']}' failed, SLURM status is: 'FAILED'" in output
    # The job's own log, and in it the one line, once for each try, is shown without a traceback.
    said = [line.strip() for line in output.splitlines() if re.match(r"\s*pinnscape: ", line)]
    assert len(set(said)) == 1, said
    assert re.search(
        r"training\.nc: not a readable NetCDF file.*rule `train` makes it.*\(log: results/logs/checkpoints/", said[0]
    )
    # A job without a GPU does not wait for the one that has it.
    assert failed[0].get("TresPerJob") is None
    assert overlap(first, failed[0])


def test_a_status_command_without_an_answer_stops_the_run_before_it_begins(slurm, tmp_path) -> None:
    workspace, before = Workspace(tmp_path), last_job()
    began = time.monotonic()
    done = workspace.snakemake(*PROFILE, "--slurm-status-command", "sacct", "--", TRAINING)
    assert done.returncode == 1
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("pinnscape: ")]
    assert line == (
        "pinnscape: sacct cannot tell what becomes of jobs (Slurm accounting storage is disabled); "
        "set slurm-status-command: squeue in the profile"
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert time.monotonic() - began < 30
    assert last_job() == before, "a job was submitted"
    assert workspace.planned(TRAINING), "the folder was left locked, or something was run"


def test_a_site_says_where_jobs_go(slurm, tmp_path) -> None:
    """Partitions by what a job needs, and the model of the GPU for jobs with one. Ctrl-C cancels them."""
    workspace, before = Workspace(tmp_path), last_job()
    profile = tmp_path / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    settings |= {"slurm-partition-config": "partitions.yaml", "default-resources": {"gpu_model": "'h100'"}}
    profile.write_text(yaml.safe_dump(settings))
    break_trainings(tmp_path)
    with started(workspace, tmp_path / "out", *PROFILE, "--", CHECKPOINTS, TRAINING):
        soon(lambda: of_rule("train_network", before) and of_rule("select_checkpoints", before), "nothing was submitted")
    (training,), (checkpoints,) = of_rule("train_network", before), of_rule("select_checkpoints", before)
    assert (training["JobState"], checkpoints["JobState"]) == ("CANCELLED", "CANCELLED"), "Ctrl-C left jobs behind"
    assert (training["Partition"], training["TresPerJob"]) == ("gpu", "gres:gpu:h100:1")
    assert (checkpoints["Partition"], checkpoints.get("TresPerJob")) == ("cpu", None)
