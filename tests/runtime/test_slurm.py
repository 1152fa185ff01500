"""Whether Slurm can tell what became of a job: every combination of what it may say."""

import stat
from itertools import pairwise, product
from pathlib import Path

import pytest

from runtime import slurm
from runtime.slurm import judge, trouble

OFF = "Slurm accounting storage is disabled"
EVERYTHING = list(product(("sacct", "squeue"), (5, 40, 200), (None, 0, 10, 100, 180, 181, 300), ("", OFF, None)))


def executor(command: str, first_look: int, remembered: int | None, sacct: str | None) -> str:
    """What the executor will ask (snakemake-executor-plugin-slurm 2.8, check_active_jobs)."""
    if command == "squeue" and (remembered is None or remembered < 3 * first_look) and sacct is not None:
        command = "sacct"
    return "squeue" if command == "sacct" and sacct is None else command


def test_there_is_trouble_exactly_where_what_the_executor_asks_does_not_answer() -> None:
    for command, first_look, remembered, sacct in EVERYTHING:
        asked = executor(command, first_look, remembered, sacct)
        # squeue answers if it remembers a job longer than the executor pauses; sacct, if it works.
        answers = sacct == "" if asked == "sacct" else not remembered or remembered > 180
        found = judge(command, first_look, remembered, sacct)
        assert (found is None) == answers, (command, first_look, remembered, sacct)
        assert found is None or "\n" not in found


@pytest.mark.parametrize(
    ("command", "first_look", "remembered", "sacct", "reason", "remedy"),
    [
        (
            "sacct",
            5,
            300,
            OFF,
            f"sacct does not report the state of jobs ({OFF})",
            "set slurm-status-command: squeue in the profile",
        ),
        (
            "sacct",
            200,
            300,
            OFF,
            "sacct does not report",
            "set slurm-status-command: squeue and slurm-init-seconds-before-status-checks: 100 in the profile",
        ),
        (
            "squeue",
            200,
            300,
            OFF,
            "squeue removes them 300 s after their end",
            "set slurm-init-seconds-before-status-checks: 100 in the profile",
        ),
        ("squeue", 5, 60, "", "squeue removes jobs 60 s after their end", "set slurm-status-command: sacct in the profile"),
        ("squeue", 5, 60, OFF, "squeue removes jobs 60 s after their end", "ask the cluster's administrators"),
        ("squeue", 5, 60, None, "squeue removes jobs 60 s after their end", "ask the cluster's administrators"),
        ("squeue", 40, 60, OFF, f"sacct does not report the state of jobs ({OFF}), and squeue removes", "ask the cluster's"),
    ],
)
def test_the_line_says_why_and_what_to_set(command, first_look, remembered, sacct, reason, remedy) -> None:
    found = judge(command, first_look, remembered, sacct)
    assert found is not None
    assert found.startswith(reason) or f", and {reason}" in found
    assert remedy in found


def test_who_sets_what_the_line_says_has_no_more_trouble() -> None:
    mended = 0
    for command, first_look, remembered, sacct in EVERYTHING:
        words = (judge(command, first_look, remembered, sacct) or "").split()
        if "set" in words:
            settings = dict(pairwise(words))
            then = settings.get("slurm-status-command:", command)
            look = int(settings.get("slurm-init-seconds-before-status-checks:", first_look))
            assert (then, look) != (command, first_look)
            assert judge(then, look, remembered, sacct) is None, (command, first_look, remembered, sacct)
            mended += 1
    assert mended > 10


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    """Stand-ins for the programs of Slurm, and no others."""
    for name, text in texts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


CONFIG = "echo 'AccountingStorageType   = accounting_storage/none'; echo 'MinJobAge               = 300 sec'"


def test_the_programs_of_slurm_are_asked(tmp_path, monkeypatch) -> None:
    programs(tmp_path, monkeypatch, scontrol=CONFIG, sacct=f"echo '{OFF}' >&2; exit 1")
    assert slurm.memory() == 300
    assert slurm.sacct_complaint() == OFF
    assert trouble("squeue", 5) is None
    assert trouble("sacct", 5) == judge("sacct", 5, 300, OFF)


def test_a_database_that_does_not_answer_is_named(tmp_path, monkeypatch) -> None:
    said = "echo 'sacct: error: Problem talking to the database: Connection refused' >&2; exit 1"
    programs(tmp_path, monkeypatch, scontrol=CONFIG, sacct=said)
    assert "(Problem talking to the database: Connection refused)" in (trouble("sacct", 5) or "")


def test_with_accounting_either_command_will_do(tmp_path, monkeypatch) -> None:
    programs(tmp_path, monkeypatch, scontrol=CONFIG, sacct="exit 0")
    assert slurm.sacct_complaint() == ""
    assert trouble("sacct", 40) is trouble("squeue", 40) is None


def test_where_slurm_says_nothing_sbatch_will(tmp_path, monkeypatch) -> None:
    programs(tmp_path, monkeypatch)
    assert slurm.memory() is slurm.sacct_complaint() is None
    assert trouble("squeue", 5) is None
    programs(tmp_path, monkeypatch, scontrol="echo 'slurm_load_ctl_conf error' >&2; exit 1")
    assert slurm.memory() is None
