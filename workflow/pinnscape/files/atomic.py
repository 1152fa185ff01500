"""Files that appear whole or not at all: written under a temporary name in the same folder, flushed to the disk, then renamed.

A temporary name carries machine and process, so no two processes write into the same file. A process that must no longer write, because a
later one does the same work, is stopped by ``only_while`` right before the renaming.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pinnscape.common.errors import StorageError

Check = Callable[[], None]
_checks: list[Check] = []


def only_while(check: Check | None) -> None:
    """Call ``check`` right before each file takes its name; what it raises keeps the file from doing so. None: no check."""
    _checks[:] = [] if check is None else [check]


def discard(path: Path) -> None:
    """Remove a file, and what any process has left of it unfinished."""
    for left in (path, *path.parent.glob(f".{path.name}.*.part")):
        with suppress(OSError):
            left.unlink()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name to write to; the file takes its own name at the end of the block if nothing was raised.

    Raises:
        StorageError: the file cannot be written.
    """
    path = Path(path)
    unfinished = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        _commit(unfinished, path)
    except OSError as error:
        raise refusal(path, error) from error
    finally:
        with suppress(OSError):  # it was renamed, or none was made
            unfinished.unlink()


def refusal(path: Path, error: Exception) -> StorageError:
    """Why a file cannot be written, in one line; libraries that hide the reason are helped out by a look at the disk."""
    reason = getattr(error, "strerror", None) or str(error)
    code = getattr(error, "errno", None) or 0
    if code in (0, errno.EACCES):  # what the NetCDF library says of a full disk, too
        code = _state(path.parent) or code
    owned = _owned(path, code) if code in (errno.EACCES, errno.EPERM) else None
    if owned:
        return StorageError(f"{path}: cannot be written ({reason}); {owned}: make it writable, or run in a copy of the project")
    remedy = {
        errno.ENOSPC: "the disk is full: free space, then run `snakemake` again",
        errno.EDQUOT: "the quota is used up: free space, then run `snakemake` again",
        errno.EROFS: "the folder is read-only here: make it writable, or run in a copy of the project",
    }
    return StorageError(f"{path}: cannot be written ({reason}); {remedy.get(code, 'free space or permissions?')}")


def _temporary(path: Path) -> Path:
    """A name for the unfinished file. What processes of this machine that have ended left of the same file is removed."""
    prefix = f".{path.name}.{socket.gethostname()}."
    for left in path.parent.glob(f"{prefix}*.part"):
        if not _alive(left.name.removeprefix(prefix).removesuffix(".part")):
            with suppress(OSError):
                left.unlink()
    return path.with_name(f"{prefix}{os.getpid()}.part")


def _commit(unfinished: Path, path: Path) -> None:
    """Give the finished file its name."""
    descriptor = os.open(unfinished, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for check in _checks:
        check()
    os.replace(unfinished, path)


def _owned(path: Path, code: int) -> str | None:
    """Whose the file is that keeps ``path`` from being written, or the first folder above it that is there; None where permissions are not to blame."""
    there = next((folder for folder in (path, *path.parents) if folder.exists()), Path())
    if code == errno.EACCES and os.access(there, os.W_OK):
        return None
    try:
        return f"{there} belongs to {there.owner()}"
    except (KeyError, OSError):  # a user without a name
        return f"{there} belongs to somebody else"


def _state(folder: Path) -> int | None:
    """What is wrong with the disk of a folder, as an error number; None where nothing is."""
    with suppress(OSError):
        disk = os.statvfs(folder)
        if disk.f_flag & os.ST_RDONLY:
            return errno.EROFS
        if disk.f_bavail * disk.f_frsize < 100_000:
            return errno.ENOSPC
    return None


def _alive(pid: str) -> bool:
    """Whether a process of this machine has this number; names that are none count as alive, as they are not ours to remove."""
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
