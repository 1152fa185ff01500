"""The one way in which NetCDF files are written and read: whole or not at all, with a checksum at the end, read back before they take their name.

A file holds a dataset, and further ones in groups. No value stands for a missing one, so every number, NaN too, comes back to the last bit.
A file is a pure function of its content: no time, host or user is stored, so equal contents give equal bytes.
"""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from textwrap import shorten
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from xarray.backends import NetCDF4DataStore

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic, checksum

CONVENTIONS = "pinnscape-3"  # 2: files end with a checksum; 3: no fill values, every dimension has a coordinate
ROOT = ""  # name of the group of the file itself, whose attributes are those of the file
Groups = Mapping[str, xr.Dataset]  # by name; slashes make groups within groups

_NUMBERS = "fiu"  # kinds of data types
_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}  # checksums for other readers
_LARGEST_RATIO = 2000  # of data to bytes; deflate reaches 1032


class Unreadable(Exception):
    """What is wrong with a file, in words that follow its name."""


def versions() -> dict[str, str]:
    """Versions of the libraries that shape the numbers."""
    names = ("torch", "numpy", "scipy", "xarray", "netCDF4")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def header(title: str, stage: str, configuration: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that every file has.

    Args:
        title: what the file is, for people.
        stage: what makes it.
        configuration: all that its content depends on, as JSON takes it.
    """
    return {
        "title": title,
        "stage": stage,
        "conventions": CONVENTIONS,
        "configuration": json.dumps(configuration, sort_keys=True),
        "versions": json.dumps(versions(), sort_keys=True),
    }


def write(path: Path, groups: Groups, *, compressed: bool = True) -> None:
    """Write a file.

    Args:
        path: of the file.
        groups: its content.
        compressed: whether numbers are compressed, which takes time and saves space.

    Raises:
        StorageError: it cannot be written, or does not read back as it was written.
    """
    with atomic.replacing(path) as unfinished:
        try:
            _put(unfinished, groups, compressed)
            checksum.append(unfinished, CONVENTIONS)
            with opened(unfinished) as handle:
                sound = all(_same(_loaded(handle, name), dataset) for name, dataset in groups.items())
        except (RuntimeError, Unreadable) as error:  # a RuntimeError is what the NetCDF library makes of a full disk
            raise atomic.refusal(path, error) from error
        if not sound:
            raise StorageError(f"{path}: the file does not read back as it was written; is the disk sound and not full?")


def read(path: Path) -> xr.Dataset:
    """The dataset of the file itself; see ``opened`` for what is raised."""
    with opened(path) as handle:
        return _loaded(handle, ROOT)


def read_groups(path: Path) -> dict[str, xr.Dataset]:
    """All datasets of a file; see ``opened`` for what is raised."""
    with opened(path) as handle:
        return {name: _loaded(handle, name) for name in _names(handle)}


@contextmanager
def opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """A file whose bytes are those that were written.

    Raises:
        OSError: the file cannot be read.
        Unreadable: it is truncated, changed, foreign, of another version, or (in the block, too) made to deceive.
    """
    if fault := checksum.fault(path, CONVENTIONS):
        raise Unreadable(fault)
    # From here on the bytes are those that somebody gave a checksum: a fault now is one of who wrote the file.
    try:
        with netCDF4.Dataset(path) as handle:
            yield handle
    except MemoryError:
        raise
    except Exception as error:  # which can come from any layer of the libraries
        raise Unreadable(f"not a readable NetCDF file ({shorten(str(error), 200)})") from error


def _put(path: Path, groups: Groups, compressed: bool) -> None:
    with netCDF4.Dataset(path, "w", format="NETCDF4") as handle:
        for name, dataset in groups.items():
            encoding = {key: _encoding(values, compressed) for key, values in dataset.variables.items()}
            dataset.dump_to_store(NetCDF4DataStore(_group(handle, name)), encoding=encoding)


def _encoding(values: xr.Variable, compressed: bool) -> dict[str, Any]:
    if values.dtype.kind not in _NUMBERS:
        return {}
    return {"_FillValue": None, **(_COMPRESSION if compressed and values.ndim else {})}


def _group(handle: netCDF4.Dataset, name: str) -> netCDF4.Dataset:
    return handle.createGroup(name) if name else handle


def _names(group: netCDF4.Dataset, name: str = ROOT) -> Iterator[str]:
    """Of the groups that hold something, and that of the file itself."""
    if name == ROOT or group.variables:
        yield name
    for inner, found in group.groups.items():
        yield from _names(found, f"{name}/{inner}" if name else inner)


def _loaded(handle: netCDF4.Dataset, name: str) -> xr.Dataset:
    """A dataset as it was written, down to the order of its variables: that of a file made of it follows it."""
    group, size = handle[name] if name else handle, 0
    for key, values in group.variables.items():
        if values.dtype is not str and not isinstance(values.datatype, np.dtype):
            raise ValueError(f"its variable {key!r} holds neither numbers nor text")
        size += values.size * np.dtype(values.dtype).itemsize
    if size > _LARGEST_RATIO * Path(handle.filepath()).stat().st_size:
        raise ValueError("its variables are larger than its bytes can hold")
    found = xr.open_dataset(NetCDF4DataStore(group), decode_times=False, mask_and_scale=False).load().drop_encoding()
    for key, values in found.variables.items():
        if values.dtype.kind == "O":
            found[key] = values.astype(str)
    return found[list(group.variables)]


def _same(found: xr.Dataset, dataset: xr.Dataset) -> bool:
    """Equal, and in the same order and of the same types, so that a file made of either has the same bytes."""
    return found.identical(dataset.load()) and _types(found) == _types(dataset)


def _types(dataset: xr.Dataset) -> list[tuple]:
    # How wide a text may be is no matter: NetCDF does not know it.
    return [(name, v.dtype.kind if v.dtype.kind == "U" else v.dtype, v.dims) for name, v in dataset.variables.items()]
