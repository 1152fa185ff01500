"""A job ends when the Snakemake that started it is gone.

A SIGKILL that hits Snakemake alone leaves its jobs running, and their results nobody takes. Snakemake up to 9.27.1 at least; not reported there.
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
    """The process that started this one; of shells, which outlive a killed Snakemake, also what started them."""
    pids = [os.getppid()]
    with suppress(OSError, ValueError):  # no /proc: the parent will do
        while (folder := Path(f"/proc/{pids[-1]}")).joinpath("comm").read_text(encoding="utf-8").strip() in _SHELLS:
            pids.append(int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]))
    return pids


_STARTED_BY = starters()  # here, before the libraries are loaded, which takes seconds


@contextmanager
def ended() -> Iterator[None]:
    """End this process within a second or so of its starter's death while the block runs."""
    done = threading.Event()
    threading.Thread(target=_look, args=(done,), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _look(done: threading.Event) -> None:
    while not done.wait(_SECONDS):
        if starters() != _STARTED_BY:
            log.error("ended: the Snakemake that started this job is gone")
            os._exit(1)
