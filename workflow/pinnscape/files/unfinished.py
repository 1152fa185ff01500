"""Files of unfinished jobs: restart files, from which the next attempt at the same job resumes, and the results of shards.

They are uncompressed NetCDF files with a checksum. Restart files are optional. A restart file that is damaged or was written by
another job is ignored, and a job continues if its restart file cannot be written.
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
_UNSTORABLE = (ValueError, TypeError, KeyError, AttributeError)  # raised for values that NetCDF cannot store


def write(path: Path, groups: netcdf.Groups, title: str, job: Mapping[str, Any]) -> None:
    """Write unfinished work.

    Args:
        path: path of the file.
        groups: results by nonempty names.
        title: title of the file.
        job: everything on which the content depends, serialisable as JSON.

    Raises:
        StorageError: the file cannot be written.
    """
    netcdf.write(path, {ROOT: xr.Dataset(attrs=netcdf.header(title, STAGE, job)), **groups}, compressed=False)


def read(path: Path) -> tuple[dict[str, xr.Dataset], str]:
    """The results in a file of unfinished work, and the job that wrote it, as JSON.

    Raises:
        OSError: the file cannot be read.
        Unreadable: the file is damaged or not a file of unfinished work.
    """
    groups = netcdf.read_groups(path)
    attributes = groups.pop(ROOT).attrs
    if attributes.get("stage") != STAGE or not isinstance(attributes.get("configuration"), str):
        raise Unreadable("not a file of unfinished work")
    return groups, attributes["configuration"]


class Interval:
    """A timer that is ``due`` when an interval has passed since the last ``restart``.

    Args:
        seconds: length of the interval in seconds.
        clock: monotonic clock in seconds, which changes of the system time do not affect.
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
    """A restart file.

    Args:
        path: path of the file.
        job: everything on which the content depends, serialisable as JSON. Only an equal job reads the file.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path, self._settings, self._job = path, job, json.dumps(job, sort_keys=True)

    def read(self) -> xr.Dataset | None:
        """The state that an earlier attempt stored; None if there is none. An unusable file is reported in the log."""
        if not self.path.exists():
            return None
        try:
            groups, job = read(self.path)
            if job != self._job:
                differing = _differing(json.loads(job), json.loads(self._job))
                raise Unreadable(f"it was written by a job with other settings ({', '.join(differing)})")
            return groups[_STATE]
        except Exception as error:  # noqa: BLE001 (a malicious file can fail in any layer)
            log.warning("%s is ignored: %s", self.path, error)
            return None

    def write(self, dataset: xr.Dataset) -> None:
        """Replace the file atomically. A failure is reported in the log."""
        try:
            write(self.path, {_STATE: dataset}, "Restart file", self._settings)
        except (StorageError, *_UNSTORABLE) as error:
            log.warning("%s is not written as a restart file: %s", self.path, str(error).removeprefix(f"{self.path}: "))

    def delete(self) -> None:
        """Remove the file and the temporary files that killed attempts left."""
        atomic.discard(self.path)


class Finished:
    """Finished parts of a job, each in a restart file of its own.

    Args:
        folder: folder of the files.
        job: everything on which the parts depend, serialisable as JSON.
        every: interval at which parts that are finished since the last writing are written. The parts of a job that ends
            earlier are never written.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], every: Interval) -> None:
        self._folder, self._job, self._every = folder, job, every
        self._names: set[str] = set()
        self._fresh: list[tuple[Restart, xr.Dataset]] = []

    def __call__(self, name: str, compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """The part from an earlier attempt if it was stored, or else computed.

        Args:
            name: unique name of the part within the job.
            compute: computes the part, independently of all other parts.
        """
        assert name not in self._names, f"two parts are called {name}"
        self._names.add(name)
        restart = Restart(self._folder / f"{name}.nc", {**self._job, "part": name})
        result = restart.read()
        if result is not None:
            log.info("%s: taken from an earlier attempt", name)
            return result
        result = compute()
        self._fresh.append((restart, result))
        if self._every.due:
            for restart, part in self._fresh:
                restart.write(part)
            self._fresh.clear()
            self._every.restart()
        return result

    def delete(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
