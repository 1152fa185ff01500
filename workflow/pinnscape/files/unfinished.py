"""Work that a job has not finished: restart files, from which the next attempt at the same job goes on, and parts of work that is split.

They are NetCDF files like all others, not compressed, as they do not last. Restart files are optional: one that is damaged or that another job made is
ignored, and where none can be written the job goes on without.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic, netcdf
from pinnscape.files.netcdf import ROOT, Unreadable

log = logging.getLogger(__name__)
STAGE = "unfinished"
_STATE = "state"  # the group of a restart file
_UNSTORABLE = (ValueError, TypeError, KeyError, AttributeError)  # raised for what NetCDF cannot take


def write(path: Path, groups: netcdf.Groups, title: str, job: Mapping[str, Any]) -> None:
    """Write unfinished work.

    Args:
        path: of the file.
        groups: what was found, by names that are not empty.
        title: of the file.
        job: all that its content depends on, as JSON takes it.

    Raises:
        StorageError: it cannot be written.
    """
    netcdf.write(path, {ROOT: xr.Dataset(attrs=netcdf.header(title, STAGE, job)), **groups}, compressed=False)


def read(path: Path) -> tuple[dict[str, xr.Dataset], str]:
    """Unfinished work, and the job whose it is, as JSON.

    Raises:
        OSError: the file cannot be read.
        Unreadable: it is damaged, or no file of unfinished work.
    """
    groups = netcdf.read_groups(path)
    attributes = groups.pop(ROOT).attrs
    if attributes.get("stage") != STAGE or not isinstance(attributes.get("configuration"), str):
        raise Unreadable("not a file of unfinished work")
    return groups, attributes["configuration"]


class Interval:
    """Tells when some seconds have passed, by a clock that no change of the date moves.

    Args:
        seconds: at least this long from one ``restart`` to the time when it is ``due``.
        clock: in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self.restart()

    def restart(self) -> None:
        self._last = self._clock()

    @property
    def due(self) -> bool:
        return self._clock() - self._last >= self._seconds


class Restart:
    """The file that a job keeps for its next attempt.

    Args:
        path: of the file.
        job: all that its content depends on, as JSON takes it. Only an equal job reads the file.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path, self._settings, self._job = path, job, json.dumps(job, sort_keys=True)

    def read(self) -> xr.Dataset | None:
        """What an earlier attempt kept; None where there is no such file, and, with a line in the log, where it is of no use."""
        if not self.path.exists():
            return None
        try:
            groups, job = read(self.path)
            if job != self._job:
                differing = _differing(json.loads(job), json.loads(self._job))
                raise Unreadable(f"another job made it, with other {', '.join(differing)}")
            return groups[_STATE]
        except Exception as error:  # noqa: BLE001 (a file made to deceive can fail in any layer)
            log.warning("%s is ignored: %s", self.path, error)
            return None

    def write(self, dataset: xr.Dataset) -> None:
        """Replace the file at once; where that fails, a line in the log says so."""
        try:
            write(self.path, {_STATE: dataset}, "Restart file", self._settings)
        except (StorageError, *_UNSTORABLE) as error:
            log.warning("%s is not kept for another attempt: %s", self.path, str(error).removeprefix(f"{self.path}: "))

    def delete(self) -> None:
        """Remove the file, and what killed attempts left of it."""
        atomic.discard(self.path)


class Finished:
    """Finished parts of a job, one file each in a folder of their own.

    Args:
        folder: of the files.
        job: all that the parts depend on.
        every: when to write the parts that were finished since; parts of a job that ends before are never written.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], every: Interval) -> None:
        self._folder, self._job, self._every = folder, job, every
        self._names: set[str] = set()
        self._fresh: list[tuple[Restart, xr.Dataset]] = []

    def __call__(self, name: str, compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """A part: from an earlier attempt, or else computed.

        Args:
            name: of the part, which no other part of the job has.
            compute: gives the part, independently of other parts.
        """
        assert name not in self._names, f"two parts are called {name}"
        self._names.add(name)
        kept = Restart(self._folder / f"{name}.nc", {**self._job, "part": name})
        found = kept.read()
        if found is not None:
            log.info("%s: taken from an earlier attempt", name)
            return found
        found = compute()
        self._fresh.append((kept, found))
        if self._every.due:
            for kept, part in self._fresh:
                kept.write(part)
            self._fresh.clear()
            self._every.restart()
        return found

    def delete(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
