"""Atomic writes: a file is written under a temporary name in the same folder, flushed to the disk, and then renamed.

A temporary name contains the host name and the process number, so that two processes never write into the same file. A process
must no longer write if a later process does the same work; the check of ``only_while`` stops it just before the renaming.
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
    """Call ``check`` just before each file is renamed. An exception in it prevents the renaming. None removes the check."""
    _checks[:] = [] if check is None else [check]


def discard(path: Path) -> None:
    """Remove a file and all its unfinished temporary files."""
    for left in (path, *path.parent.glob(f".{path.name}.*.part")):
        with suppress(OSError):
            left.unlink()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name to write to. The file is renamed to ``path`` at the end of the block, unless an exception was raised.

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
        with suppress(OSError):  # the file was renamed or never created
            unfinished.unlink()


def refusal(path: Path, error: Exception) -> StorageError:
    """The reason why a file cannot be written, in one line. The disk is inspected if the library does not report the reason."""
    reason = getattr(error, "strerror", None) or str(error)
    code = getattr(error, "errno", None) or 0
    if code in (0, errno.EACCES):  # the NetCDF library also reports EACCES for a full disk
        code = _state(path.parent) or code
    owned = _owned(path, code) if code in (errno.EACCES, errno.EPERM) else None
    if owned:
        return StorageError(f"{path}: cannot be written ({reason}); {owned}: make it writable, or run in a copy of the project")
    remedy = {
        errno.ENOSPC: "the disk is full: free space, then run `snakemake` again",
        errno.EDQUOT: "the quota is used up: free space, then run `snakemake` again",
        errno.EROFS: "the folder is read-only here: make it writable, or run in a copy of the project",
    }
    return StorageError(f"{path}: cannot be written ({reason}); {remedy.get(code, 'check the free space and the permissions')}")


def _temporary(path: Path) -> Path:
    """A name for the unfinished file. Temporary files of this file that ended processes of this machine left are removed."""
    prefix = f".{path.name}.{socket.gethostname()}."
    for left in path.parent.glob(f"{prefix}*.part"):
        if not _alive(left.name.removeprefix(prefix).removesuffix(".part")):
            with suppress(OSError):
                left.unlink()
    return path.with_name(f"{prefix}{os.getpid()}.part")


def _commit(unfinished: Path, path: Path) -> None:
    """Rename the finished file."""
    descriptor = os.open(unfinished, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for check in _checks:
        check()
    os.replace(unfinished, path)


def _owned(path: Path, code: int) -> str | None:
    """The owner of ``path``, or of the nearest folder above it that exists; None if permissions are not the reason."""
    existing = next((folder for folder in (path, *path.parents) if folder.exists()), Path())
    if code == errno.EACCES and os.access(existing, os.W_OK):
        return None
    try:
        return f"{existing} belongs to {existing.owner()}"
    except (KeyError, OSError):  # a user without a name
        return f"{existing} belongs to another user"


def _state(folder: Path) -> int | None:
    """The error number that describes the state of the disk of a folder; None if there is no problem."""
    with suppress(OSError):
        disk = os.statvfs(folder)
        if disk.f_flag & os.ST_RDONLY:
            return errno.EROFS
        if disk.f_bavail * disk.f_frsize < 100_000:
            return errno.ENOSPC
    return None


def _alive(pid: str) -> bool:
    """Whether a process of this machine has this number. Other texts count as alive, so that their files are not removed."""
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
