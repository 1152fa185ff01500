"""Jobs end when the Snakemake process that started them has ended.

If only Snakemake is killed by SIGKILL, its jobs continue to run although their results are not used. At least up to Snakemake
9.27.1; not reported upstream.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("pinnscape")

_SECONDS = 1.0
_SHELLS = ("sh", "bash", "dash")


def starters() -> list[int]:
    """The parent process, and the parents of shells, since a shell may outlive a killed Snakemake."""
    pids = [os.getppid()]
    with suppress(OSError, ValueError):  # without /proc, only the parent is known
        while (folder := Path(f"/proc/{pids[-1]}")).joinpath("comm").read_text(encoding="utf-8").strip() in _SHELLS:
            pids.append(int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]))
    return pids


_STARTED_BY = starters()  # at import, because loading the libraries takes seconds


@contextmanager
def ended() -> Iterator[None]:
    """While the block runs, end this process about a second after the process that started it has ended."""
    done = threading.Event()
    threading.Thread(target=_look, args=(done,), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _look(done: threading.Event) -> None:
    while not done.wait(_SECONDS):
        if starters() != _STARTED_BY:
            log.error("ended: the Snakemake process that started this job has ended")
            os._exit(1)
