"""One job on a GPU at a time, whatever becomes of the jobs: several processes, and a driver that shows GPUs which are not there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pinnscape.common.errors import DeviceError
from runtime import gpu_slots, job

pytestmark = pytest.mark.xdist_group("gpu_slots")  # one process compiles the driver
COMPILER = shutil.which("g++") or shutil.which("c++")
NAMES = [f"GPU-{gpu:02x}000000-0000-0000-0000-0000000000ff" for gpu in range(4)]
PROGRAM = f"""
import logging, os, sys
sys.path.insert(0, {str(Path(gpu_slots.__file__).parents[1])!r})
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
from runtime import gpu_slots
gpu_slots.reserve()
assert "torch" not in sys.modules
print("has", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not COMPILER:
        pytest.skip("the made-up driver needs a C++ compiler")
    folder = tmp_path_factory.mktemp("driver")
    source = Path(__file__).parents[1] / "fake_driver.cpp"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(folder / "libcuda.so.1"), str(source)], check=True)
    return folder


@pytest.fixture
def machine(driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., "Job"]]:
    """Starts jobs on a machine with the GPUs of NAMES; none is left when the test ends."""
    jobs: list[Job] = []
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def start(gpus: int, setting: str | None = None) -> Job:
        monkeypatch.setenv("FAKE_GPUS", str(gpus))
        visible = {} if setting is None else {"CUDA_VISIBLE_DEVICES": setting}
        jobs.append(Job(tmp_path / f"job-{len(jobs)}.log", os.environ | visible))
        return jobs[-1]

    yield start
    for started in jobs:
        started.end()


class Job:
    """A process that reserves a GPU and works until it is told to end."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("w") as file:
            command = [sys.executable, "-c", PROGRAM]
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT
            )

    def says(self, beginning: str) -> str:
        """The line that begins so, as soon as it is there."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for line in self.log.read_text().splitlines():
                if line.startswith(beginning):
                    return line
            time.sleep(0.01)
        raise AssertionError(f"no line {beginning!r}: {self.log.read_text()}")

    def gpu(self) -> str:
        """What CUDA_VISIBLE_DEVICES is while it works."""
        return self.says("has ").removeprefix("has ")

    def end(self, kill: bool = False) -> None:
        if kill:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("1", [1]),
        ("2,0", [2, 0]),
        ("0,-1,1", [0]),
        (f"{NAMES[2]},1", [2, 1]),
        ("7", []),
    ],
)
def test_the_driver_says_which_gpus_may_be_used(driver, monkeypatch, setting, expected) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    monkeypatch.setenv("FAKE_GPUS", "3")
    if setting is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", setting)
    assert gpu_slots.visible() == [NAMES[gpu] for gpu in expected]


def test_without_a_driver_there_are_none_and_nothing_is_reserved(monkeypatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(gpu_slots.ctypes, "CDLL", missing)
    assert gpu_slots._listed() == []
    monkeypatch.setattr(gpu_slots, "visible", list)
    monkeypatch.setattr(gpu_slots, "claim", lambda *_: pytest.fail("locked something"))
    gpu_slots.reserve()


def test_jobs_get_different_gpus_and_the_next_one_waits_until_one_is_free(machine) -> None:
    first, second = machine(2), machine(2)
    assert {first.gpu(), second.gpu()} == set(NAMES[:2])
    third = machine(2)
    assert third.says("waiting") == "waiting: other jobs use all 2 GPUs"
    time.sleep(0.5)
    assert "has" not in third.log.read_text()
    first.end()
    assert third.gpu() == first.gpu()
    assert third.says("waited ").endswith(" s for a GPU")


def test_a_killed_job_frees_its_gpu(machine) -> None:
    first = machine(1)
    first.gpu()
    second = machine(1)
    assert second.says("waiting") == "waiting: other jobs use the GPU"
    first.end(kill=True)
    second.gpu()


def test_many_jobs_are_never_two_on_one_gpu(machine, tmp_path) -> None:
    started = [machine(3) for _ in range(9)]
    ended: list[Job] = []
    while len(ended) < 9:
        having = [job for job in started if "has " in job.log.read_text() and job not in ended]
        names = [job.gpu() for job in having]
        assert len(set(names)) == len(names) <= 3
        if len(having) == min(3, 9 - len(ended)):
            having[0].end()
            ended.append(having[0])
        time.sleep(0.01)
    assert sorted(path.name for path in (tmp_path / f"pinnscape-gpus-{os.getuid()}").iterdir()) == NAMES[:3]


def test_jobs_choose_among_the_gpus_that_the_user_shows_them_in_that_order(machine) -> None:
    jobs = []
    for gpu in (2, 0):
        jobs.append(machine(4, "2,0"))
        assert jobs[-1].gpu() == NAMES[gpu]
    assert machine(4, "2,0").says("waiting") == "waiting: other jobs use all 2 GPUs"


def test_a_gpu_is_the_same_however_it_is_called(machine) -> None:
    assert machine(3, "1").gpu() == "1"  # as Slurm sets it: the choice is made, and stays as it is
    assert machine(3).gpu() == NAMES[0]
    assert machine(3, NAMES[1]).says("waiting") == "waiting: other jobs use the GPU"
    assert machine(3).gpu() == NAMES[2]


def test_a_job_to_which_no_gpu_is_shown_locks_none(machine, tmp_path) -> None:
    assert machine(3, "").gpu() == ""
    assert not (tmp_path / f"pinnscape-gpus-{os.getuid()}").exists()


def test_a_process_that_has_a_gpu_does_not_take_another(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(gpu_slots, "_held", [])
    monkeypatch.setattr(gpu_slots, "visible", lambda: NAMES[:2])
    monkeypatch.setattr(gpu_slots, "locks", lambda: tmp_path / "locks")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    for _ in range(2):
        gpu_slots.reserve()
        assert os.environ["CUDA_VISIBLE_DEVICES"] == NAMES[0]
    (lock,) = gpu_slots._held
    lock.close()
    assert [path.name for path in (tmp_path / "locks").iterdir()] == NAMES[:1]
    assert (tmp_path / "locks").stat().st_mode & 0o77 == 0, "of this user alone"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A torch with CUDA that has not been started; the list tells what is done in which order."""
    done: list[str] = []
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: done.append("CUDA starts") or True)
    monkeypatch.setattr(gpu_slots, "reserve", lambda: done.append("reserved"))
    return done


def test_a_gpu_is_reserved_before_cuda_starts(build) -> None:
    assert job.device("auto", 1, 1) == "cuda"
    assert build == ["reserved", "CUDA starts"]


@pytest.mark.parametrize(("wanted", "gpus"), [("cpu", 1), ("auto", 0), ("cuda", 0)])
def test_a_job_for_the_cpu_reserves_none(build, wanted, gpus) -> None:
    assert job.device(wanted, gpus, 1) == "cpu"
    assert "reserved" not in build


def test_a_torch_for_the_cpu_reserves_none(build, monkeypatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert job.device("auto", 1, 1) == "cpu"
    assert build == []


def test_a_folder_that_cannot_hold_locks_is_one_line(monkeypatch, tmp_path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(gpu_slots, "_held", [])
    monkeypatch.setattr(gpu_slots, "visible", lambda: NAMES[:1])
    monkeypatch.setattr(gpu_slots, "locks", lambda: tmp_path / "file" / "locks")
    with pytest.raises(DeviceError, match=r"file/locks: GPUs cannot be locked there: Not a directory; set TMPDIR$"):
        job.device("auto", 1, 1)


def test_a_cuda_that_has_started_is_too_late(build, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(RuntimeError, match="initialised before"):
        job.device("auto", 1, 1)
    assert build == []
