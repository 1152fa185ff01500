"""Reads lists of files into dictionaries of datasets, keyed by attributes of the files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from pinnscape.common.errors import StorageError
from pinnscape.figures import style
from pinnscape.files import store

Paths = str | Path | Iterable[str | Path]


def by_formulation(paths: Paths, stage: str) -> dict[str, xr.Dataset]:
    """Files of one seed, keyed by the formulation that trained them."""
    return _keyed(paths, stage, lambda data: (data.attrs["trained_on"],), unpack=True)


def by_run(paths: Paths, stage: str) -> dict[tuple[str, int], xr.Dataset]:
    """Files of several seeds, keyed by (trained_on, seed)."""
    return _keyed(paths, stage, lambda data: (data.attrs["trained_on"], int(data.attrs["seed"])))


def by_checkpoint(paths: Paths, stage: str = "hessian") -> dict[tuple[str, int, str], xr.Dataset]:
    """Files of several seeds and checkpoints, keyed by (trained_on, seed, checkpoint)."""
    return _keyed(
        paths,
        stage,
        lambda data: (data.attrs["trained_on"], int(data.attrs["seed"]), str(data.attrs["checkpoint"])),
    )


def by_case(paths: Paths, stage: str) -> dict[str, dict[str, xr.Dataset]]:
    """Files of several cases and one seed, keyed by the case and then by the formulation that trained them."""
    found: dict[str, dict[str, xr.Dataset]] = {}
    for (formulation, case), data in _keyed(paths, stage, lambda data: (data.attrs["trained_on"], data.attrs["case"])).items():
        found.setdefault(case, {})[formulation] = data
    return found


def _keyed(paths: Paths, stage: str, key: Callable[[xr.Dataset], tuple], unpack: bool = False) -> dict[Any, xr.Dataset]:
    files: dict[tuple, tuple[Path, xr.Dataset]] = {}
    for path in _listed(paths):
        data = store.read(path, stage)
        try:
            name = key(data)
        except KeyError as error:
            raise StorageError(
                f"{path}: lacks the attribute {error}; delete it and run `snakemake` again (rule `{stage}` makes it)"
            ) from error
        if name in files:
            raise StorageError(
                f"{path} and {files[name][0]}: both are of {', '.join(map(str, name))}; name only one of the two files"
            )
        files[name] = (path, data)
    if not files:
        raise StorageError(f"no files of rule `{stage}` to draw: name at least one")
    names = style.ordered(name[0] for name in files)
    # The sort is stable: checkpoints keep the given order, which is their order in training.
    order = sorted(files, key=lambda name: (names.index(name[0]), *name[1:2]))
    return {(name[0] if unpack else name): files[name][1] for name in order}


def _listed(paths: Paths) -> Sequence[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
