"""Reading and writing the files of a study.

Files have attributes that state the case, loss, seed and rule to which they belong. A file is refused if its path contradicts
them.
"""

import json
import re
import reprlib
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import xarray as xr

from pinnscape.common.errors import StorageError
from pinnscape.files import netcdf
from pinnscape.files.netcdf import CONVENTIONS

# Coordinates and variables of a file that the next stage requires, by stage.
REQUIRED: dict[str, tuple[str, ...]] = {
    "check": ("deviation", "tolerance"),
    "reference": (),
    "train": (),
    "checkpoints": ("theta", "loss", "step", "block_shape", "block_offset"),
    "directions": ("origin", "direction", "norm"),
    "surfaces": ("value", "l2_error", "h1_error", "energy_gap", "infeasible"),
    "hessian": ("eigenvalue", "eigenvector", "density", "trace"),
}
# Further required variables, by name of the file in results/.
_OF_RUNS = {"training": ("theta", "snapshot_step", "loss"), "solution": ("u", "u_exact")}
_NAMES_OF = {
    "hessian": "checkpoint",
    "directions": "kind",
    "surface": "kind",
}  # the attribute that follows this word in the name of a file
_FOLDER = re.compile(r"/results/(?P<case>[^/]+)(/(?P<trained_on>[^/]+)/seed-(?P<seed>[0-9]+))?$")
_TEXTS = ("conventions", "title", "stage", "case", "trained_on", "configuration", "versions", "device")
_ATTRIBUTES = {**dict.fromkeys(_TEXTS, str), "seed": (int, np.integer)}
# Scalar coordinates with the same values as the attributes, for combining files of one kind.
_LABELS = {"case": "case", "trained_on": "loss that was minimised", "seed": "seed of the training"}
ALL, NO_SEED = "all", -1  # `trained_on` and `seed` of a file with several runs


def write(
    path: str | Path,
    dataset: xr.Dataset,
    *,
    stage: str,
    title: str,
    case: str,
    trained_on: str,
    seed: int,
    configuration: Mapping[str, Any],
    device: str = "cpu",
) -> None:
    """Write ``dataset`` to ``path`` with the attributes that all files of a study have.

    Raises:
        StorageError: the file cannot be written, does not read back as it was written, or would be refused by ``read``.
    """
    path = Path(path)
    owner = {"case": case, "trained_on": trained_on, "seed": int(seed), "units": "1", "device": device}
    owned = dataset.assign_attrs(netcdf.header(title, stage, configuration), **owner, precision="float64")
    if fault := _fault(owned, stage) or _misplaced(owned, path):
        raise StorageError(f"{path}: {fault}")
    netcdf.write(path, {netcdf.ROOT: owned.assign_coords(_labels(owned))})


def read(path: str | Path, stage: str | None) -> xr.Dataset:
    """Load a file of ``stage`` into memory; with None, a file of any stage, which may be a user's own.

    Raises:
        StorageError: the file is missing, truncated, changed, or from another program, stage, run or version of the
            conventions. The message names the file and the rule that makes it.
    """
    path = Path(path)
    if not path.is_file():
        remedy = f"; run `snakemake` to make it ({_maker(stage)})" if stage else ""
        raise StorageError(f"{path}: no such file{remedy}")
    try:
        dataset = netcdf.read(path)
        if fault := _fault(dataset, stage) or _misplaced(dataset, path):
            raise netcdf.Unreadable(fault)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}); check its permissions and the disk") from error
    except netcdf.Unreadable as error:
        remedy = f"; delete it and run `snakemake` again ({_maker(stage)} makes it)" if stage else ""
        raise StorageError(f"{path}: {error}{remedy}") from error
    return dataset.drop_vars([name for name in _LABELS if name in dataset.variables and not dataset[name].ndim])


def _labels(dataset: xr.Dataset) -> dict[str, tuple]:
    """Scalar coordinates; for a file with several runs, only the case."""
    owner = dataset.attrs
    values = {"case": owner["case"]}
    if owner["seed"] != NO_SEED:
        values |= {"trained_on": owner["trained_on"], "seed": owner["seed"]}
    return {name: ((), value, {"long_name": _LABELS[name]}) for name, value in values.items() if name not in dataset.dims}


def _maker(stage: str) -> str:
    """The rule or the technique that makes files of a stage."""
    return f"rule `{stage}`" if stage in REQUIRED else f"technique `{shorten(stage, 60)}`"


def _fault(dataset: xr.Dataset, stage: str | None) -> str | None:
    """A description of what is wrong with the content of a file, to follow its name; None if nothing is."""
    attributes = dataset.attrs
    missing = [name for name in _ATTRIBUTES if name not in attributes]
    if missing:
        return f"lacks {', '.join(missing)}"
    for name, kind in _ATTRIBUTES.items():
        if not isinstance(attributes[name], kind):
            return f"its attribute {name} is not {'text' if kind is str else 'a whole number'}"
    if attributes["conventions"] != CONVENTIONS:
        return f"has conventions {_short(attributes['conventions'])}, this version reads {CONVENTIONS!r}"
    expected = str(attributes["stage"]) if stage is None else stage
    if attributes["stage"] != expected:
        return f"comes from {_maker(attributes['stage'])}, expected a file of {_maker(expected)}"
    missing = [name for name in REQUIRED.get(expected, ()) if name not in dataset.variables]
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
    """A description of how a file in ``results`` contradicts its path, to follow its name; None if it does not.

    Copies of files from other runs are detected in this way.
    """
    folder = _FOLDER.search(path.absolute().parent.as_posix())
    if not folder:
        return None
    own: dict[str, str] = {"case": folder["case"]}
    if folder["seed"]:
        own |= {"trained_on": folder["trained_on"], "seed": folder["seed"]}
        word, _, which = path.stem.partition("-")
        if which and word in _NAMES_OF:
            own[_NAMES_OF[word]] = which
    for name, value in own.items():
        attribute = dataset.attrs.get(name)
        if str(attribute) != value:
            return f"its {name} is {shorten(str(attribute), 60)}, not {value} as its path says"
    missing = [name for name in _OF_RUNS.get(path.stem, ()) if name not in dataset.variables]
    return f"lacks {', '.join(missing)}" if missing else None


def _short(value: Any) -> str:
    """The representation of a value, shortened if it is long."""
    return reprlib.repr(value)


def configuration(dataset: xr.Dataset) -> dict[str, Any]:
    """The settings that made a file."""
    return json.loads(dataset.attrs["configuration"])


def identity(dataset: xr.Dataset) -> dict[str, Any]:
    """Case, minimised loss, seed and device of a file, as arguments for files that are made from it."""
    return {name: dataset.attrs[name] for name in ("case", "trained_on", "seed", "device")}
