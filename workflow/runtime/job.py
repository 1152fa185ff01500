"""The common frame of all scripts: set threads, write the log, and report errors in one line."""

import faulthandler
import gc
import os
import signal
import sys

_IS_JOB = hasattr(sys.modules["__main__"], "snakemake")
if _IS_JOB:  # while modules are imported
    gc.disable()  # garbage collection would take a fifth of the time of the imports and find nothing
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # nothing to clean up yet

import inspect
import logging
import textwrap
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pinnscape.common import memory
from pinnscape.common.errors import DeviceError, PinnscapeError
from pinnscape.files import atomic
from runtime import gpu_slots, orphans, turns

log = logging.getLogger("pinnscape")
_TURNS = Path(".snakemake/pinnscape")  # relative to the folder of the study


def run(main: Callable[..., None], snakemake: Any) -> None:
    """Call ``main`` with those of the arguments input, output, params, wildcards and device that it has.

    The log file contains one line for each record, and tracebacks of unexpected errors. All errors (a ``PinnscapeError``,
    insufficient memory or an unexpected exception) end the job with one line on the terminal. Nothing is written once a later
    run of the same job has begun.
    """
    if _IS_JOB:
        gc.freeze()
        gc.enable()
    path = str(snakemake.log[0])
    try:
        _start_log(path)
    except OSError as error:
        _end(str(atomic.refusal(Path(path), error)))
    atomic.only_while(turns.begin(path, _TURNS))
    imported = time.process_time()
    if _IS_JOB and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        with orphans.ended():
            offered = {name: getattr(snakemake, name) for name in ("input", "output", "params", "wildcards")}
            wanted = inspect.signature(main).parameters
            if "device" in wanted:
                offered["device"] = device(
                    snakemake.resources.get("device", "auto"), snakemake.resources.get("gpu", 0), snakemake.threads
                )
            main(**{name: offered[name] for name in wanted})
        # Snakemake writes the benchmark next, and would discard the results if it could not.
        Path(path.replace("results/logs", "results/benchmarks", 1)).parent.mkdir(parents=True, exist_ok=True)
    except PinnscapeError as error:
        log.error("%s", error)
        _end(f"{error} (log: {path})")
    except KeyboardInterrupt:
        log.error("interrupted")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 (one line for the user, the traceback for the log)
        if _interrupts:  # some libraries convert KeyboardInterrupt into another exception
            log.error("interrupted")
            sys.exit(130)
        log.error("%s", traceback.format_exc())
        if memory.ran_out(error):
            _end(f"{_out_of_memory(snakemake)} (log: {path})")
        _end(f"{PinnscapeError(_unexpected(error))} (log, with a traceback: {path})")
    finally:
        atomic.only_while(None)
    log.info("done: %.2f s of CPU for start-up and imports, %.2f s for the work", imported, time.process_time() - imported)


_interrupts: list[int] = []
_PATIENCE = 10.0  # seconds within which a job must end after Ctrl-C


def _interrupt(number: int, frame: Any) -> None:
    """End the job within ``_PATIENCE``, even if the exception is swallowed or its handling waits for a lock.

    In this case the log contains the traceback at which the job was ended.
    """
    _interrupts.append(number)
    stream = next((handler.stream for handler in logging.getLogger().handlers if isinstance(handler, _Log)), None)
    faulthandler.dump_traceback_later(_PATIENCE, exit=True, file=stream or sys.stderr)
    raise KeyboardInterrupt


def device(wanted: str, gpus: int, threads: int) -> str:
    """The device of this job, ``cuda`` or ``cpu``. Reserves a GPU and sets the number of threads of torch.

    Args:
        wanted: the setting ``device``: auto, cpu or cuda.
        gpus: number of GPUs that Snakemake grants; 0 means CPU.
        threads: number of threads of the job.

    Raises:
        DeviceError: ``cuda`` is requested but there is no CUDA device, or GPUs cannot be locked.
    """
    import torch  # here, because jobs without torch start in a second

    torch.set_num_threads(threads)
    if gpus and wanted != "cpu" and torch.version.cuda:
        if torch.cuda.is_initialized():
            raise RuntimeError("CUDA was initialised before the GPU of the job was chosen")
        try:
            gpu_slots.reserve()
        except OSError as error:
            raise DeviceError(f"{gpu_slots.locks()}: GPUs cannot be locked there: {error.strerror}; set TMPDIR") from None
    available = torch.cuda.is_available()
    if wanted == "cuda" and gpus and not available:
        raise DeviceError("config.yaml: device: cuda is requested, but torch finds no CUDA device here; use auto or cpu")
    return "cuda" if available and gpus and wanted != "cpu" else "cpu"


def _end(message: str) -> None:
    print(f"pinnscape: {message}", file=sys.stderr)
    sys.exit(1)


def _out_of_memory(snakemake: Any) -> str:
    engine = getattr(snakemake.params, "engine", None)
    remedies = [f"lower `engine.memory` in config.yaml (now {engine['memory']:g} MB)"] if engine else []
    remedies += ["run fewer jobs at a time (`-c1`)"]
    now = snakemake.resources.get("mem_mb")
    remedies += [f"if a scheduler grants memory, use `--set-resources {snakemake.rule}:mem_mb=…` (now {now})"]
    return f"{snakemake.output[0]}: out of memory; {', or '.join(remedies)}"


def _unexpected(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return f"unexpected error, most likely a bug of pinnscape: {textwrap.shorten(text, 300)}"


class _Log(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Ignore errors of the log, such as a full disk, which is reported when the results cannot be written."""


def _start_log(path: str) -> None:
    """Start the log in a new file, since an earlier run of the job may still have the old file open."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).unlink(missing_ok=True)
    handler = _Log(path, mode="w", encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(handlers=[handler], level=logging.INFO, format="%(message)s", force=True)
    for library in ("fontTools", "skfem"):  # they report every step
        logging.getLogger(library).setLevel(logging.WARNING)
