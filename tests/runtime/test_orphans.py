"""A job whose starter is killed ends by itself."""

import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# The starter runs the job as Snakemake does; the job would go on for a minute.
JOB = f"""
import sys, time
sys.path.insert(0, {str(PROJECT / "workflow")!r})
import logging
from runtime import orphans
logging.basicConfig(filename=sys.argv[1], level=logging.INFO, format="%(message)s")
with orphans.ended():
    logging.getLogger("pinnscape").info("started")
    time.sleep(float(sys.argv[2]))
"""


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("between", ["exec {}", "bash -c {}"], ids=["directly", "through a shell"])
def test_a_job_ends_soon_after_its_starter_is_killed(tmp_path, between):
    script, log, pidfile = tmp_path / "job.py", tmp_path / "log", tmp_path / "pid"
    script.write_text(JOB)
    command = shlex.join([sys.executable, *map(str, (script, log)), "60"])
    command = between.format(shlex.quote(f"{command}; true") if "bash" in between else command)
    starter = f"import subprocess, sys; p = subprocess.Popen({command!r}, shell=True); open({str(pidfile)!r}, 'w').write(str(p.pid)); p.wait()"
    with subprocess.Popen([sys.executable, "-c", starter], start_new_session=True) as process:
        try:
            wait_for(lambda: log.exists() and "started" in log.read_text())
            jobs = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if str(script) in command_line(pid)]
            time.sleep(1.5)
            assert all(map(alive, jobs)), "it must not end while its starter lives"
            process.kill()
            process.wait()
            wait_for(lambda: not any(map(alive, jobs)), 5.0)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert log.read_text().splitlines()[-1] == "ended: the Snakemake process that started this job has ended"


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_job_that_ends_in_time_is_left_alone(tmp_path):
    script, log = tmp_path / "job.py", tmp_path / "log"
    script.write_text(JOB)
    assert subprocess.run([sys.executable, script, log, "1.5"], check=False).returncode == 0
    assert log.read_text() == "started\n"
