"""NetCDF files: round trip, equal bytes, refusal of what is not right, and nothing left behind."""

import errno
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from pinnscape import storage
from pinnscape.errors import StorageError
from pinnscape.networks import Network, layout_variables
from pinnscape.storage import REQUIRED, variable

HEAD = {"problem": "poisson1d", "formulation": "deep-ritz", "seed": 3, "configuration": {"width": 5, "rule": "simpson"}}
ATTRIBUTES = ["title", "stage", "problem", "formulation", "seed", "conventions", "units", "configuration", "versions"]
ATTRIBUTES += ["device", "precision"]


def sample() -> xr.Dataset:
    """What the files of the study are made of: numbers with NaN and infinity, flags, names, scalars, attributes that are arrays."""
    generator = np.random.default_rng(0)
    flags = {"flag_values": np.arange(2, dtype="int8"), "flag_meanings": "adam lbfgs"}
    return xr.Dataset(
        {
            "theta": variable(("checkpoint", "parameter"), generator.normal(size=(2, 600)), "parameters"),
            "loss": variable("checkpoint", np.array([-1.5, np.nan]), "loss"),
            "step": variable("checkpoint", np.array([0, 2**40]), "step"),
            "optimizer": variable("checkpoint", np.array([0, 1], dtype="int8"), "optimiser", **flags),
            "bound": variable("checkpoint", np.array([np.inf, -np.inf]), "bound"),
            "energy_minimum": variable((), -0.25, "energy"),
            **layout_variables(Network(1, 1, 2, 1).layers),
        },
        {"checkpoint": variable("checkpoint", np.array(["init", "final"]), "checkpoint")},
    )


def write(path: Path, dataset: xr.Dataset | None = None, stage: str = "checkpoints") -> Path:
    storage.write(path, sample() if dataset is None else dataset, stage=stage, title="Checkpoints", **HEAD)
    return path


def refused(path: Path, stage: str = "checkpoints") -> str:
    """The message with which a file is refused: one line that names the file and the rule that makes it."""
    with pytest.raises(StorageError) as caught:
        storage.read(path, stage)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    assert f"rule `{stage}`" in message
    return message


def changed(path: Path, change) -> Path:
    """A good file in which ``change`` altered something by the plain NetCDF library."""
    with netCDF4.Dataset(write(path), "a") as handle:
        change(handle)
    return path


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path):
    before, after = sample(), storage.read(write(tmp_path / "x.nc"), "checkpoints")
    assert after.drop_attrs(deep=False).identical(before)
    for name in before.variables:
        if before[name].dtype.kind != "U":
            assert after[name].dtype == before[name].dtype
            assert after[name].values.tobytes() == before[name].values.tobytes()
    assert list(after["checkpoint"].values) == ["init", "final"]


def test_a_mask_comes_back_as_a_mask(tmp_path):
    mask = xr.Dataset({"inverted": ("alpha", np.array([True, False]))})
    assert storage.read(write(tmp_path / "x.nc", mask, "train"), "train")["inverted"].values.tolist() == [True, False]


def test_a_file_has_the_attributes_of_the_schema_and_no_others(tmp_path):
    dataset = storage.read(write(tmp_path / "x.nc"), "checkpoints")
    assert list(dataset.attrs) == ATTRIBUTES
    expected = {"title": "Checkpoints", "stage": "checkpoints", "problem": "poisson1d", "formulation": "deep-ritz", "seed": 3}
    expected |= {"conventions": "pinnscape-1", "units": "1", "device": "cpu", "precision": "float64"}
    assert {name: dataset.attrs[name] for name in expected} == expected
    assert storage.configuration(dataset) == HEAD["configuration"]
    assert json.loads(dataset.attrs["versions"]) == storage.versions()
    assert storage.identity(dataset) == {"problem": "poisson1d", "formulation": "deep-ritz", "seed": 3, "device": "cpu"}


def test_versions_are_those_of_the_libraries_that_are_loaded():
    versions = storage.versions()
    assert versions["python"] == platform.python_version()
    assert (versions["numpy"], versions["xarray"]) == (np.__version__, xr.__version__)
    assert set(versions) == {"python", "torch", "numpy", "scipy", "xarray", "netCDF4"}


def test_equal_data_give_equal_bytes_at_another_time_in_another_place_and_process(tmp_path, monkeypatch):
    first = write(tmp_path / "first.nc").read_bytes()
    time.sleep(1.1)  # HDF5 counts time in seconds
    assert write(tmp_path / "elsewhere" / "second.nc").read_bytes() == first
    program = f"import sys; sys.path[:0] = {sys.path!r}; from pathlib import Path; import test_storage; "
    program += f"test_storage.write(Path({str(tmp_path / 'third.nc')!r}))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "USER": "somebody", "HOSTNAME": "somewhere"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert (tmp_path / "third.nc").read_bytes() == first


def test_the_order_of_keys_in_the_configuration_does_not_matter(tmp_path):
    backwards = {**HEAD, "configuration": dict(reversed(HEAD["configuration"].items()))}
    storage.write(tmp_path / "y.nc", sample(), stage="checkpoints", title="Checkpoints", **backwards)
    assert (tmp_path / "y.nc").read_bytes() == write(tmp_path / "x.nc").read_bytes()


def test_a_file_names_neither_its_host_nor_its_folder(tmp_path):
    content = write(tmp_path / "x.nc").read_bytes()
    for private in (platform.node(), str(tmp_path), tmp_path.name):
        assert private.encode() not in content


def test_the_written_dataset_is_left_as_it_was(tmp_path):
    dataset = sample()
    write(tmp_path / "x.nc", dataset)
    assert dataset.identical(sample())
    assert dataset.attrs == {}


def test_folders_are_made_and_files_replaced(tmp_path):
    path = write(tmp_path / "a" / "b" / "x.nc")
    other = sample().assign(loss=("checkpoint", np.array([7.0, 8.0])))
    write(path, other)
    assert storage.read(path, "checkpoints")["loss"].values.tolist() == [7.0, 8.0]
    assert [file.name for file in path.parent.iterdir()] == ["x.nc"]


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    content, path = write(tmp_path / "x.nc").read_bytes(), tmp_path / "cut.nc"
    for length in [1, 7, 8, 9, 100, *range(500, len(content), len(content) // 25), len(content) - 1]:
        path.write_bytes(content[:length])
        assert "not a readable NetCDF file (truncated or foreign); delete it" in refused(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"loss: -1.0\n", b"\x89HDF\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + bytes(99), b"CDF\x01", b"CDF\x01\xff" * 20],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "x.nc"
    path.write_bytes(content)
    assert "not a readable NetCDF file (truncated or foreign)" in refused(path)


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT", "NETCDF3_CLASSIC"])
def test_the_netcdf_file_of_another_program_is_refused(tmp_path, kind):
    xr.Dataset({"loss": ("x", [1.0, 2.0])}, attrs={"Conventions": "CF-1.8"}).to_netcdf(tmp_path / "x.nc", format=kind)
    assert "a NetCDF file, but not one of pinnscape (no `conventions`)" in refused(tmp_path / "x.nc")


def test_a_netcdf_file_whose_times_cannot_be_decoded_is_refused(tmp_path):
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as handle:
        handle.createDimension("time", 2)
        handle.createVariable("time", "f8", ("time",)).units = "days since the flood"
    assert "not a readable NetCDF file" in refused(tmp_path / "x.nc")


@pytest.mark.parametrize("found", ["pinnscape-0", "pinnscape-2", "pinnscape", ""])
def test_other_conventions_are_refused_by_name(tmp_path, found):
    path = changed(tmp_path / "x.nc", lambda handle: handle.setncattr("conventions", found))
    assert f"has conventions {found!r}, this version reads 'pinnscape-1'" in refused(path)


def test_a_file_of_another_stage_is_refused_with_both_rules(tmp_path):
    path = write(tmp_path / "x.nc", stage="checkpoints")
    assert "comes from rule `checkpoints`, expected a file of rule `hessian`" in refused(path, "hessian")


def test_a_file_without_a_stage_is_refused(tmp_path):
    assert "comes from rule `None`" in refused(changed(tmp_path / "x.nc", lambda handle: handle.delncattr("stage")))


@pytest.mark.parametrize("name", ["title", "problem", "formulation", "seed", "configuration", "versions"])
def test_a_missing_attribute_is_named(tmp_path, name):
    path = changed(tmp_path / "x.nc", lambda handle: handle.delncattr(name))
    assert f": lacks {name}; delete it and run `snakemake` again" in refused(path)


@pytest.mark.parametrize("name", REQUIRED["checkpoints"])
def test_a_missing_variable_is_named(tmp_path, name):
    path = changed(tmp_path / "x.nc", lambda handle: handle.renameVariable(name, "other"))
    assert f": lacks {name}; delete it and run `snakemake` again" in refused(path)


def test_a_missing_file_is_refused_with_the_rule_that_makes_it(tmp_path):
    assert refused(tmp_path / "x.nc").endswith("x.nc: no such file; rule `checkpoints` makes it")


def test_a_folder_is_no_file(tmp_path):
    assert "no such file" in refused(tmp_path)


def fail(error: BaseException):
    """A ``to_netcdf`` that breaks off after half the data."""

    def to_netcdf(self, path, **_):
        Path(path).write_bytes(b"\x89HDF half a file")
        raise error

    return to_netcdf


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StorageError),
        (PermissionError(errno.EACCES, "Permission denied"), StorageError),
        (RuntimeError("NetCDF: HDF error"), StorageError),  # what the library makes of a full disk
        (KeyboardInterrupt(), KeyboardInterrupt),
        (TypeError("a mistake of ours"), TypeError),
    ],
)
@pytest.mark.parametrize("existing", [True, False])
def test_a_write_that_fails_leaves_nothing_behind_and_the_old_file_intact(tmp_path, monkeypatch, error, expected, existing):
    path = tmp_path / "x.nc"
    before = write(path).read_bytes() if existing else None
    monkeypatch.setattr(xr.Dataset, "to_netcdf", fail(error))
    with pytest.raises(expected) as caught:
        write(path)
    assert [file.name for file in tmp_path.iterdir()] == (["x.nc"] if existing else [])
    assert not existing or path.read_bytes() == before
    if expected is StorageError:
        message = str(caught.value)
        assert message.startswith(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})")
        assert len(message.splitlines()) == 1


@pytest.mark.parametrize("step", ["os.replace", "os.fsync"])
def test_a_failure_in_the_last_steps_leaves_the_old_file_intact(tmp_path, monkeypatch, step):
    before = write(tmp_path / "x.nc").read_bytes()

    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(step, broken)
    with pytest.raises(StorageError, match=r"x\.nc: cannot be written \(Input/output error\); free space or permissions\?$"):
        write(tmp_path / "x.nc", sample().assign(more=("more", [1.0])))
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["x.nc"]
    assert (tmp_path / "x.nc").read_bytes() == before


@pytest.mark.parametrize("limit", [0, 2000, 8000])
def test_a_disk_that_is_full_is_one_clear_line(tmp_path, limit):
    before = write(tmp_path / "x.nc").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        with pytest.raises(StorageError, match=r"x\.nc: cannot be written \(.*\); free space or permissions\?$"):
            write(tmp_path / "x.nc")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in tmp_path.iterdir()] == ["x.nc"]
    assert (tmp_path / "x.nc").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"x\.nc: cannot be written \((File exists|Not a directory)\)"):
        write(tmp_path / "file" / "x.nc")


def test_data_that_do_not_read_back_as_written_are_not_kept(tmp_path, monkeypatch):
    read = storage.read
    monkeypatch.setattr(storage, "read", lambda *args: read(*args).assign(loss=("checkpoint", [0.0, 0.0])))
    with pytest.raises(StorageError, match=r"x\.nc: the file does not read back as it was written"):
        write(tmp_path / "x.nc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stage", REQUIRED)
def test_a_stage_cannot_write_a_file_that_the_next_one_would_refuse(tmp_path, stage):
    complete = xr.Dataset({name: ("k", np.zeros(2)) for name in REQUIRED[stage]})
    write(tmp_path / "good.nc", complete, stage)
    for name in REQUIRED[stage]:
        with pytest.raises(StorageError, match=f"lacks {name}"):
            write(tmp_path / "bad.nc", complete.drop_vars(name), stage)
    assert [file.name for file in tmp_path.iterdir()] == ["good.nc"]
