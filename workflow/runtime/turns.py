"""Of several jobs that make the same files, the one that began last writes them, unless it ended without having made them.

There are several where a lock was removed in error, or where jobs on a cluster outlive a Snakemake that was killed. Each puts a file of its own in
the place of the earlier job's, and holds a lock on it that the kernel releases when the process ends, however it ends.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
from pathlib import Path
from typing import IO

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic

_DONE = "done"


class Turn:
    """The turn of the job that begins now.

    Without a folder to keep files in, or where files cannot be locked, there is no guard: results appear whole all the same.

    Args:
        job: what tells the job from all others of the study, such as the path of its log.
        folder: for the files of all jobs, seen by all machines that run some.
    """

    def __init__(self, job: str, folder: Path) -> None:
        self._job = job
        self._path = folder / hashlib.sha256(job.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._file: IO[str] | None = None
        with contextlib.suppress(OSError, StorageError):
            folder.mkdir(exist_ok=True)
            self._file = self._begun()

    def _begun(self) -> IO[str]:
        """A file in the place of the earlier job's, written and locked before it is seen there."""
        with contextlib.ExitStack() as opened:
            with atomic.replacing(self._path) as unfinished:
                file = opened.enter_context(unfinished.open("w+", encoding="utf-8"))
                _rewrite(file, f"process {os.getpid()} on {socket.gethostname()}")
                with contextlib.suppress(OSError):  # a disk without locks
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            opened.pop_all()  # it stays open
        return file

    def check(self) -> None:
        """Make sure that this job may write.

        Raises:
            StorageError: a job that began later is at work, or is done.
        """
        if self._file is None:
            return
        try:
            later = self._path.open("r+", encoding="utf-8")  # on a network disk, opening it is what looks it up anew
        except OSError:
            return  # somebody removed it
        with later:
            if os.path.sameopenfile(later.fileno(), self._file.fileno()):
                return
            who = later.read()
            if who != _DONE and _free(later.fileno()):
                return
        state = "is done" if who == _DONE else f"is at work ({who})"
        raise StorageError(f"{self._job}: a later run of this job {state}, so this one writes nothing")

    def done(self) -> None:
        """Tell jobs that began earlier that the files are made."""
        if self._file:
            with contextlib.suppress(OSError):
                _rewrite(self._file, _DONE)

    def end(self) -> None:
        """Release the lock."""
        if self._file:
            with contextlib.suppress(OSError):  # what is left in its buffer may find the disk full
                self._file.close()


def _rewrite(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _free(descriptor: int) -> bool:
    """Whether no process holds a lock on a file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a disk without locks
    return True
