"""Restart files of long jobs: their location, and the interval at which they are written.

The files are in the folder of the output of the job, with names that begin with a dot. They are not outputs of the rule,
because Snakemake removes the outputs of a job that did not finish.
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
    """Everything on which the results of a job depend: settings, code, wildcards, device, libraries and input files."""
    content = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in inputs]
    common = {"device": device, "versions": netcdf.versions(), "inputs": content}
    return {**dict(params.items()), **dict(wildcards.items()), **common}


def restart(output: str, job: dict[str, Any]) -> Restart:
    """The restart file of a job that writes ``output``."""
    path = Path(output)
    return Restart(path.with_name(f".{path.stem}-state.nc"), job)


def finished(output: str, job: dict[str, Any]) -> Finished:
    """The restart files for finished parts of a job that writes ``output``."""
    path = Path(output)
    return Finished(path.with_name(f".{path.stem}"), job, every())


def every() -> Interval:
    """The interval at which restart files are written.

    Raises:
        StudyError: the environment variable is not a number of seconds.
    """
    wanted = os.environ.get(VARIABLE, str(SECONDS))
    try:
        seconds = float(wanted)
    except ValueError:
        seconds = float("nan")
    if not seconds >= 0.0:
        raise StudyError(f"environment: {VARIABLE} must be a number of seconds, at least 0; got {wanted!r}")
    return Interval(seconds)
