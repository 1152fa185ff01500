"""From a laptop to a cluster: profiles/slurm on a real Slurm with one node and one GPU, which is a fake."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from end_to_end.workspace import Workspace, data_files, merged
from slurm.cluster import answer, jobs

# One process runs them all: a machine has one cluster.
pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow]

PROFILE = ("--workflow-profile", "profiles/slurm")
OFTEN = ("--slurm-init-seconds-before-status-checks", "4")  # looks at its jobs more often than the profile says
STUDY = {"cases": {"poisson1d": {"quadrature": {"points": 12}}}, "grid": {"planes": ["random"]}}
TARGETS = ("results/figures/planes-poisson1d.png", "results/tables/claims.csv")
# All that follows training in one job of Slurm: each job takes some seconds more than its work.
ONE_JOB = (
    "--groups",
    *[
        f"{rule}=rest"
        for rule in (
            "select_checkpoints", "find_directions", "evaluate_surfaces", "figure_planes", "measure_hessians",
            "collect_metrics", "judge_claims",
        )
    ],
    "--set-resources", "measure_hessians:gpu=0",  # it runs beside the surfaces, and there is one GPU
)  # fmt: skip
# A job with a GPU, its log, and a job without that fails because its input is broken.
CHECK = "results/poisson1d/check.nc"
TRAINING = "results/poisson1d/deep-ritz/seed-0/training.nc"
CHECKPOINTS = "results/neo_hookean2d/deep-ritz/seed-0/checkpoints.nc"


LOG = "results/logs/train/poisson1d/deep-ritz/seed-0.log"


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


def jobs_since(last: int) -> list[dict[str, str]]:
    """The jobs that were submitted after another one, in order."""
    return sorted((job for job in jobs() if int(job["JobId"]) > last), key=lambda job: int(job["JobId"]))


def of_rule(rule: str, workspace: Workspace, since: int = 0) -> list[dict[str, str]]:
    """The jobs of a rule that a workspace submitted, in order."""
    return [
        job for job in jobs_since(since) if job["Comment"].startswith(f"rule_{rule}") and job["WorkDir"] == str(workspace.root)
    ]


def soon(condition: Callable[[], object], what: str, seconds: float = 150.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s\n{answer('squeue')}"
        time.sleep(0.1)


def span(job: dict[str, str]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(job["StartTime"]), datetime.fromisoformat(job["EndTime"])


def overlap(one: dict[str, str], other: dict[str, str]) -> bool:
    return max(span(one)[0], span(other)[0]) < min(span(one)[1], span(other)[1])


@dataclass(frozen=True)
class Runs:
    """A study run here and there, on the cluster, and beside it a run whose jobs fail."""

    here: Workspace
    there: Workspace
    study: list[dict[str, str]]  # jobs on the cluster
    training: list[dict[str, str]]  # of the failing run: killed for want of memory, then from outside
    checkpoints: list[dict[str, str]]  # of the failing run: its input is broken
    failing: Path
    output: str  # of the failing run


@pytest.fixture(scope="module")
def runs(slurm: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    # Folders of the cluster with names that shells and formats would take apart.
    here, there, failing = (Workspace(tmp_path_factory.mktemp(name)) for name in ("here", "there (v2) & {y} 'é'", "failing"))
    logs = tmp_path_factory.mktemp("logs")
    before = last_job()
    with (
        expecting_failures(failing),
        started(failing, logs / "failing", *PROFILE, "--", CHECKPOINTS, TRAINING) as process,
    ):
        soon(lambda: len(jobs_since(before)) == 2, "the failing run submitted nothing")
        begun = last_job()
        for workspace in (here, there):
            workspace.config(merged(workspace.settings, STUDY))
            workspace.run("check")  # so that trainings are the first jobs
        with (
            started(there, logs / "there", *PROFILE, *OFTEN, *ONE_JOB, "--", *TARGETS) as study,
            started(here, logs / "here", "-c1", "--", *TARGETS) as local,
        ):
            soon(lambda: len(of_rule("train_network", failing, before)) == 2, "training was not tried again")
            log = failing.root / LOG
            soon(lambda: log.exists() and "step" in log.read_text(), "training did not get along with more memory")
            subprocess.run(["scancel", of_rule("train_network", failing, before)[1]["JobId"]], check=True)
            soon(lambda: (logs / "failing").read_text().count("SLURM status is: ") == 4, "not every failed job was reported")
            process.kill()  # Snakemake has said it all, and would sleep before it ends
            assert study.wait(200) == 0, (logs / "there").read_text()
            assert local.wait(200) == 0, (logs / "here").read_text()
    found = [of_rule(rule, failing, before) for rule in ("train_network", "select_checkpoints")]
    return Runs(here, there, of_rule("", there, begun), *found, failing.root, (logs / "failing").read_text())


@contextmanager
def expecting_failures(workspace: Workspace) -> Iterator[None]:
    """Trainings that need more memory than they ask for at first, and never end; checkpoints of broken files."""
    for loss in ("deep-ritz", "strong-form"):
        path = workspace.root / f"results/neo_hookean2d/{loss}/seed-0/training.nc"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no NetCDF")
    train, common = ((workspace.root / f"workflow/rules/{name}.smk").read_text() for name in ("train", "common"))
    endless = {"training": {"phases": [{"optimizer": "adam", "steps": 10**8, "learning_rate": 0.001, "decay": 0.5}]}}
    with (
        # Far too little at first, and then, whichever build of torch is here, enough.
        workspace.edited("workflow/rules/train.smk", train.replace("mem_mb=2000", "mem_mb=150")),
        workspace.edited("workflow/rules/common.smk", common.replace("first * 2 **", "first * 20 **")),
        workspace.with_settings(endless),
    ):
        workspace.run(CHECK)
        yield


def test_a_study_on_the_cluster_gives_the_same_bytes_as_here(runs: Runs) -> None:
    files = data_files(runs.there.root)
    assert files == data_files(runs.here.root)
    kinds = [path.suffix for path in files]
    assert [kinds.count(kind) for kind in (".nc", ".png", ".pdf", ".csv")] == [1 + 2 * (3 + 2 + 2 + 3), 1, 1, 2]
    assert [path for path in files if (runs.here.root / path).read_bytes() != (runs.there.root / path).read_bytes()] == []


def test_the_profile_has_the_rerun_settings_of_the_one_that_it_replaces(runs: Runs) -> None:
    for path in (runs.there.root / "workflow").rglob("*.py"):
        os.utime(path)
    assert runs.there.planned(*TARGETS) == runs.there.planned(*PROFILE, "--", *TARGETS) == set()


def test_no_two_jobs_share_the_gpu(runs: Runs) -> None:
    assert [job["Comment"].split("_wildcards")[0] for job in runs.study[:2]] == ["rule_train_network"] * 2
    assert len(runs.study) == 3
    on_gpu = [*runs.study, *runs.training]
    assert {job["TresPerJob"] for job in on_gpu} == {"gres:gpu:1"}
    assert [(one["JobId"], other["JobId"]) for one, other in combinations(on_gpu, 2) if overlap(one, other)] == []
    one, other, _ = runs.study
    assert max(one["SubmitTime"], other["SubmitTime"]) < min(one["EndTime"], other["EndTime"]), "none had to wait"
    # A job without a GPU does not wait for one.
    assert {job.get("TresPerJob") for job in runs.checkpoints} == {None}
    assert any(overlap(job, other) for job in runs.checkpoints for other in on_gpu)


def test_jobs_ask_for_what_their_rules_say(runs: Runs) -> None:
    for job in runs.study[:2]:
        assert (job["MinMemoryNode"], job["TimeLimit"], job["Partition"], job["NumCPUs"]) == ("2000M", "01:00:00", "cpu", "1")
    for job, memory, limit in zip(runs.checkpoints, ("1000M", "20000M"), ("00:10:00", "03:20:00"), strict=True):
        assert (job["MinMemoryNode"], job["TimeLimit"]) == (memory, limit)


def test_a_job_that_ran_out_of_memory_is_tried_again_with_more(runs: Runs) -> None:
    first, second = runs.training
    assert first["JobState"] == "FAILED"  # with control groups Slurm says OUT_OF_MEMORY
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("150M", "3000M")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("01:00:00", "20:00:00")
    assert f"SLURM-job '{first['JobId']}' failed, SLURM status is: 'FAILED'" in runs.output
    (path,) = re.findall(rf"log: {LOG}, (/[^,\n]+/{first['JobId']}\.log) ", runs.output)
    assert "exceeded memory limit" in Path(path).read_text()


def test_a_job_that_is_killed_from_outside_is_reported_with_its_log(runs: Runs) -> None:
    killed = runs.training[1]
    assert f"SLURM-job '{killed['JobId']}' failed, SLURM status is: 'CANCELLED'" in runs.output
    assert re.search(rf"log: {LOG}, /[^,\n]+/{killed['JobId']}\.log ", runs.output)
    assert not (runs.failing / TRAINING).exists()


def test_a_failing_job_is_reported_with_its_log_and_one_clear_line(runs: Runs) -> None:
    log = "results/logs/checkpoints/neo_hookean2d/seed-0.log"
    assert [job["JobState"] for job in runs.checkpoints] == ["FAILED", "FAILED"]
    for job in runs.checkpoints:
        assert f"SLURM-job '{job['JobId']}' failed, SLURM status is: 'FAILED'" in runs.output
        assert re.search(rf"log: {log}, /[^,\n]+/{job['JobId']}\.log ", runs.output)
    said = {line for line in runs.output.splitlines() if line.startswith("pinnscape: ")}
    assert len(said) == 1, said
    assert re.search(
        r"training\.nc: not a (readable NetCDF|NetCDF-4) file.*rule `train` makes it.*\(log: results/logs/checkpoints/", *said
    )


def test_a_status_command_without_an_answer_stops_the_run_before_it_begins(slurm, tmp_path) -> None:
    workspace, before = Workspace(tmp_path), last_job()
    began = time.monotonic()
    done = workspace.snakemake(*PROFILE, "--slurm-status-command", "sacct", "--", TRAINING)
    assert done.returncode == 1
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("pinnscape: ")]
    assert line == (
        "pinnscape: sacct does not report the state of jobs (Slurm accounting storage is disabled); "
        "set slurm-status-command: squeue in the profile"
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert time.monotonic() - began < 30
    assert last_job() == before, "a job was submitted"
    assert workspace.planned(TRAINING), "the folder was left locked, or something was run"


def test_a_site_says_where_jobs_go(slurm, tmp_path) -> None:
    """Partitions by what a job needs, and the model of the GPU for jobs with one. Ctrl-C cancels them."""
    workspace = Workspace(tmp_path)
    profile = tmp_path / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    settings |= {"slurm-partition-config": "partitions.yaml", "default-resources": {"gpu_model": "'h100'"}}
    profile.write_text(yaml.safe_dump(settings))
    with expecting_failures(workspace), started(workspace, tmp_path / "out", *PROFILE, "--", CHECKPOINTS, TRAINING):
        soon(lambda: len(of_rule("", workspace)) == 2, "nothing was submitted")
    (training,), (checkpoints,) = of_rule("train_network", workspace), of_rule("select_checkpoints", workspace)
    assert (training["JobState"], checkpoints["JobState"]) == ("CANCELLED", "CANCELLED"), "Ctrl-C left jobs behind"
    assert (training["Partition"], training["TresPerJob"]) == ("gpu", "gres:gpu:h100:1")
    assert (checkpoints["Partition"], checkpoints.get("TresPerJob")) == ("cpu", None)
