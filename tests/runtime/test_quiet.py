"""What `make` shows: a line of progress, warnings, failed jobs with their logs, and the verdicts at the end."""

import io
import logging
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_pinnscape as plugin
import summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(text: str) -> list[str]:
    """The lines that a terminal shows."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


@pytest.fixture
def shown(monkeypatch):
    """Sends records to the plugin; gives what it wrote."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    handler = plugin.LogHandler(None, None)

    def send(level=logging.INFO, msg=None, **more):
        record = logging.LogRecord("snakemake", level, "", 0, msg, None, None)
        record.__dict__.update(more)
        handler.handle(record)
        return stream.getvalue()

    return send


def test_on_a_terminal_progress_takes_one_line_and_what_jobs_write_takes_its_place():
    stream = Terminal()
    progress = plugin.Progress(stream)
    for done in range(1, 273):
        progress.show(done, 272)
        if done == 57:
            assert screen(stream.getvalue()) == ["57 of 272 steps (20 %)"]
            stream.write("pinnscape: a line of a job that is longer than the progress\n")
        if done == 60:
            progress.say("short")
    assert screen(stream.getvalue()) == [
        "pinnscape: a line of a job that is longer than the progress",
        "short",
        "272 of 272 steps (100 %)",
        "",
    ]


def test_elsewhere_it_is_a_line_now_and_then_and_one_at_the_end():
    stream, now = io.StringIO(), [0.0]
    progress = plugin.Progress(stream, lambda: now[0])
    for done in range(1, 273):
        now[0] += 1.0
        progress.show(done, 272)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "1 of 272 steps (0 %)"
    assert lines[-1] == "272 of 272 steps (100 %)"
    assert len(lines) == 2 + 271 // 30


def test_what_a_run_that_goes_well_says_is_progress_alone(shown):
    shown(msg="Building DAG of jobs...")
    shown(msg="Job stats: ...", event=LogEvent.RUN_INFO)
    shown(event=LogEvent.JOB_INFO, rule_name="train", jobid=3, rule_msg=None, reason="Missing output files: " + 1000 * "x")
    shown(event=LogEvent.JOB_FINISHED, msg="Finished jobid: 3")
    assert shown(msg="Complete log(s): here") == ""
    assert shown(event=LogEvent.PROGRESS, done=1, total=1) == "1 of 1 steps (100 %)\n"
    text = shown(msg="Nothing to be done (all requested files are present and up to date).")
    assert text.splitlines()[1:] == ["Nothing to be done (all requested files are present and up to date)."]


def test_a_failed_job_is_named_with_its_log_and_nothing_is_said_twice(shown):
    shown(event=LogEvent.JOB_INFO, jobid=7, rule_name="train_network", rule_msg="Training x, seed 0")
    shown(logging.ERROR, "RuleException:\nCalledProcessError in file \"x\", line 3:\nCommand 'set -euo pipefail; ...'")
    shown(
        logging.ERROR,
        event=LogEvent.JOB_ERROR,
        rule_name="train_network",
        rule_msg=None,
        jobid=7,
        log=["results/logs/a.log"],
    )
    shown(logging.ERROR, event=LogEvent.GROUP_ERROR, job_error_info=[{"rule_name": "figure_planes", "jobid": 8, "log": []}])
    shown(logging.ERROR, "Exiting because a job execution failed. Look above for error messages")
    text = shown(logging.ERROR, "WorkflowError:\nAt least one job did not complete successfully.")
    assert text.splitlines() == ["failed: Training x, seed 0 (log: results/logs/a.log)", "failed: figure_planes"]


def test_lines_of_the_project_keep_their_end(shown):
    line = f"pinnscape: {'x' * 300}: make it writable, or run in a copy of the project"
    assert line in shown(logging.ERROR, line)


def test_warnings_and_errors_are_shown_and_cut_where_they_are_long(shown):
    shown(logging.WARNING, "a warning")
    text = shown(logging.ERROR, "LockException:\n" + "\n".join(f"{n} {500 * 'x'}" for n in range(100)))
    lines = text.splitlines()
    assert lines[:2] == ["a warning", "LockException:"]
    assert len(lines) == 13
    assert max(map(len, lines)) < 200


CLAIMS = """claim,case,trained_on,statistic,value,low,high,threshold,verdict
smooth,poisson1d,deep-ritz,variation,1,1,1,1.05,holds
smooth,poisson1d,strong-form,variation,1,1,1,1.05,mixed
well conditioned,poisson1d,deep-ritz,lambda_ratio,1e8,1e8,1e8,1e3,does not hold
smooth,poisson2d,deep-ritz,variation,1,1,1,1.05,holds
well conditioned,poisson1d,strong-form,lambda_ratio,nan,nan,nan,1e3,not measured
well conditioned,convection,strong-form,lambda_ratio,nan,nan,nan,1e3,left out
"""


@pytest.mark.parametrize("report", [False, True])
def test_the_summary_counts_verdicts_and_says_where_to_look(tmp_path, capsys, report):
    for name in ("tables/claims.csv", "figures/a.pdf", "figures/a.png", *["report.html"][: int(report)]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CLAIMS if name.endswith("csv") else "", encoding="utf-8")
    summary.main(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        f"Verdicts on the claims ({tmp_path}/tables/claims.csv):",
        "  smooth            2 hold, 1 mixed",
        "  well conditioned  1 do not hold, 1 not measured, 1 left out",
    ]
    assert [line.partition(":")[0] for line in lines[3:]] == ["figures", "tables", "report"]
    assert ("make report" in lines[-1]) == (not report)


@pytest.mark.parametrize(
    "content", [None, b"", b"claim,verdict\n", b"a,b\n1,2\n", b"\xff\xfe\x00claim", b"claim,verdict\n\x00,"]
)
def test_a_table_that_is_missing_or_damaged_is_told_in_a_line(tmp_path, capsys, content):
    (tmp_path / "tables").mkdir()
    if content is not None:
        (tmp_path / "tables/claims.csv").write_bytes(content)
    summary.main(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path}/tables/claims.csv: no readable verdicts"
    assert [line.partition(":")[0] for line in lines[1:]] == ["figures", "tables", "report"]
