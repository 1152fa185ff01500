"""versions.json of an archive: versions of the code, libraries and machine, and how they differ from the current ones."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from pinnscape.common.errors import StorageError
from pinnscape.files import machine, netcdf

CUDA = "cuda"


def here(project: Mapping[str, str]) -> dict[str, Any]:
    """The current versions.

    Args:
        project: version of the project and digest of its code, see ``provenance.project``.

    Returns:
        ``pinnscape``, ``code``, ``conventions``, ``libraries`` (lists of versions by name) and ``machine``.
    """
    libraries = {name: [version] for name, version in machine.libraries().items()}
    return {**project, "conventions": netcdf.CONVENTIONS, "libraries": libraries, "machine": dict(machine.description())}


def of_files(files: Iterable[str | Path], project: Mapping[str, str]) -> dict[str, Any]:
    """The current versions together with those in the attributes of NetCDF files, and the types of device in ``devices``.

    Raises:
        StorageError: a file cannot be read or was not written by pinnscape.
    """
    merged, devices = here(project), set()
    for path in files:
        try:
            with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as dataset:
                versions, device = json.loads(dataset.attrs["versions"]), str(dataset.attrs["device"])
        except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
            raise StorageError(
                f"{path}: not a readable NetCDF file of pinnscape; delete it and run `snakemake` again"
            ) from error
        devices.add(device)
        for name, version in versions.items():
            known = merged["libraries"].setdefault(name, [])
            merged["libraries"][name] = sorted({*known, version})
    return {**merged, "devices": sorted(devices)}


def read(text: str, source: str | Path) -> dict[str, Any]:
    """Parse versions.json of an archive.

    Args:
        text: content of versions.json.
        source: name of the archive in messages.

    Raises:
        StorageError: the text does not have the expected form.
    """
    try:
        found = json.loads(text)
        kinds = [(found["libraries"], dict), (found["machine"], dict), (found["devices"], list)]
    except (ValueError, KeyError, TypeError):
        raise StorageError(f"{source}: its versions.json is damaged or of another program") from None
    if not all(isinstance(section, kind) for section, kind in kinds):
        raise StorageError(f"{source}: its versions.json is damaged or of another program")
    return found


def differences(archived: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line for each version that differs between an archive and the current installation."""
    lines = []
    for name, known, found in _pairs(archived, now):
        if known != found:
            lines.append(f"{name}: {_shown(known)} in the archive, {_shown(found)} here")
    return lines


def _pairs(archived: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[tuple[str, Any, Any]]:
    for name in ("pinnscape", "code", "conventions"):
        yield name, archived.get(name), now.get(name)
    for section in ("libraries", "machine"):
        a, b = archived.get(section, {}), now.get(section, {})
        for name in dict.fromkeys((*a, *b)):
            yield name, a.get(name), b.get(name)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value))
    return "none" if value in (None, "") else str(value)
