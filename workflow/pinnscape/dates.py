"""Dates of results when a clock was wrong.

Snakemake takes an output for stale if an input is newer *and* has other contents than when the output was made. An output that is dated in the
future would never be stale, and an input that is makes every job fail that reads it. Outputs that are older than their inputs are judged
by contents alone. So once a date lies in the future, all results are given such dates.
"""

import os
import time
from fnmatch import fnmatch
from pathlib import Path

# Patterns of names from the first stage to the last; a file belongs to the first that fits.
_STAGES = (
    ("training.nc", "solution.nc"),
    ("checkpoints.nc",),
    ("hessian-*.nc",),
    ("directions-*.nc",),
    ("surface-*.nc",),
    ("*.nc",),  # techniques
    ("metrics.csv",),
    ("claims.csv",),
    ("*.pdf", "*.png"),
    ("*.html",),
)
_SLACK = 10.0  # seconds that the clock of a file server may be ahead
_STEP = 60.0  # seconds between the dates of two stages


def ahead(folder: Path, now: float | None = None) -> list[Path]:
    """Results under ``folder`` that are dated in the future."""
    limit = (time.time() if now is None else now) + _SLACK
    return sorted(path for path in _results(folder) if path.stat().st_mtime > limit)


def leave_it_to_contents(folder: Path, now: float | None = None) -> None:
    """Date all results under ``folder`` so that each is older than what it is made from."""
    now = time.time() if now is None else now
    for path in _results(folder):
        date = now - _STEP * (stage(path.name) + 1)
        os.utime(path, (date, date))


def stage(name: str) -> int:
    """Which of the stages makes a file of this name, counted from 0; the number of stages for a file of none."""
    numbers = (n for n, patterns in enumerate(_STAGES) if any(fnmatch(name, pattern) for pattern in patterns))
    return next(numbers, len(_STAGES))


def _results(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if stage(path.name) < len(_STAGES) and not path.name.startswith("."))
    return [path for path in found if path.is_file() and not path.is_symlink()]
