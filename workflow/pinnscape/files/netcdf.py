"""Reading and writing of NetCDF files.

A file is written atomically, ends with a checksum, and is read back before it is renamed to its final name. It contains a
dataset, and further datasets in groups. No fill value is used, so all numbers including NaN are reproduced bitwise. No time,
host or user name is stored, so equal datasets give bitwise equal files.
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

CONVENTIONS = "pinnscape-3"  # 2: checksum footer; 3: no fill values, a coordinate for each dimension
ROOT = ""  # name of the root group; its attributes are those of the file
Groups = Mapping[str, xr.Dataset]  # datasets by name of the group; slashes separate nested groups

_NUMBERS = "fiu"  # kinds of numerical data types
_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}  # checksums for other readers
_LARGEST_RATIO = 2000  # largest ratio of data to file size; deflate reaches 1032


class Unreadable(Exception):
    """A file cannot be used; the message follows the name of the file."""


def versions() -> dict[str, str]:
    """Versions of the libraries that affect the numbers."""
    names = ("torch", "numpy", "scipy", "xarray", "netCDF4")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def header(title: str, stage: str, configuration: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that all files have.

    Args:
        title: title of the file, for readers.
        stage: rule or technique that makes the file.
        configuration: everything on which the content depends, serialisable as JSON.
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
        path: path of the file.
        groups: datasets of the file, by group.
        compressed: whether numbers are compressed, which takes time and saves space.

    Raises:
        StorageError: the file cannot be written, or does not read back as it was written.
    """
    with atomic.replacing(path) as unfinished:
        try:
            _put(unfinished, groups, compressed)
            checksum.append(unfinished, CONVENTIONS)
            with opened(unfinished) as handle:
                sound = all(_same(_loaded(handle, name), dataset) for name, dataset in groups.items())
        except (RuntimeError, Unreadable) as error:  # the NetCDF library raises RuntimeError on a full disk
            raise atomic.refusal(path, error) from error
        if not sound:
            raise StorageError(f"{path}: the file does not read back as it was written; check the disk and its free space")


def read(path: Path) -> xr.Dataset:
    """The dataset in the root group of a file. Raises the exceptions of ``opened``."""
    with opened(path) as handle:
        return _loaded(handle, ROOT)


def read_groups(path: Path) -> dict[str, xr.Dataset]:
    """All datasets of a file, by group. Raises the exceptions of ``opened``."""
    with opened(path) as handle:
        return {name: _loaded(handle, name) for name in _names(handle)}


@contextmanager
def opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """An open file with a verified checksum.

    Raises:
        OSError: the file cannot be read.
        Unreadable: the file is truncated, changed, from another program or version, or (also raised within the block)
            malicious.
    """
    if fault := checksum.fault(path, CONVENTIONS):
        raise Unreadable(fault)
    # The checksum is correct, so any further fault was already in the file when it was written.
    try:
        with netCDF4.Dataset(path) as handle:
            yield handle
    except MemoryError:
        raise
    except Exception as error:  # any layer of the libraries may raise
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
    """Names of the root group and of all groups that contain variables."""
    if name == ROOT or group.variables:
        yield name
    for inner, subgroup in group.groups.items():
        yield from _names(subgroup, f"{name}/{inner}" if name else inner)


def _loaded(handle: netCDF4.Dataset, name: str) -> xr.Dataset:
    """A dataset as it was written, including the order of its variables, which determines the bytes of files made from it."""
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
    """Whether both datasets are equal, with the same order and types of variables, so that they give bitwise equal files."""
    return found.identical(dataset.load()) and _types(found) == _types(dataset)


def _types(dataset: xr.Dataset) -> list[tuple]:
    # The width of a text type does not count, because NetCDF does not store it.
    return [(name, v.dtype.kind if v.dtype.kind == "U" else v.dtype, v.dims) for name, v in dataset.variables.items()]
