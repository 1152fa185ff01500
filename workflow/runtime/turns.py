"""Of several jobs that make the same files, only the one that began last writes them.

Snakemake's lock keeps two runs out of one folder. There are two jobs for the same files where the lock was removed while one of them was still at
work: after a kill of Snakemake, a job on a cluster goes on, and so does one that is suspended. Snakemake up to 9.27.1 at least has no guard of its own.
"""

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from pinnscape.common.errors import StorageError


def begin(job: str, folder: Path) -> Callable[[], None]:
    """Register a job that begins now in the place of earlier runs of it.

    Without a folder that can be written there is no guard: results appear whole all the same.

    Args:
        job: what tells the job from all others of the study, such as the path of its log.
        folder: for one small file a job, seen by all machines that run some.

    Returns:
        A function that raises ``StorageError`` once a later run of the job has begun.
    """
    path = folder / hashlib.sha256(job.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    this = f"process {os.getpid()} on {socket.gethostname()}"
    try:
        folder.mkdir(exist_ok=True)
        path.write_text(this, encoding="utf-8")
    except OSError:
        return lambda: None

    def check() -> None:
        try:
            latest = path.read_text(encoding="utf-8")
        except OSError:
            return  # somebody removed it
        if latest != this:
            raise StorageError(f"{job}: a later run of this job has begun ({latest}), so this one writes nothing")

    return check
