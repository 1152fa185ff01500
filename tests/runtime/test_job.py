"""What every script does around its work: arguments, log, errors, device."""

import faulthandler
import hashlib
import logging
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from pinnscape.common.errors import DeviceError, DivergenceError, PinnscapeError, StorageError, StudyError
from pinnscape.files import atomic
from runtime import job


@pytest.fixture(autouse=True)
def _restored(tmp_path, monkeypatch):
    """A job owns its process: put back the log handlers and the number of threads that it sets. It runs in the folder of a study."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake").mkdir()
    root, threads = logging.getLogger(), torch.get_num_threads()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        with suppress(OSError):  # a disk that is full
            handler.close()
    root.handlers, root.level = handlers, level
    torch.set_num_threads(threads)


def call(folder, **changes):
    """A stand-in for the object that Snakemake gives to a script."""
    given = {
        "input": SimpleNamespace(training="training.nc"),
        "output": SimpleNamespace(checkpoints="checkpoints.nc"),
        "params": SimpleNamespace(steps=3),
        "wildcards": SimpleNamespace(seed="0"),
        "log": [str(folder / "logs" / "job.log")],
        "resources": {"device": "cpu", "gpu": 0},
        "threads": 1,
        "rule": "train_network",
    }
    return SimpleNamespace(**{**given, **changes})


def logged(snakemake) -> str:
    with open(snakemake.log[0]) as file:
        return file.read()


def test_main_gets_what_it_names_and_nothing_else(tmp_path):
    snakemake, got = call(tmp_path), {}

    def main(output, wildcards):
        got.update(output=output, wildcards=wildcards)

    job.run(main, snakemake)
    assert got == {"output": snakemake.output, "wildcards": snakemake.wildcards}


def test_main_may_name_everything(tmp_path):
    snakemake, got = call(tmp_path), []

    def main(input, output, params, wildcards, device):
        got.extend([input, output, params, wildcards, device])

    job.run(main, snakemake)
    assert got == [snakemake.input, snakemake.output, snakemake.params, snakemake.wildcards, "cpu"]


def test_what_the_work_logs_and_that_it_is_done_stands_in_the_log(tmp_path, capsys):
    snakemake = call(tmp_path)
    job.run(lambda params: job.log.info("%d steps", params.steps), snakemake)
    first, last = logged(snakemake).splitlines()
    assert first == "3 steps"
    assert re.fullmatch(r"done: \d+\.\d\d s of CPU for start-up and imports, \d+\.\d\d s for the work", last)
    assert capsys.readouterr() == ("", "")


def test_the_log_of_an_earlier_attempt_is_replaced(tmp_path):
    for _ in range(2):
        snakemake = call(tmp_path)
        job.run(lambda: job.log.info("once"), snakemake)
    assert logged(snakemake).count("once") == 1


@pytest.mark.parametrize("kind", [StudyError, StorageError, DivergenceError, DeviceError, PinnscapeError])
def test_an_error_of_the_user_is_one_line_on_the_terminal_and_in_the_log_and_the_job_fails(tmp_path, capsys, kind):
    snakemake = call(tmp_path)

    def main():
        raise kind("training.nc: not a readable NetCDF file")

    with pytest.raises(SystemExit) as ended:
        job.run(main, snakemake)
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"pinnscape: training.nc: not a readable NetCDF file (log: {snakemake.log[0]})\n"
    assert logged(snakemake) == "training.nc: not a readable NetCDF file\n"


@pytest.mark.parametrize("error", [ValueError("seventeen"), ZeroDivisionError("seven\nteen"), RuntimeError("seventeen")])
def test_a_mistake_of_ours_is_one_line_on_the_terminal_with_its_traceback_in_the_log(tmp_path, capsys, error):
    snakemake = call(tmp_path)

    def broken_main():
        raise error

    with pytest.raises(SystemExit) as ended:
        job.run(broken_main, snakemake)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pinnscape: unexpected error, most likely a bug of pinnscape: " + type(error).__name__)
    assert line.endswith(f"(log, with a traceback: {snakemake.log[0]})")
    text = logged(snakemake)
    assert text.startswith("Traceback (most recent call last)")
    assert "in broken_main" in text
    assert text.rstrip().endswith(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize(
    "error", [MemoryError("seventeen"), RuntimeError("DefaultCPUAllocator: can't allocate memory: seventeen")]
)
@pytest.mark.parametrize("engine", [True, False])
def test_memory_that_does_not_suffice_is_one_line_that_says_what_to_set(tmp_path, capsys, error, engine):
    params = SimpleNamespace(engine={"compile": "auto", "memory": 1000.0}) if engine else SimpleNamespace()
    snakemake = call(tmp_path, params=params, output=["training.nc"], resources={"mem_mb": 2000})

    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        job.run(main, snakemake)
    assert ended.value.code == 1
    setting = "lower `engine.memory` in config.yaml (now 1000 MB), or " if engine else ""
    assert capsys.readouterr().err == (
        f"pinnscape: training.nc: out of memory; {setting}run fewer jobs at a time (`-c1`), or if a scheduler grants memory, "
        f"use `--set-resources train_network:mem_mb=…` (now 2000) (log: {snakemake.log[0]})\n"
    )
    assert "seventeen" in logged(snakemake)


def test_ctrl_c_ends_a_job_without_a_traceback(tmp_path, capsys):
    snakemake = call(tmp_path)

    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        job.run(main, snakemake)
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
    assert logged(snakemake) == "interrupted\n"


def test_so_does_one_that_a_library_turns_into_another_exception(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(job, "_interrupts", [])
    snakemake = call(tmp_path)

    def main():
        try:
            job._interrupt(signal.SIGINT, None)
        except KeyboardInterrupt as error:
            raise RuntimeError("a class cannot be made") from error

    try:
        with pytest.raises(SystemExit) as ended:
            job.run(main, snakemake)
    finally:
        faulthandler.cancel_dump_traceback_later()  # this process goes on
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
    assert logged(snakemake) == "interrupted\n"


# Libraries that swallow the exception, or that wait on the way out for a lock that they hold.
STUCK = {
    "swallowed": "    try:\n        hit()\n    except KeyboardInterrupt:\n        time.sleep(60)\n",
    "locked": "    lock.acquire()\n    try:\n        hit()\n    finally:\n        lock.acquire()\n",
}


@pytest.mark.parametrize("kind", STUCK)
def test_an_interrupted_job_that_does_not_end_is_ended_and_its_log_says_where_it_was(tmp_path, kind):
    log, script = tmp_path / "job.log", tmp_path / "script.py"
    script.write_text(
        f"import os, signal, sys, threading, time\nfrom types import SimpleNamespace\nsys.path.insert(0, {str(Path(job.__file__).parents[1])!r})\n"
        f"snakemake = SimpleNamespace(log=[{str(log)!r}], input=[], output=[], params={{}}, wildcards={{}})\nfrom runtime import job\njob._PATIENCE = 0.5\n"
        "lock = threading.Lock()\n\ndef hit():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\n\n"
        f"def main():\n{STUCK[kind]}\njob.run(main, snakemake)\n"
    )
    done = subprocess.run(
        ["env", "--default-signal=INT", sys.executable, script], timeout=30, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert log.read_text().startswith("Timeout (0:00:00.500000)!")
    assert "in main" in log.read_text()


@pytest.mark.parametrize("ignored", [False, True])
def test_ctrl_c_while_modules_load_ends_quietly_unless_the_shell_has_it_ignored(tmp_path, ignored):
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, signal, sys\nsnakemake = None\nsys.path.insert(0, {str(Path(job.__file__).parents[1])!r})\n"
        "from runtime.job import run\nos.kill(os.getpid(), signal.SIGINT)\nprint('went on')\n"
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    try:
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (done.returncode, done.stdout, done.stderr) == ((0, "went on\n", "") if ignored else (130, "", ""))


def test_a_log_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(SystemExit) as ended:
        job.run(lambda: pytest.fail("worked without a log"), call(tmp_path))
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"pinnscape: {tmp_path}/logs/job.log: cannot be written (")


def test_a_full_disk_under_the_log_does_not_end_a_job(tmp_path, capsys):
    snakemake = call(tmp_path, log=["/dev/full"])

    def main():
        job.log.info("lost")
        worked.append(True)

    worked, unlink = [], Path.unlink
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path, **_: None if str(path) == "/dev/full" else unlink(path))
        job.run(main, snakemake)
    assert worked
    assert capsys.readouterr() == ("", "")


# ---- two runs of the same job ----


def write(path, text: str) -> None:
    with atomic.replacing(path) as unfinished:
        unfinished.write_text(text)


# A later run of the job, in a process of its own: it ends with its result, or at once when it has begun.
LATER = """
import os, sys; sys.path[:0] = {paths!r}
from types import SimpleNamespace
from runtime import job
from pinnscape.files import atomic

def main():
    if {ending!r} == "killed":
        os._exit(1)
    with atomic.replacing({result!r}) as unfinished:
        unfinished.write_text("of the later run")

nothing = SimpleNamespace()
job.run(main, SimpleNamespace(log={log!r}, input=nothing, output=nothing, params=nothing, wildcards=nothing))
"""


@pytest.mark.parametrize(("ending", "written"), [("done", "of the later run"), ("killed", "old")])
def test_a_job_writes_nothing_once_a_later_run_of_it_has_begun(tmp_path, capsys, ending, written):
    snakemake, result = call(tmp_path), tmp_path / "result"
    result.write_text("old")
    code = LATER.format(paths=sys.path, ending=ending, result=str(result), log=snakemake.log)

    def earlier():
        later = subprocess.run([sys.executable, "-c", code], check=False)
        assert later.returncode == (ending == "killed")
        write(result, "of the earlier run")

    with pytest.raises(SystemExit):
        job.run(earlier, snakemake)
    assert result.read_text() == written
    assert re.search(r"job\.log: a later run of this job has begun \(process \d+ on .+\), so this one", capsys.readouterr().err)
    job.run(lambda: write(result, "of the next run"), snakemake)
    assert result.read_text() == "of the next run"


@pytest.mark.parametrize("removed", ["logs", ".snakemake", ".snakemake/pinnscape"])
def test_a_log_or_a_guard_that_somebody_removes_is_no_later_run(tmp_path, removed):
    snakemake, result = call(tmp_path), tmp_path / "result"

    def main():
        shutil.rmtree(tmp_path / removed)
        write(result, "kept")

    job.run(main, snakemake)
    assert result.read_text() == "kept"


@pytest.mark.parametrize("obstacle", ["no folder", "a full disk"])
def test_where_no_guard_can_be_kept_a_job_goes_on(tmp_path, obstacle):
    snakemake, folder = call(tmp_path), tmp_path / ".snakemake"
    if obstacle == "no folder":
        folder.rmdir()
    else:
        (folder / "pinnscape").mkdir()
        (folder / "pinnscape" / hashlib.sha256(snakemake.log[0].encode()).hexdigest()[:32]).symlink_to("/dev/full")
    job.run(lambda: write(tmp_path / "result", "written"), snakemake)
    assert (tmp_path / "result").read_text() == "written"


def test_an_argument_that_no_job_has_is_a_mistake_of_ours(tmp_path, capsys):
    with pytest.raises(SystemExit):
        job.run(lambda outputs: None, call(tmp_path))
    assert "KeyError: 'outputs'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "gpus", "available", "expected"),
    [
        ("cpu", 0, False, "cpu"),
        ("cpu", 1, False, "cpu"),
        ("cpu", 0, True, "cpu"),
        ("cpu", 1, True, "cpu"),
        ("auto", 0, False, "cpu"),
        ("auto", 1, False, "cpu"),
        ("auto", 0, True, "cpu"),
        ("auto", 1, True, "cuda"),
        ("cuda", 0, False, "cpu"),
        ("cuda", 0, True, "cpu"),
        ("cuda", 1, True, "cuda"),
    ],
)
def test_the_device_is_a_gpu_where_one_is_wanted_granted_and_there(monkeypatch, wanted, gpus, available, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert job.device(wanted, gpus, 1) == expected


def test_a_gpu_that_is_asked_for_and_missing_is_an_error_that_says_what_to_set(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError) as caught:
        job.device("cuda", 1, 1)
    expected = "config.yaml: device: cuda is requested, but torch finds no CUDA device here; use auto or cpu"
    assert str(caught.value) == expected


def test_a_missing_gpu_ends_a_job_before_its_work_with_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    snakemake, worked = call(tmp_path, resources={"device": "cuda", "gpu": 1}), []
    with pytest.raises(SystemExit) as ended:
        job.run(lambda device: worked.append(device), snakemake)
    assert ended.value.code == 1
    assert worked == []
    assert capsys.readouterr().err.startswith("pinnscape: config.yaml: device: cuda is requested")


def test_without_resources_a_job_runs_on_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    got = []
    job.run(lambda device: got.append(device), call(tmp_path, resources={}))
    assert got == ["cpu"]


def test_torch_gets_the_threads_of_the_job(tmp_path):
    job.run(lambda device: None, call(tmp_path, threads=2))
    assert torch.get_num_threads() == 2


def test_a_job_that_names_no_device_leaves_torch_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "device", lambda *_: pytest.fail("asked for a device"))
    job.run(lambda output: None, call(tmp_path))


def test_starting_a_job_loads_no_library_that_only_its_work_needs():
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; import runtime.job; import pinnscape.problems.registry; print(*sys.modules)"
    )
    modules = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert "runtime.job" in modules
    assert not {"torch", "numpy", "xarray", "sympy", "matplotlib"} & set(modules)
