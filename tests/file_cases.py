"""Variables of files that no description knows."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from pinnscape.files.description import File


def variable(dims: str | tuple[str, ...], values: Any, long_name: str, **attributes: Any) -> tuple:
    """An xarray variable with its description."""
    return dims, np.asarray(values), {"long_name": long_name, "units": "1", **attributes}


def combined(monkeypatch: pytest.MonkeyPatch, paths: list, **how: Any) -> xr.Dataset:
    """``xarray.open_mfdataset`` with files that are loaded at once: to load them when needed it takes dask, which is no package of the project."""
    opened = xr.open_dataset
    with monkeypatch.context() as patched:
        patched.setattr("xarray.backends.api.open_dataset", lambda path, **_: opened(path, engine="netcdf4").load())
        return xr.open_mfdataset(paths, combine="nested", join="outer", **how)


def assert_combined(found: xr.Dataset, path: Any) -> None:
    """A dataset has all numbers of a file, at their coordinates, and NaN where the file has none."""
    with xr.open_dataset(path, engine="netcdf4") as file:
        for name, values in file.data_vars.items():
            own = found[name].sel({dim: file[dim] for dim in values.dims})
            np.testing.assert_array_equal(own.transpose(*values.dims), values, err_msg=str(name))
            if values.dtype.kind == "f" and values.size:
                beyond = int(np.isfinite(found[name].squeeze()).sum()) - int(np.isfinite(values).sum())
                assert beyond == 0, name


def assert_described(dataset: xr.Dataset, file: File) -> None:
    """A dataset has what its description says, and all of that but what only some files have."""
    described = {**file.variables, **file.coordinates}
    for name, values in dataset.variables.items():
        assert (values.attrs["long_name"], values.attrs["units"]) == (
            described[str(name)].long_name,
            described[str(name)].units,
        )
        assert values.dims == tuple(dim for dim in described[str(name)].axes if dim in dataset.dims), name
    always = {name for name, entry in described.items() if not entry.only}
    assert always - set(dataset.variables) <= {"y", "z"}  # of solutions in one dimension
    assert set(dataset.dims) <= set(dataset.coords)
