"""versions.json: what made an archive's files, and what differs here."""

import json

import pytest
import xarray as xr
from file_cases import variable

from pinnscape.common.errors import StorageError
from pinnscape.files import machine, netcdf, store
from runtime import versions

PROJECT = {"pinnscape": "1.2.3", "code": "0123456789abcdef"}


def written(path, device="cpu", **changed):
    """A NetCDF file as the study has them, made by other versions."""
    data = xr.Dataset({"loss": variable((), 1.0, "loss")})
    owner = {"case": "poisson1d", "trained_on": "deep-ritz", "seed": 0}
    store.write(path, data, stage="train", title="", configuration={}, device=device, **owner)
    if changed:
        data = xr.load_dataset(path).assign_attrs(versions=json.dumps(netcdf.versions() | changed))
        data.to_netcdf(path, engine="netcdf4")
    return path


def test_what_is_here_holds_every_version(tmp_path):
    found = versions.here(PROJECT)
    assert (found["pinnscape"], found["code"], found["conventions"]) == ("1.2.3", "0123456789abcdef", netcdf.CONVENTIONS)
    assert found["libraries"] == {name: [version] for name, version in machine.libraries().items()}
    assert found["machine"] == machine.description()
    assert versions.of_files([written(tmp_path / "a.nc")], PROJECT) == found | {"devices": ["cpu"]}


def test_files_of_other_versions_and_devices_are_found(tmp_path):
    files = [written(tmp_path / "a.nc"), written(tmp_path / "b.nc", "cuda", torch="1.0", numpy="0.9")]
    found = versions.of_files(files, PROJECT)
    assert found["devices"] == ["cpu", "cuda"]
    assert found["libraries"]["torch"] == sorted([machine.libraries()["torch"], "1.0"])
    assert found["libraries"]["scipy"] == [machine.libraries()["scipy"]]
    lines = versions.differences(found, versions.here(PROJECT))
    assert [line.split(":")[0] for line in lines] == ["torch", "numpy"]
    assert "1.0 and " in lines[0]
    assert lines[0].endswith(f"in the archive, {machine.libraries()['torch']} here")


@pytest.mark.parametrize("content", [b"", b"no NetCDF", None])
def test_a_file_that_is_none_is_one_line(tmp_path, content):
    path = tmp_path / "training.nc"
    if content is None:
        xr.Dataset({"a": 1.0}).to_netcdf(path)  # somebody else's
    else:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=r"training\.nc: not a readable NetCDF file of pinnscape"):
        versions.of_files([path], PROJECT)


def test_equal_versions_differ_in_nothing():
    assert versions.differences(versions.here(PROJECT) | {"devices": ["cuda"]}, versions.here(PROJECT)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"pinnscape": "1.0"}, "pinnscape: 1.0 in the archive, 1.2.3 here"),
        ({"code": "f" * 16}, "code: ffffffffffffffff in the archive, 0123456789abcdef here"),
        ({"conventions": "pinnscape-0"}, f"conventions: pinnscape-0 in the archive, {netcdf.CONVENTIONS} here"),
        ({"libraries": {"jax": ["1"]}}, "jax: 1 in the archive, none here"),
        ({"machine": {"vector": ""}}, f"vector: none in the archive, {machine.description()['vector']} here"),
    ],
)
def test_each_difference_is_a_line(change, expected):
    now = versions.here(PROJECT)
    archived = now | {key: now[key] | value if isinstance(value, dict) else value for key, value in change.items()}
    assert versions.differences(archived, now) == [expected]


def test_what_was_written_is_read():
    found = versions.here(PROJECT) | {"devices": ["cpu"]}
    assert versions.read(json.dumps(found), "archive.zip") == found


@pytest.mark.parametrize("text", ["", "[]", "3", '{"libraries": {}}', '{"libraries": [], "machine": {}, "devices": []}'])
def test_another_text_is_refused(text):
    with pytest.raises(StorageError, match=r"archive\.zip: its versions\.json is damaged"):
        versions.read(text, "archive.zip")
