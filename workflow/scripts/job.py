"""What every script does around its work: find the library, set threads, write the log, and turn the user's mistakes into one line."""

import inspect
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gpu_slots
from pinnscape.errors import DeviceError, PinnscapeError

log = logging.getLogger("pinnscape")


def run(main: Callable[..., None], snakemake: Any) -> None:
    """Call ``main`` with those of input, output, params, wildcards, device that it names.

    The log file gets one line a record, and a traceback if there is one. A ``PinnscapeError`` ends the job with its one line on the terminal.
    """
    _start_log(str(snakemake.log[0]))
    imported = time.process_time()
    offered = {name: getattr(snakemake, name) for name in ("input", "output", "params", "wildcards")}
    wanted = inspect.signature(main).parameters
    try:
        if "device" in wanted:
            offered["device"] = device(
                snakemake.resources.get("device", "auto"), snakemake.resources.get("gpu", 0), snakemake.threads
            )
        main(**{name: offered[name] for name in wanted})
    except PinnscapeError as error:
        log.error("%s", error)
        print(f"pinnscape: {error} (log: {snakemake.log[0]})", file=sys.stderr)
        sys.exit(1)
    except Exception:
        log.error("%s", traceback.format_exc())
        raise
    log.info("done: %.2f s of CPU for start-up and imports, %.2f s for the work", imported, time.process_time() - imported)


def device(wanted: str, gpus: int, threads: int) -> str:
    """``cuda`` or ``cpu`` for this job, with a GPU that no other job uses; also gives torch its number of threads.

    Args:
        wanted: the setting ``device``: auto, cpu or cuda.
        gpus: number of GPUs that Snakemake grants; 0 means CPU.
        threads: of the job.

    Raises:
        DeviceError: ``cuda`` is asked for, and there is none; or GPUs cannot be locked.
    """
    import torch  # late: jobs without torch start in a second

    torch.set_num_threads(threads)
    if gpus and wanted != "cpu" and torch.version.cuda:
        if torch.cuda.is_initialized():
            raise RuntimeError("CUDA has been started before the job's GPU was chosen")
        try:
            gpu_slots.reserve()
        except OSError as error:
            raise DeviceError(f"{gpu_slots.locks()}: GPUs cannot be locked there: {error.strerror}; set TMPDIR") from None
    available = torch.cuda.is_available()
    if wanted == "cuda" and gpus and not available:
        raise DeviceError("config.yaml: device: cuda is asked for, but torch finds no CUDA device here; use auto or cpu")
    return "cuda" if available and gpus and wanted != "cpu" else "cpu"


def _start_log(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    logging.basicConfig(filename=path, filemode="w", level=logging.INFO, format="%(message)s", force=True)
