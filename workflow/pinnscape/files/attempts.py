"""What a job keeps of its work while it runs, so that the next attempt at the same job goes on from there.

A kept file is NetCDF, followed by a digest of its bytes. It is a help and never a need: one that is damaged or that another job made is ignored, and
where none can be written the job goes on without.
"""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr

log = logging.getLogger(__name__)
# The NetCDF library reports a full disk as a RuntimeError, and what it cannot take as one of the others.
_FAILURES = (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError)
_DIGEST = hashlib.sha256().digest_size  # bytes at the end of a file


class Every:
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


class Kept:
    """One file that a job keeps for its next attempt.

    Args:
        path: of the file.
        job: all that its content depends on, as JSON takes it. Only an equal job reads the file.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path, self._job = path, json.dumps(job, sort_keys=True)

    def read(self) -> xr.Dataset | None:
        """What an earlier attempt kept; None where there is no such file, and, with a line in the log, where it is of no use."""
        if not self.path.exists():
            return None
        try:
            if not _sealed(self.path):
                raise ValueError("it is damaged")
            found, job = _load(self.path)
        except _FAILURES as error:
            log.warning("%s is ignored: %s", self.path, error)
            return None
        if job != self._job:
            differing = ", ".join(_differing(json.loads(job), json.loads(self._job)))
            log.warning("%s is ignored: another job made it, with other %s", self.path, differing)
            return None
        return found

    def write(self, dataset: xr.Dataset) -> None:
        """Replace the file at once; where that fails, a line in the log says so."""
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _store(temporary, dataset, self._job)
            if not _same(_load(temporary)[0], dataset):
                raise ValueError("it does not read back as it was written")
            _seal(temporary)
            os.replace(temporary, self.path)
        except _FAILURES as error:
            log.warning("%s cannot be kept for another attempt: %s", self.path, getattr(error, "strerror", None) or error)
        finally:
            with suppress(OSError):
                temporary.unlink()

    def delete(self) -> None:
        """Remove the file, and what killed attempts left of it."""
        for path in (self.path, *self.path.parent.glob(f"{self.path.name}.*.part")):
            with suppress(OSError):
                path.unlink()


class Parts:
    """Finished parts of a job, one file each in a folder of their own.

    Args:
        folder: of the files.
        job: all that the parts depend on.
        every: when to write the parts that were finished since; parts of a job that ends before are never written.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], every: Every) -> None:
        self._folder, self._job, self._every = folder, job, every
        self._names: set[str] = set()
        self._fresh: list[tuple[Kept, xr.Dataset]] = []

    def __call__(self, name: str, compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """A part: from an earlier attempt, or else computed.

        Args:
            name: of the part, which no other part of the job has.
            compute: gives the part, independently of other parts.
        """
        assert name not in self._names, f"two parts are called {name}"
        self._names.add(name)
        kept = Kept(self._folder / f"{name}.nc", {**self._job, "part": name})
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


def _store(path: Path, dataset: xr.Dataset, job: str) -> None:
    # Without a fill value every number, NaN too, comes back to the last bit.
    encoding = {name: {"_FillValue": None} for name, v in dataset.variables.items() if v.dtype.kind in "fiu"}
    order = json.dumps(list(dataset.variables))
    marked = dataset.assign_attrs({"kept:job": job, "kept:order": order})
    marked.to_netcdf(path, format="NETCDF4", engine="netcdf4", encoding=encoding)


def _load(path: Path) -> tuple[xr.Dataset, str]:
    """A dataset as it was, down to the order of its variables, which that of a file made of it follows; and the job that kept it."""
    with xr.open_dataset(path, engine="netcdf4", mask_and_scale=False, decode_times=False) as handle:
        found = handle.load().drop_encoding()
    job, order = found.attrs.pop("kept:job"), json.loads(found.attrs.pop("kept:order"))
    for name, values in found.variables.items():
        if values.dtype.kind == "O":
            found[name] = values.astype(str)
    return found[order], job


def _same(found: xr.Dataset, dataset: xr.Dataset) -> bool:
    """Equal, and in the same order and of the same types, so that a file made of either has the same bytes."""
    return found.identical(dataset) and _types(found) == _types(dataset)


def _types(dataset: xr.Dataset) -> list[tuple]:
    # How wide a text may be is no matter: NetCDF does not know it.
    return [(name, v.dtype.kind if v.dtype.kind == "U" else v.dtype, v.dims) for name, v in dataset.variables.items()]


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def _seal(path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).digest()
    with path.open("ab") as file:
        file.write(digest)
        file.flush()
        os.fsync(file.fileno())


def _sealed(path: Path) -> bool:
    content = path.read_bytes()
    return hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]
