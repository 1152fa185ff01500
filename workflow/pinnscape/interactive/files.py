"""Datasets of notebooks as files of the workflow, and back."""

from pathlib import Path

import xarray as xr

from pinnscape.files import store

TITLES = {
    "train": "Training history",
    "surfaces": "Losses on a plane or along lines",
    "hessian": "Hessian spectrum",
}


def save(path: str | Path, dataset: xr.Dataset, *, case: str = "mine") -> None:
    """Write a dataset of ``plane``, ``lines``, ``hessian``, ``train`` or a technique as a file of the workflow.

    The file has the attributes, the checksum and the versions that files of the workflow have. It is written beside the target
    and then moved, so that an existing file is either replaced or left as it is.

    Args:
        path: path of the file, such as ``plane.nc``.
        dataset: the dataset.
        case: name of the case that the file belongs to.

    Raises:
        ValueError: the dataset was not made by this library.
        StorageError: the file cannot be written.
    """
    if "stage" not in dataset.attrs:
        raise ValueError("`dataset` must be one that a function of `pinnscape` returns")
    stage, attributes = str(dataset.attrs["stage"]), dataset.attrs
    owner = {"trained_on": str(attributes.get("trained_on", store.ALL)), "seed": int(attributes.get("seed", store.NO_SEED))}
    title = TITLES.get(stage, stage.replace("_", " "))
    store.write(path, dataset, stage=stage, title=title, case=case, configuration={}, **owner)


def load(path: str | Path) -> xr.Dataset:
    """Read a file of the workflow, or one that ``save`` or ``Recorder`` wrote.

    Raises:
        StorageError: the file is missing, damaged or from another program or version.
    """
    return store.read(path, None)
