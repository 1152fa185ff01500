"""Where a job that takes long keeps its work while it runs, and how often, so that the next attempt goes on from there if this one is killed.

The files lie beside the job's output, under names with a leading dot. They are no outputs: Snakemake removes those of a job that did not end.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pinnscape.common.errors import StudyError
from pinnscape.files import netcdf
from pinnscape.files.unfinished import Finished, Interval, Restart

VARIABLE, SECONDS = "PINNSCAPE_SAVE_SECONDS", 30.0


def identity(params: Any, wildcards: Any, device: str, inputs: Iterable[str] = ()) -> dict[str, Any]:
    """All that the results of a job depend on: settings and code, which are its parameters, wildcards, device, libraries and input files."""
    content = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in inputs]
    common = {"device": device, "versions": netcdf.versions(), "inputs": content}
    return {**dict(params.items()), **dict(wildcards.items()), **common}


def restart(output: str, job: dict[str, Any]) -> Restart:
    """The file for the state of a job that writes ``output``."""
    path = Path(output)
    return Restart(path.with_name(f".{path.stem}-state.nc"), job)


def finished(output: str, job: dict[str, Any]) -> Finished:
    """The files for the finished parts of a job that writes ``output``."""
    path = Path(output)
    return Finished(path.with_name(f".{path.stem}"), job, every())


def every() -> Interval:
    """How often work is kept.

    Raises:
        StudyError: the environment asks for something that is no time.
    """
    wanted = os.environ.get(VARIABLE, str(SECONDS))
    try:
        seconds = float(wanted)
    except ValueError:
        seconds = float("nan")
    if not seconds >= 0.0:
        raise StudyError(f"environment: {VARIABLE} must be a number of seconds, at least 0; got {wanted!r}")
    return Interval(seconds)
