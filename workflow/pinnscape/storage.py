"""NetCDF files of the study: written atomically, re-read before they take their name, refused when they are not what they should be.

A file is a pure function of the configuration and the code: no time, host or user is stored, so equal studies give equal bytes.
"""

import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from pinnscape import atomic
from pinnscape.errors import StorageError

CONVENTIONS = "pinnscape-1"

# Coordinates and variables without which a file of a stage is of no use to the next one.
REQUIRED: dict[str, tuple[str, ...]] = {
    "train": (),
    "checkpoints": ("theta", "loss", "step", "fan_in", "fan_out"),
    "directions": ("origin", "direction", "norm"),
    "surfaces": ("loss", "l2_error", "h1_error", "energy_gap", "inverted"),
    "hessian": ("eigenvalue", "eigenvector", "density", "trace"),
}
_ATTRIBUTES = ("title", "problem", "formulation", "seed", "configuration", "versions")
_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}  # checksums: damaged data are refused


def versions() -> dict[str, str]:
    """Versions of the libraries that shape the numbers."""
    names = ("torch", "numpy", "scipy", "xarray", "netCDF4")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def write(
    path: str | Path,
    dataset: xr.Dataset,
    *,
    stage: str,
    title: str,
    problem: str,
    formulation: str,
    seed: int,
    configuration: Mapping[str, Any],
    device: str = "cpu",
) -> None:
    """Write ``dataset`` to ``path`` with the attributes that every file of the study has.

    The data go to a temporary name in the same folder, are read back and compared, and only then renamed: a killed job leaves
    no half file under the final name.

    Raises:
        StorageError: the file could not be written, or did not read back as it was written.
    """
    path = Path(path)
    dataset = dataset.assign_attrs(
        title=title,
        stage=stage,
        problem=problem,
        formulation=formulation,
        seed=int(seed),
        conventions=CONVENTIONS,
        units="1",
        configuration=json.dumps(configuration, sort_keys=True),
        versions=json.dumps(versions(), sort_keys=True),
        device=device,
        precision="float64",
    )
    temporary = atomic.temporary(path)
    encoding = {name: dict(_COMPRESSION) for name, v in dataset.variables.items() if v.dtype.kind in "fiu" and v.ndim}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.to_netcdf(temporary, format="NETCDF4", engine="netcdf4", encoding=encoding)
        if not read(temporary, stage).identical(dataset.load()):
            raise StorageError(f"{path}: the file does not read back as it was written; is the disk sound and not full?")
        atomic.commit(temporary, path)
    except (OSError, RuntimeError) as error:  # the NetCDF library reports a full disk as a RuntimeError
        raise atomic.refusal(path, error) from error
    finally:
        with suppress(OSError):  # none was made, or the folder itself is what is wrong
            temporary.unlink()


def read(path: str | Path, stage: str) -> xr.Dataset:
    """Load a file of ``stage`` into memory.

    Raises:
        StorageError: missing, truncated, foreign, of another stage or of another version of the conventions; the message names
            the file and the rule that makes it.
    """
    remedy = f"delete it and run `snakemake` again (rule `{stage}` makes it)"
    if not Path(path).is_file():
        raise StorageError(f"{path}: no such file; rule `{stage}` makes it")
    try:
        with xr.open_dataset(path, engine="netcdf4") as handle:
            dataset = handle.load()
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        raise StorageError(f"{path}: not a readable NetCDF file (truncated or foreign); {remedy}") from error
    found = dataset.attrs.get("conventions")
    if found is None:
        raise StorageError(f"{path}: a NetCDF file, but not one of pinnscape (no `conventions`); {remedy}")
    if found != CONVENTIONS:
        raise StorageError(f"{path}: has conventions {found!r}, this version reads {CONVENTIONS!r}; {remedy}")
    if dataset.attrs.get("stage") != stage:
        raise StorageError(
            f"{path}: comes from rule `{dataset.attrs.get('stage')}`, expected a file of rule `{stage}`; {remedy}"
        )
    missing = [name for name in _ATTRIBUTES if name not in dataset.attrs]
    missing += [name for name in REQUIRED.get(stage, ()) if name not in dataset.variables]
    if missing:
        raise StorageError(f"{path}: lacks {', '.join(missing)}; {remedy}")
    return dataset


def configuration(dataset: xr.Dataset) -> dict[str, Any]:
    """The settings that made a file."""
    return json.loads(dataset.attrs["configuration"])


def identity(dataset: xr.Dataset) -> dict[str, Any]:
    """Problem, formulation, seed and device of a file, for the files that are made from it."""
    return {name: dataset.attrs[name] for name in ("problem", "formulation", "seed", "device")}


def variable(dims: str | tuple[str, ...], values: Any, long_name: str, **attributes: Any) -> tuple:
    """An xarray variable with its description; every quantity of the study is non-dimensional."""
    return dims, np.asarray(values), {"long_name": long_name, "units": "1", **attributes}
