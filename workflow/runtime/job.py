"""What every script does around its work: find the library, set threads, write the log, and turn the user's mistakes into one line."""

import faulthandler
import gc
import os
import signal
import sys

_IS_JOB = hasattr(sys.modules["__main__"], "snakemake")
if _IS_JOB:  # until all modules are loaded
    gc.disable()  # it would take a fifth of the time, and there is no garbage
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # there is nothing to end well

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
_TURNS = Path(".snakemake/pinnscape")  # of the folder of the study


def run(main: Callable[..., None], snakemake: Any) -> None:
    """Call ``main`` with those of input, output, params, wildcards, device that it names.

    The log file gets one line a record, and a traceback if there is one. A ``PinnscapeError`` or a lack of memory ends the job with one line on
    the terminal, and so does what nobody expected. Nothing is written once a later run of the same job has begun.
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
        # Snakemake writes there next, and would throw the results away where it cannot.
        Path(path.replace("results/logs", "results/benchmarks", 1)).parent.mkdir(parents=True, exist_ok=True)
    except PinnscapeError as error:
        log.error("%s", error)
        _end(f"{error} (log: {path})")
    except KeyboardInterrupt:
        log.error("interrupted")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 (one line for the user, the traceback for the log)
        if _interrupts:  # some libraries turn the one exception into another
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
_PATIENCE = 10.0  # seconds that a job may take to end after Ctrl-C


def _interrupt(number: int, frame: Any) -> None:
    """End soon, also where the exception hits what swallows it, or what holds a lock that is taken once more on the way out: the log tells where."""
    _interrupts.append(number)
    stream = next((handler.stream for handler in logging.getLogger().handlers if isinstance(handler, _Log)), None)
    faulthandler.dump_traceback_later(_PATIENCE, exit=True, file=stream or sys.stderr)
    raise KeyboardInterrupt


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


def _end(message: str) -> None:
    print(f"pinnscape: {message}", file=sys.stderr)
    sys.exit(1)


def _out_of_memory(snakemake: Any) -> str:
    engine = getattr(snakemake.params, "engine", None)
    remedies = [f"lower `engine.memory` in config.yaml (now {engine['memory']:g} MB)"] if engine else []
    remedies += ["run fewer jobs at a time (`-c1`)"]
    remedies += [
        f"where memory is granted, `--set-resources {snakemake.rule}:mem_mb=…` (now {snakemake.resources.get('mem_mb')})"
    ]
    return f"{snakemake.output[0]}: out of memory; {', or '.join(remedies)}"


def _unexpected(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return f"an error that should not be, most likely a fault of pinnscape: {textwrap.shorten(text, 300)}"


class _Log(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A disk that is full is reported when the results cannot be written; the log is not worth a traceback a line."""


def _start_log(path: str) -> None:
    """Start a log in a new file, not one that an earlier run of the job may still have open."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).unlink(missing_ok=True)
    handler = _Log(path, mode="w", encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(handlers=[handler], level=logging.INFO, format="%(message)s", force=True)
