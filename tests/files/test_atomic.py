"""Files that appear whole or not at all."""

import ast
import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic

HOST = socket.gethostname()


@pytest.fixture(autouse=True)
def _no_check():
    yield
    atomic.only_while(None)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "folder" / "table.csv"
    with atomic.replacing(path) as unfinished:
        unfinished.write_text("whole")
        assert not path.exists()
        assert unfinished.parent == path.parent
    assert path.read_text() == "whole"
    assert names(path.parent) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt()])
def test_what_was_there_stays_where_a_block_fails(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def half():
        with atomic.replacing(path) as unfinished:
            unfinished.write_text("half")
            raise error

    with pytest.raises(type(error)):
        half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_two_processes_never_write_into_the_same_file(tmp_path):
    with atomic.replacing(tmp_path / "x.nc") as ours, atomic.replacing(tmp_path / "y.nc") as other:
        assert ours.name == f".x.nc.{HOST}.{os.getpid()}.part"
        assert ours.name != other.name
        ours.touch()
        other.touch()


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path):
    kept = [f".x.nc.{HOST}.{os.getppid()}.part", f".x.nc.elsewhere.{dead()}.part", f".y.nc.{HOST}.{dead()}.part"]
    kept += ["x.nc", f".x.nc.{HOST}.text.part"]
    for name in [*kept, f".x.nc.{HOST}.{dead()}.part"]:
        (tmp_path / name).touch()
    with atomic.replacing(tmp_path / "x.nc") as unfinished:
        assert names(tmp_path) == sorted(kept)
        unfinished.touch()


def test_a_file_is_discarded_with_all_that_is_unfinished_of_it(tmp_path):
    kept = [f".y.nc.{HOST}.1.part", "x.nc.part", "y.nc"]
    for name in [*kept, "x.nc", f".x.nc.{HOST}.1.part", ".x.nc.elsewhere.2.part"]:
        (tmp_path / name).touch()
    atomic.discard(tmp_path / "x.nc")
    assert names(tmp_path) == sorted(kept)
    atomic.discard(tmp_path / "x.nc")


def test_a_check_that_fails_keeps_the_old_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def refuse():
        raise StorageError("another run does the same work")

    def write():
        with atomic.replacing(path) as unfinished:
            unfinished.write_text("new")

    atomic.only_while(refuse)
    with pytest.raises(StorageError, match="another run"):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]
    atomic.only_while(None)
    write()
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "the disk is full: free space, then run `snakemake` again"),
        (errno.EDQUOT, "the quota is used up: free space, then run `snakemake` again"),
        (errno.EROFS, "the folder is read-only here: make it writable, or run in a copy of the project"),
        (errno.EACCES, "check the free space and the permissions"),  # and yet the folder can be written
        (errno.EIO, "check the free space and the permissions"),
    ],
)
def test_why_a_file_cannot_be_written_is_one_line_with_a_remedy(tmp_path, code, remedy):
    path = tmp_path / "folder" / "x.nc"
    reason = os.strerror(code)
    assert str(atomic.refusal(path, OSError(code, reason))) == f"{path}: cannot be written ({reason}); {remedy}"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_a_folder_of_somebody_else_is_named_with_its_owner(tmp_path, monkeypatch, code):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    path, reason = tmp_path / "folder" / "x.nc", os.strerror(code)
    remedy = f"{tmp_path} belongs to {tmp_path.owner()}: make it writable, or run in a copy of the project"
    assert str(atomic.refusal(path, OSError(code, reason))) == f"{path}: cannot be written ({reason}); {remedy}"


def test_an_error_of_the_system_in_the_block_becomes_that_line(tmp_path):
    def full():
        with atomic.replacing(tmp_path / "x.nc"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=re.escape("x.nc: cannot be written (No space left on device); the disk is full")):
        full()


def renames(path: Path) -> list[int]:
    """Lines that rename a file, or write one by a library that does so without NetCDF."""
    found = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = getattr(node.func.value, "id", ""), node.func.attr
            renamed = name in ("rename", "renames", "move") or (name == "replace" and (owner == "os" or len(node.args) == 1))
            written = (owner, name) in {
                ("np", "save"),
                ("np", "savez"),
                ("torch", "save"),
                ("pickle", "dump"),
            } or name == "to_netcdf"
            if renamed or written:
                found.append(node.lineno)
    return found


def test_files_are_renamed_in_one_place_and_written_in_one_way():
    workflow = Path(__file__).parents[2] / "workflow"
    found = {path.relative_to(workflow).as_posix(): renames(path) for path in workflow.rglob("*.py")}
    assert [name for name, lines in found.items() if lines] == ["pinnscape/files/atomic.py"]
    assert len(found["pinnscape/files/atomic.py"]) == 1


def test_renames_are_seen(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(
        "import os\nos.replace(a, b)\na.replace(b)\n'x'.replace('a', 'b')\na.rename(b)\nd.to_netcdf(p)\nnp.save(p, a)\n"
    )
    assert renames(path) == [2, 3, 5, 6, 7]
