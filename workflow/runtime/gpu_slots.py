"""One job on a GPU at a time. Each GPU of this machine has a lock file, which the kernel releases when the job's process ends, however it ends.

Snakemake counts GPUs and does not say which is whose: https://github.com/snakemake/snakemake/issues/281; 5 to 9.27.1 at least.
"""

import ctypes
import fcntl
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import IO

log = logging.getLogger("pinnscape")
_held: list[IO[str]] = []  # what this process has locked, until it ends
_PAUSE = 0.2  # seconds between two tries


def reserve() -> None:
    """Take one of the GPUs that CUDA shows for this process, until it ends, and hide the others; wait while other jobs have them all.

    CUDA_VISIBLE_DEVICES says which GPUs there are to choose from, also where Slurm sets it. Must come before anything starts CUDA in this process.
    """
    names = [] if _held else visible()
    if not names:
        return
    name, lock = claim(names, locks())
    _held.append(lock)
    if len(names) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = name


def claim(names: Sequence[str], folder: Path) -> tuple[str, IO[str]]:
    """Lock the first free GPU; the lock lasts as long as the file that comes with its name is open."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    began = None
    while True:
        for name in names:
            file = (folder / name).open("a", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            if began is not None:
                log.info("waited %.1f s for a GPU", time.monotonic() - began)
            return name, file
        if began is None:
            began = time.monotonic()
            log.info("waiting: other jobs have %s", "the GPU" if len(names) == 1 else f"all {len(names)} GPUs")
        time.sleep(_PAUSE)


def locks() -> Path:
    """The folder of this user's lock files, the same for all workflows on the machine."""
    return Path(tempfile.gettempdir()) / f"pinnscape-gpus-{os.getuid()}"


def visible() -> list[str]:
    """The GPUs that CUDA shows to this process, in its order, by names that CUDA_VISIBLE_DEVICES takes; none without NVIDIA's driver.

    The driver looks at CUDA_VISIBLE_DEVICES once, when it starts. It is asked in a process of its own, so that one GPU can still be chosen in this one.
    """
    done = subprocess.run(
        [sys.executable, "-I", __file__], capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        raise RuntimeError(f"the GPUs could not be listed: {done.stderr}")
    return done.stdout.split()


def _listed() -> list[str]:
    """Starts CUDA in this process."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return []
    count, device, raw = ctypes.c_int(), ctypes.c_int(), (ctypes.c_ubyte * 16)()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return []  # none is visible, or none is there
    # The second version knows the parts of a GPU that is divided (MIG).
    get_uuid = getattr(cuda, "cuDeviceGetUuid_v2", None) or cuda.cuDeviceGetUuid
    names = []
    for ordinal in range(count.value):
        if cuda.cuDeviceGet(ctypes.byref(device), ordinal) or get_uuid(raw, device):
            raise RuntimeError(f"CUDA has a device {ordinal} and cannot name it")
        names.append(f"GPU-{uuid.UUID(bytes=bytes(raw))}")
    return names


if __name__ == "__main__":
    print(*_listed(), sep="\n")
