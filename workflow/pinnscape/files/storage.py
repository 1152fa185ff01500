"""NetCDF files of the study: written atomically, re-read before they take their name, refused when they are not what they should be.

A file is a pure function of the configuration and the code: no time, host or user is stored, so equal studies give equal bytes.
"""

import json
import platform
import re
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from textwrap import shorten
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from xarray.backends import NetCDF4DataStore

from pinnscape.common.errors import StorageError
from pinnscape.files import atomic, seal

CONVENTIONS = "pinnscape-2"  # 2: files end with a seal

# Coordinates and variables without which a file of a stage is of no use to the next one.
REQUIRED: dict[str, tuple[str, ...]] = {
    "check": ("deviation", "tolerance"),
    "train": (),
    "checkpoints": ("theta", "loss", "step", "fan_in", "fan_out"),
    "directions": ("origin", "direction", "norm"),
    "surfaces": ("loss", "l2_error", "h1_error", "energy_gap", "inverted"),
    "hessian": ("eigenvalue", "eigenvector", "density", "trace"),
}
# The same by name of file, under results/.
_OF_RUNS = {"training": ("theta", "snapshot_step", "loss"), "solution": ("u", "u_exact")}
_NAMES_OF = {
    "hessian": "checkpoint",
    "directions": "kind",
    "surface": "kind",
}  # the attribute that follows the word in a name of file
_FOLDER = re.compile(r"/results/(?P<problem>[^/]+)(/(?P<formulation>[^/]+)/seed-(?P<seed>[0-9]+))?$")
_TEXTS = ("conventions", "title", "stage", "problem", "formulation", "configuration", "versions", "device")
_ATTRIBUTES = {**dict.fromkeys(_TEXTS, str), "seed": (int, np.integer)}
_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}  # checksums for other readers
_LARGEST_RATIO = 2000  # of data to bytes; deflate reaches 1032


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
        seal.seal(temporary, CONVENTIONS)
        if not _checked(temporary, path, stage).identical(dataset.load()):
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
        StorageError: missing, truncated, changed, foreign, of another stage, of another run than its folder says, or of another version of
            the conventions; the message names the file and the rule that makes it.
    """
    if not Path(path).is_file():
        raise StorageError(f"{path}: no such file; run `snakemake` to make it ({_maker(stage)})")
    return _checked(Path(path), Path(path), stage)


def _checked(path: Path, name: Path, stage: str) -> xr.Dataset:
    """The content of the file at ``path``, which bears or will bear ``name``."""
    remedy = f"delete it and run `snakemake` again ({_maker(stage)} makes it)"
    try:
        fault = seal.fault(path, CONVENTIONS)
    except OSError as error:
        raise StorageError(f"{name}: cannot be read ({error.strerror}); permissions, or is the disk sound?") from error
    if fault:
        raise StorageError(f"{name}: {fault}; {remedy}")
    # From here on the bytes are those that somebody sealed: a fault now is one of who wrote the file.
    try:
        dataset = _opened(path)
    except Exception as error:  # a file made to deceive can fail in any layer of the libraries
        raise StorageError(f"{name}: not a readable NetCDF file ({shorten(str(error), 200)}); {remedy}") from error
    fault = _fault(dataset, stage) or _misplaced(dataset, name)
    if fault:
        raise StorageError(f"{name}: {fault}; {remedy}")
    return dataset


def _opened(path: Path) -> xr.Dataset:
    """The content of a file of numbers and text."""
    with netCDF4.Dataset(path) as handle:
        size = 0
        for name, values in handle.variables.items():
            if values.dtype is not str and not isinstance(values.datatype, np.dtype):
                raise ValueError(f"its variable {_short(name)} holds neither numbers nor text")
            size += values.size * np.dtype(values.dtype).itemsize
        if size > _LARGEST_RATIO * path.stat().st_size:
            raise ValueError("its variables are larger than its bytes can hold")
        return xr.open_dataset(NetCDF4DataStore(handle), decode_times=False).load()


def _maker(stage: str) -> str:
    """The target or the technique that makes files of a stage."""
    return f"rule `{stage}`" if stage in REQUIRED else f"technique `{shorten(stage, 60)}`"


def _fault(dataset: xr.Dataset, stage: str) -> str | None:
    """What is wrong with the content of a file, in words that follow its name."""
    attributes = dataset.attrs
    missing = [name for name in _ATTRIBUTES if name not in attributes]
    if missing:
        return f"lacks {', '.join(missing)}"
    for name, kind in _ATTRIBUTES.items():
        if not isinstance(attributes[name], kind):
            return f"its attribute {name} is not {'text' if kind is str else 'a whole number'}"
    if attributes["conventions"] != CONVENTIONS:
        return f"has conventions {_short(attributes['conventions'])}, this version reads {CONVENTIONS!r}"
    if attributes["stage"] != stage:
        return f"comes from {_maker(attributes['stage'])}, expected a file of {_maker(stage)}"
    missing = [name for name in REQUIRED.get(stage, ()) if name not in dataset.variables]
    if missing:
        return f"lacks {', '.join(missing)}"
    for name in ("configuration", "versions"):
        if not _is_object(attributes[name]):
            return f"its attribute {name} is not JSON"
    return None


def _is_object(text: str) -> bool:
    """Whether this is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _misplaced(dataset: xr.Dataset, path: Path) -> str | None:
    """What is wrong with a file under ``results``, where paths say what is inside: a copy from elsewhere must not pass for it."""
    folder = _FOLDER.search(path.absolute().parent.as_posix())
    if not folder:
        return None
    own: dict[str, str] = {"problem": folder["problem"]}
    if folder["seed"]:
        own |= {"formulation": folder["formulation"], "seed": folder["seed"]}
        word, _, which = path.stem.partition("-")
        if which and word in _NAMES_OF:
            own[_NAMES_OF[word]] = which
    for name, value in own.items():
        found = dataset.attrs.get(name)
        if str(found) != value:
            return f"a file of {name} {shorten(str(found), 60)}, and not of {value} as its path says"
    missing = [name for name in _OF_RUNS.get(path.stem, ()) if name not in dataset.variables]
    return f"lacks {', '.join(missing)}" if missing else None


def _short(value: Any) -> str:
    """Something from a file as Python writes it, cut where it is long."""
    return reprlib.repr(value)


def configuration(dataset: xr.Dataset) -> dict[str, Any]:
    """The settings that made a file."""
    return json.loads(dataset.attrs["configuration"])


def identity(dataset: xr.Dataset) -> dict[str, Any]:
    """Problem, formulation, seed and device of a file, for the files that are made from it."""
    return {name: dataset.attrs[name] for name in ("problem", "formulation", "seed", "device")}


def variable(dims: str | tuple[str, ...], values: Any, long_name: str, **attributes: Any) -> tuple:
    """An xarray variable with its description; every quantity of the study is non-dimensional."""
    return dims, np.asarray(values), {"long_name": long_name, "units": "1", **attributes}
