"""Datasets made by their description."""

import numpy as np
import pytest
import xarray as xr

from pinnscape.files.description import File, Variable

FILE = File(
    "x.nc",
    {
        "value": Variable(("run", "n", "m"), "value"),
        "angle": Variable(("run", "n"), "angle", "degree"),
        "kind": Variable("run", "kind", flags=("no", "yes")),
    },
    {
        "run": Variable("run", "run"),
        "n": Variable("n", "index"),
        "m": Variable("m", "position"),
        "label": Variable("n", "label"),
    },
)


def part(start: float = 0.0) -> xr.Dataset:
    values = {
        "value": np.arange(6.0).reshape(2, 3) + start,
        "angle": [1.0, 2.0],
        "kind": 1,
        "m": [0.0, 0.5, 1.0],
        "label": ["a", "b"],
    }
    return FILE.dataset(values, outside=("run",), notes={"angle": {"reason": "why"}}, attributes={"about": "x"})


def test_a_part_lacks_the_dimensions_along_which_it_will_be_joined():
    found = part()
    assert {name: v.dims for name, v in found.variables.items()} == {
        "value": ("n", "m"), "angle": ("n",), "kind": (), "m": ("m",), "label": ("n",), "n": ("n",)
    }  # fmt: skip
    assert set(found.coords) == {"n", "m", "label"}
    assert found["n"].values.tolist() == [0, 1]
    assert found["angle"].attrs == {"long_name": "angle", "units": "degree", "reason": "why"}
    assert found["kind"].attrs["flag_meanings"] == "no yes"
    assert found["kind"].attrs["flag_values"].tolist() == [0, 1]
    assert found.attrs == {"about": "x"}


def test_what_is_joined_is_described_too():
    joined = xr.concat(
        [part(), part(1.0)],
        xr.DataArray(["first", "second"], dims="run", name="run"),
        coords="minimal",
        compat="equals",
        join="exact",
        data_vars="all",
    )
    found = FILE.described(joined)
    assert found["run"].attrs == {"long_name": "run", "units": "1"}
    assert found["value"].dims == ("run", "n", "m")
    assert joined["run"].attrs == {}
    np.testing.assert_array_equal(found["value"], joined["value"])


def test_what_is_not_described_is_a_mistake_of_ours():
    with pytest.raises(AssertionError, match=r"x\.nc: other is not described"):
        FILE.dataset({"other": 1.0})
    with pytest.raises(AssertionError, match=r"x\.nc: value has the dimensions \('m', 'n', 'run'\)"):
        FILE.described(xr.Dataset({"value": (("m", "n", "run"), np.zeros((3, 2, 1)))}))
