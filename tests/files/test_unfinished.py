"""Restart files come back to the last bit for the same job, and are of no consequence otherwise."""

import errno
import logging
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from file_cases import variable
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscape.files import checksum, netcdf
from pinnscape.files.unfinished import Finished, Interval, Restart

JOB = {"code": ["1a2b", "torch==2"], "case": "poisson1d", "seed": "0", "settings": {"points": [1, 2], "radius": 0.1}}


FULL = "the disk is full: free space, then run `snakemake` again"
DIFFERS = "the file does not read back as it was written; check the disk and its free space"


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sample() -> xr.Dataset:
    """Everything that the datasets of the study are made of."""
    odd = np.array([0xFFF8000000000001, 0x7FF8000000000000, 0x8000000000000000, 1], dtype=np.uint64).view(np.float64)
    variables = {
        "value": variable(("loss", "alpha"), np.stack([odd, np.array([np.inf, -np.inf, 0.1, 1e-310])]), "value"),
        "kind": variable("alpha", np.array([0, 1, 0, 1], dtype="int8"), "kind", flag_values=np.arange(2, dtype="int8")),
        "infeasible": ("alpha", np.array([True, False, True, False])),
        "scale": variable((), 0.1, "scale"),
        "nothing": variable(("pair", "alpha"), np.zeros((0, 4)), "nothing"),
        "memory": ((), np.float32(0.1)),
    }
    coordinates = {
        "loss": ["deep-ritz", "strong-form"],
        "alpha": variable("alpha", np.arange(4), "index"),
        "label": ("alpha", ["a", "bc", "", "é"]),
    }
    return xr.Dataset(variables, coordinates, {"steps": 3, "radius": 0.5, "bias": "row"})


@cache
def content() -> bytes:
    """Of the sample's kept file."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"pinnscape-kept-{os.getpid()}.nc"
    try:
        Restart(path, JOB).write(sample())
        return path.read_bytes()
    finally:
        path.unlink()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# ---- files ----


def test_what_is_kept_comes_back_to_the_last_bit(tmp_path, caplog):
    Restart(tmp_path / "a" / "x.nc", JOB).write(sample())
    found = Restart(tmp_path / "a" / "x.nc", JOB).read()
    assert found.identical(sample())
    assert list(found.variables) == list(sample().variables)
    for name, expected in sample().variables.items():
        assert found[name].dtype == expected.dtype, name
        assert found[name].encoding == {}, name  # or it would shape the files that are made of it
        if expected.dtype.kind != "U":
            assert found[name].values.tobytes() == expected.values.tobytes(), name
    assert warnings(caplog) == []
    assert os.listdir(tmp_path / "a") == ["x.nc"]


def test_a_kept_file_is_netcdf_for_others_too(tmp_path):
    Restart(tmp_path / "x.nc", JOB).write(sample())
    with netCDF4.Dataset(tmp_path / "x.nc") as handle:
        assert float(handle["state/scale"][...]) == 0.1


def test_without_a_file_there_is_nothing_and_no_complaint(tmp_path, caplog):
    assert Restart(tmp_path / "absent" / "x.nc", JOB).read() is None
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": "1"}, "seed"),
        ({"code": ["1a2c", "torch==2"]}, "code"),
        ({"settings": {"points": [1, 2], "radius": 0.2}}, "settings"),
        ({"settings": {"points": [2, 1], "radius": 0.1}}, "settings"),
        ({"case": "poisson2d", "seed": "1"}, "case, seed"),
        ({"part": "a"}, "part"),
    ],
)
def test_the_file_of_another_job_is_ignored_with_one_line_that_says_what_differs(tmp_path, caplog, change, named):
    path = tmp_path / "x.nc"
    Restart(path, JOB | change).write(sample())
    assert Restart(path, JOB).read() is None
    assert warnings(caplog) == [f"{path} is ignored: it was written by a job with other settings ({named})"]
    Restart(path, JOB).write(sample())
    assert Restart(path, JOB).read() is not None


def test_the_order_of_settings_does_not_matter(tmp_path):
    Restart(tmp_path / "x.nc", JOB).write(sample())
    assert Restart(tmp_path / "x.nc", dict(reversed(JOB.items()))).read() is not None


@given(length=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_ignored(tmp_path_factory, length):
    ignored(tmp_path_factory, content()[: int(length * len(content()))], "")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_file_with_a_wrong_bit_anywhere_is_ignored(tmp_path_factory, place, bit):
    damaged = bytearray(content())
    damaged[int(place * len(damaged))] ^= 1 << bit
    ignored(tmp_path_factory, bytes(damaged), "")


@pytest.mark.parametrize("text", [b"", b"not a NetCDF file", b"\x89HDF\r\n\x1a\n" + bytes(1000)])
def test_a_sealed_file_of_something_else_is_ignored(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "foreign.nc"
    path.write_bytes(text)
    checksum.append(path, netcdf.CONVENTIONS)
    ignored(tmp_path_factory, path.read_bytes(), "not a readable NetCDF file (")


def ignored(factory: pytest.TempPathFactory, data: bytes, reason: str) -> None:
    path = factory.getbasetemp() / "damaged.nc"
    path.write_bytes(data)
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logger = logging.getLogger("pinnscape.files.unfinished")
    logger.addHandler(handler)
    try:
        assert Restart(path, JOB).read() is None
    finally:
        logger.removeHandler(handler)
    (line,) = heard
    assert line.startswith(f"{path} is ignored: {reason}")


def test_a_folder_in_the_place_of_the_file_is_ignored_and_left_alone(tmp_path, caplog):
    (tmp_path / "x.nc" / "y").mkdir(parents=True)
    kept = Restart(tmp_path / "x.nc", JOB)
    assert kept.read() is None
    kept.write(sample())
    kept.delete()
    assert [line.split(":")[0] for line in warnings(caplog)] == [
        f"{tmp_path}/x.nc is ignored",
        f"{tmp_path}/x.nc is not written as a restart file",
    ]
    assert os.listdir(tmp_path) == ["x.nc"]


def test_a_full_disk_is_one_line_and_leaves_the_file_before_and_nothing_else(tmp_path, caplog, monkeypatch):
    kept = Restart(tmp_path / "x.nc", JOB)
    kept.write(sample())
    before = kept.path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        kept.write(sample().assign(scale=1.0))
    assert warnings(caplog) == [
        f"{kept.path} is not written as a restart file: cannot be written (No space left on device); {FULL}"
    ]
    assert kept.path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.nc"]


def test_what_would_not_come_back_as_it_was_is_not_kept(tmp_path, caplog):
    kept = Restart(tmp_path / "x.nc", JOB)
    kept.write(xr.Dataset({"x": ("i", np.array(["a", "b"], dtype=object))}))  # comes back as text of a fixed width
    assert warnings(caplog) == [f"{kept.path} is not written as a restart file: {DIFFERS}"]
    assert os.listdir(tmp_path) == []


def test_what_netcdf_cannot_take_is_not_kept(tmp_path, caplog):
    kept = Restart(tmp_path / "x.nc", JOB)
    kept.write(xr.Dataset({"x": ("i", np.array([{}, []], dtype=object))}))
    (line,) = warnings(caplog)
    assert line.startswith(f"{kept.path} is not written as a restart file: ")
    assert os.listdir(tmp_path) == []


@settings(max_examples=10)
@given(order=st.permutations(list(sample().variables)))
def test_variables_come_back_in_their_order(tmp_path_factory, order):
    kept = Restart(tmp_path_factory.getbasetemp() / "order.nc", JOB)
    kept.write(sample()[order])
    found = kept.read()
    assert list(found.variables) == order
    assert list(found.sizes) == list(sample()[order].sizes)
    assert found.identical(sample()[order])


def test_deleting_takes_what_killed_attempts_left_and_nothing_else(tmp_path):
    kept = Restart(tmp_path / ".x.nc", JOB)
    kept.write(sample())
    for name in ("..x.nc.here.123.part", "..x.nc.there.4.part", "x.nc", "..x.nc.other", "..y.nc.here.1.part"):
        (tmp_path / name).touch()
    kept.delete()
    assert sorted(os.listdir(tmp_path)) == ["..x.nc.other", "..y.nc.here.1.part", "x.nc"]
    kept.delete()


def test_a_killed_writer_leaves_the_file_that_was_there(tmp_path):
    program = f"""
import sys; sys.path[:0] = {sys.path!r}
import os, signal
from files import test_unfinished as t
kept = t.Restart(t.Path({str(tmp_path / "x.nc")!r}), t.JOB)
kept.write(t.sample())
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
kept.write(t.sample().assign(scale=1.0))
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -9
    assert len(os.listdir(tmp_path)) == 2
    kept = Restart(tmp_path / "x.nc", JOB)
    assert float(kept.read()["scale"]) == 0.1
    kept.delete()
    assert os.listdir(tmp_path) == []


# ---- time ----


def test_it_is_time_once_the_seconds_have_passed_since_the_last_restart():
    clock = Clock()
    every = Interval(30.0, clock)
    assert not every.due
    clock.now += 29.9
    assert not every.due
    clock.now += 0.1
    assert every.due
    assert every.due
    every.restart()
    assert not every.due
    clock.now += 31.0
    assert every.due


def test_with_no_seconds_it_is_always_time():
    assert Interval(0.0, Clock()).due


def test_a_jumping_date_does_not_matter(monkeypatch):
    every = Interval(30.0)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert not every.due
    monkeypatch.setattr("time.time", lambda: 1e12)
    assert not every.due


# ---- parts ----


def part(value: float) -> xr.Dataset:
    return xr.Dataset({"x": ("i", np.array([value, np.nan]))})


def attempt(folder: Path, names: str, seconds: float = 0.0, each: float = 1.0, job=JOB) -> tuple[dict[str, float], list[str]]:
    """The parts of an attempt, and which of them it computed; each takes ``each`` seconds."""
    clock, computed, found = Clock(), [], {}
    parts = Finished(folder, job, Interval(seconds, clock))
    for name in names:

        def compute(name=name) -> xr.Dataset:
            computed.append(name)
            clock.now += each
            return part(float(ord(name)))

        found[name] = float(parts(name, compute)["x"][0])
    return found, computed


def test_parts_are_computed_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    folder = tmp_path / ".technique"
    assert attempt(folder, "ab") == ({"a": 97.0, "b": 98.0}, ["a", "b"])
    assert caplog.messages == []
    assert attempt(folder, "cba") == ({"c": 99.0, "b": 98.0, "a": 97.0}, ["c"])
    assert caplog.messages == [f"{name}: taken from an earlier attempt" for name in "ba"]


def test_parts_of_another_job_are_computed_again(tmp_path):
    attempt(tmp_path, "ab")
    assert attempt(tmp_path, "ab", job=JOB | {"seed": "1"})[1] == ["a", "b"]


def test_a_file_under_the_name_of_another_part_is_ignored(tmp_path):
    attempt(tmp_path, "a")
    (tmp_path / "a.nc").rename(tmp_path / "b.nc")
    assert attempt(tmp_path, "b") == ({"b": 98.0}, ["b"])


def test_quick_parts_are_kept_together_when_it_is_time(tmp_path):
    attempt(tmp_path, "abcdefgh", seconds=3.0)
    assert sorted(os.listdir(tmp_path)) == [f"{name}.nc" for name in "abcdef"]
    assert attempt(tmp_path, "abcdefgh", seconds=3.0)[1] == ["g", "h"]


def test_a_quick_job_writes_nothing(tmp_path):
    attempt(tmp_path / "parts", "abc", seconds=30.0)
    assert os.listdir(tmp_path) == []


def test_two_parts_of_one_name_are_a_mistake_of_ours(tmp_path):
    with pytest.raises(AssertionError, match="two parts are called a"):
        attempt(tmp_path, "aa")


def test_the_folder_of_the_parts_can_be_deleted(tmp_path):
    parts = Finished(tmp_path / "parts", JOB, Interval(0.0))
    parts.delete()
    parts("a", lambda: part(1.0))
    assert os.listdir(tmp_path / "parts") == ["a.nc"]
    parts.delete()
    assert os.listdir(tmp_path) == []
