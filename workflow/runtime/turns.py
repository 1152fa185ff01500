"""Protection against concurrent runs of one job: only the run that began last writes the files.

Snakemake locks the folder of a study. Two runs of a job for the same files can exist only if the lock was removed while one of
them was still running, for example because Snakemake was killed and a job on a cluster or a suspended job continued. Snakemake
(at least up to 9.27.1) does not protect against this.
"""

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from pinnscape.common.errors import StorageError


def begin(job: str, folder: Path) -> Callable[[], None]:
    """Register the run of a job that begins now, which replaces earlier runs.

    If the folder cannot be written, there is no protection; files are still written atomically.

    Args:
        job: a text that identifies the job within the study, such as the path of its log.
        folder: folder for one small file for each job, shared by all machines that run jobs.

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
            return  # the file was removed
        if latest != this:
            raise StorageError(f"{job}: a later run of this job has begun ({latest}), so this one writes nothing")

    return check
