"""Exclusive use of GPUs: one job on a GPU at a time.

Each GPU of this machine has a lock file. The kernel releases the lock when the process of the job ends, for whatever reason.
Snakemake counts GPUs but does not assign them to jobs (https://github.com/snakemake/snakemake/issues/281; at least Snakemake 5
to 9.27.1).
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
_held: list[IO[str]] = []  # lock files that this process holds until it ends
_PAUSE = 0.2  # seconds between two attempts to lock


def reserve() -> None:
    """Reserve one of the visible GPUs for this process until it ends, and hide the other GPUs. Wait while all GPUs are in use.

    CUDA_VISIBLE_DEVICES, which Slurm may also set, determines the visible GPUs. This function must be called before CUDA is
    initialised in this process.
    """
    names = [] if _held else visible()
    if not names:
        return
    name, lock = claim(names, locks())
    _held.append(lock)
    if len(names) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = name


def claim(names: Sequence[str], folder: Path) -> tuple[str, IO[str]]:
    """Lock the first free GPU. Returns its name and the open lock file, which holds the lock until it is closed."""
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
            log.info("waiting: other jobs use %s", "the GPU" if len(names) == 1 else f"all {len(names)} GPUs")
        time.sleep(_PAUSE)


def locks() -> Path:
    """The folder of the lock files of this user, which all workflows on the machine share."""
    return Path(tempfile.gettempdir()) / f"pinnscape-gpus-{os.getuid()}"


def visible() -> list[str]:
    """Names of the visible GPUs for CUDA_VISIBLE_DEVICES, in the order of CUDA; none without an NVIDIA driver.

    The driver reads CUDA_VISIBLE_DEVICES only once, at its initialisation. It is therefore queried in a subprocess, so that
    this process can still choose a GPU.
    """
    done = subprocess.run(
        [sys.executable, "-I", __file__], capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        raise RuntimeError(f"the GPUs could not be listed: {done.stderr}")
    return done.stdout.split()


def _listed() -> list[str]:
    """Names of the visible GPUs. Initialises CUDA in this process."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return []
    count, device, raw = ctypes.c_int(), ctypes.c_int(), (ctypes.c_ubyte * 16)()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return []  # there is no GPU, or none is visible
    # The second version of the function also supports the partitions of a divided GPU (MIG).
    get_uuid = getattr(cuda, "cuDeviceGetUuid_v2", None) or cuda.cuDeviceGetUuid
    names = []
    for ordinal in range(count.value):
        if cuda.cuDeviceGet(ctypes.byref(device), ordinal) or get_uuid(raw, device):
            raise RuntimeError(f"CUDA does not give the name of device {ordinal}")
        names.append(f"GPU-{uuid.UUID(bytes=bytes(raw))}")
    return names


if __name__ == "__main__":
    print(*_listed(), sep="\n")
