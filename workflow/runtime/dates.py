"""Dates of results where they say nothing: a clock was wrong, or files were copied by what gives them dates of its own.

Snakemake takes an output for stale if an input is newer *and* has other contents than when the output was made, as far as its records in ``.snakemake``
tell; without a record an input that is newer is enough. An output that is dated in the future would never be stale. So an output with a record
gets a date before those of its inputs, and contents decide; one without gets a later date, and counts as up to date. The benchmark of a job counts as
one of its outputs.
"""

import os
import time
from collections.abc import Collection, Iterable
from fnmatch import fnmatch
from pathlib import Path

# Patterns of names from the first stage to the last; a file belongs to the first that fits.
_STAGES = (
    ("check.nc",),
    ("training.nc", "solution.nc"),
    ("checkpoints.nc",),
    ("hessian-*.nc",),
    ("directions-*.nc",),
    ("surface-*.nc",),
    ("*.nc",),  # techniques
    ("metrics.csv",),
    ("claims.csv",),
    ("*.pdf", "*.png"),
    ("*.html", "*.zip"),
)
_SLACK = 10.0  # seconds that the clock of a file server may be ahead
_STEP = 60.0  # seconds between the dates of two stages, for outputs with a record
_LATEST = 20.0  # seconds from the first stage to now, for outputs without


def ahead(files: Iterable[str | Path], now: float | None = None) -> list[Path]:
    """Those of the files that are dated in the future."""
    limit = (time.time() if now is None else now) + _SLACK
    return [path for path in _there(files) if path.stat().st_mtime > limit]


def renew(
    files: Iterable[str | Path], recorded: Collection[str], benchmarks: Iterable[Path] = (), now: float | None = None
) -> None:
    """Give results new dates.

    Args:
        files: results of a study; those that are not there are left out.
        recorded: of these, the ones of which Snakemake knows what they were made from.
        benchmarks: of the jobs that made them.
        now: seconds since 1970; default the clock.

    Raises:
        OSError: a file belongs to somebody else.
    """
    now = time.time() if now is None else now
    for path in _there(files):
        place = stage(path.name)
        date = now - _STEP * (place + 1) if str(path) in recorded else now - _LATEST + place
        os.utime(path, (date, date))
    for path in _there(benchmarks):
        os.utime(path, (now, now))


def stage(name: str) -> int:
    """Which of the stages makes a file of this name, counted from 0; the number of stages for a file of none."""
    numbers = (n for n, patterns in enumerate(_STAGES) if any(fnmatch(name, pattern) for pattern in patterns))
    return next(numbers, len(_STAGES))


def _there(files: Iterable[str | Path]) -> list[Path]:
    """Files that are the study's own: links point to results that other folders share."""
    return [path for path in map(Path, files) if path.is_file() and not path.is_symlink()]
