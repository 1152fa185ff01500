"""NetCDF files: round trip, equal bytes, refusal of what is not right, and nothing left behind."""

import errno
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from file_cases import variable
from layout_cases import variables

from pinnscape.common.errors import StorageError
from pinnscape.files import checksum, netcdf, store
from pinnscape.files.store import REQUIRED
from pinnscape.networks.architectures import Mlp

HEAD = {"case": "poisson1d", "trained_on": "deep-ritz", "seed": 3, "configuration": {"width": 5, "rule": "simpson"}}
ATTRIBUTES = ["title", "stage", "conventions", "configuration", "versions", "case", "trained_on", "seed", "units"]
ATTRIBUTES += ["device", "precision"]
FOOTER = len("\npinnscape-3 sha256 \n") + 64


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
            **variables(Mlp(1, 1, 2, 1).layout),
        },
        {"checkpoint": variable("checkpoint", np.array(["init", "final"]), "checkpoint")},
    )


def write(path: Path, dataset: xr.Dataset | None = None, stage: str = "checkpoints") -> Path:
    store.write(path, sample() if dataset is None else dataset, stage=stage, title="Checkpoints", **HEAD)
    return path


def refused(path: Path, stage: str = "checkpoints") -> str:
    """The message with which a file is refused: one line that names the file and the rule that makes it."""
    with pytest.raises(StorageError) as caught:
        store.read(path, stage)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    assert f"rule `{stage}`" in message
    return message


def changed(path: Path, change) -> Path:
    """A good file in which ``change`` altered something by the plain NetCDF library, and which was sealed again."""
    with netCDF4.Dataset(write(path), "a") as handle:
        change(handle)
    checksum.append(path, netcdf.CONVENTIONS)
    return path


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path):
    before, after = sample(), store.read(write(tmp_path / "x.nc"), "checkpoints")
    assert after.drop_attrs(deep=False).identical(before)
    for name in before.variables:
        if before[name].dtype.kind != "U":
            assert after[name].dtype == before[name].dtype
            assert after[name].values.tobytes() == before[name].values.tobytes()
    assert list(after["checkpoint"].values) == ["init", "final"]


def test_a_mask_comes_back_as_a_mask(tmp_path):
    mask = xr.Dataset({"infeasible": ("alpha", np.array([True, False]))})
    assert store.read(write(tmp_path / "x.nc", mask, "train"), "train")["infeasible"].values.tolist() == [True, False]


def test_a_file_has_the_attributes_of_the_schema_and_no_others(tmp_path):
    dataset = store.read(write(tmp_path / "x.nc"), "checkpoints")
    assert list(dataset.attrs) == ATTRIBUTES
    expected = {"title": "Checkpoints", "stage": "checkpoints", "case": "poisson1d", "trained_on": "deep-ritz", "seed": 3}
    expected |= {"conventions": "pinnscape-3", "units": "1", "device": "cpu", "precision": "float64"}
    assert {name: dataset.attrs[name] for name in expected} == expected
    assert store.configuration(dataset) == HEAD["configuration"]
    assert json.loads(dataset.attrs["versions"]) == netcdf.versions()
    assert store.identity(dataset) == {"case": "poisson1d", "trained_on": "deep-ritz", "seed": 3, "device": "cpu"}


def test_versions_are_those_of_the_libraries_that_are_loaded():
    versions = netcdf.versions()
    assert versions["python"] == platform.python_version()
    assert (versions["numpy"], versions["xarray"]) == (np.__version__, xr.__version__)
    assert set(versions) == {"python", "torch", "numpy", "scipy", "xarray", "netCDF4"}


def test_equal_data_give_equal_bytes_at_another_time_in_another_place_and_process(tmp_path, monkeypatch):
    first = write(tmp_path / "first.nc").read_bytes()
    time.sleep(1.1)  # HDF5 counts time in seconds
    assert write(tmp_path / "elsewhere" / "second.nc").read_bytes() == first
    program = f"import sys; sys.path[:0] = {sys.path!r}; from pathlib import Path; from files import test_store; "
    program += f"test_store.write(Path({str(tmp_path / 'third.nc')!r}))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "USER": "somebody", "HOSTNAME": "somewhere"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert (tmp_path / "third.nc").read_bytes() == first


def test_the_order_of_keys_in_the_configuration_does_not_matter(tmp_path):
    backwards = {**HEAD, "configuration": dict(reversed(HEAD["configuration"].items()))}
    store.write(tmp_path / "y.nc", sample(), stage="checkpoints", title="Checkpoints", **backwards)
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
    assert store.read(path, "checkpoints")["loss"].values.tolist() == [7.0, 8.0]
    assert [file.name for file in path.parent.iterdir()] == ["x.nc"]


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    content, path = write(tmp_path / "x.nc").read_bytes(), tmp_path / "cut.nc"
    full = len(content) - FOOTER
    for length in [1, 7, 8, 9, 35, 36, 100, *range(500, full, full // 25), full - 1]:
        path.write_bytes(content[:length])
        many = f"only {length}" if length < 36 else f"{length} of {full}"
        assert f": not a readable NetCDF file (truncated: {many} bytes are left); delete it" in refused(path)
    for length in [full, full + 1, len(content) - 30, len(content) - 1]:
        path.write_bytes(content[:length])
        assert ": has no checksum in its last line (truncated there, extended, or changed by" in refused(path)


def test_a_byte_that_flipped_anywhere_is_noticed(tmp_path):
    content, path = write(tmp_path / "x.nc").read_bytes(), tmp_path / "flipped.nc"
    for position in [0, 8, 9, 30, 60, *range(100, len(content) - FOOTER, len(content) // 25), len(content) - FOOTER - 1]:
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        assert ": changed since it was written (the SHA-256 of its bytes is not the one in its last line); " in refused(path)


def test_what_another_program_made_of_a_file_is_refused(tmp_path):
    with netCDF4.Dataset(write(tmp_path / "x.nc"), "a") as handle:
        handle["loss"][0] = 0.0
    assert ": has no checksum in its last line" in refused(tmp_path / "x.nc")


def test_the_seal_is_a_last_line_that_standard_tools_check(tmp_path):
    path = write(tmp_path / "x.nc")
    line = subprocess.run(["tail", "-n", "1", path], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"pinnscape-3 sha256 [0-9a-f]{64}\n", line)
    head = subprocess.run(["head", "-c", f"-{FOOTER}", path], capture_output=True, check=True).stdout
    assert subprocess.run(["sha256sum"], input=head, capture_output=True, check=True).stdout.split()[0].decode() in line
    assert f"head -c -{FOOTER} FILE | sha256sum" in (Path(__file__).parents[2] / "results" / "README.md").read_text()


def test_other_readers_do_not_mind_the_seal(tmp_path):
    path, plain = write(tmp_path / "x.nc"), tmp_path / "plain.nc"
    plain.write_bytes(path.read_bytes()[:-FOOTER])
    assert xr.load_dataset(path).identical(xr.load_dataset(plain))
    with netCDF4.Dataset(path) as handle:
        assert handle["step"][:].tolist() == [0, 2**40]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\n", "not a NetCDF-4 file (written by another program, or damaged at its beginning)"),
        (b"loss: -1.0\n", "not a NetCDF-4 file (written by another program, or damaged at its beginning)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "not a NetCDF-4 file (written by another program, or damaged at its beginning)"),
        (b"\x89HDF\r\n\x1a\n", "not a readable NetCDF file (truncated: only 8 bytes are left)"),
        (b"\x89HDF\r\n\x1a\n\x07" + bytes(99), "not a file of pinnscape, but another NetCDF-4 or HDF5 file"),
        (b"CDF\x01", "not a file of pinnscape, but a classic NetCDF file"),
        (b"CDF\x05\xff" * 20, "not a file of pinnscape, but a classic NetCDF file"),
        (b"CDF\x09", "not a NetCDF-4 file (written by another program, or damaged at its beginning)"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, words):
    path = tmp_path / "x.nc"
    path.write_bytes(content)
    assert refused(path).startswith(f"{path}: {words}; delete it and run `snakemake` again")


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT", "NETCDF3_CLASSIC"])
def test_the_netcdf_file_of_another_program_is_refused(tmp_path, kind):
    xr.Dataset({"loss": ("x", [1.0, 2.0])}, attrs={"Conventions": "CF-1.8"}).to_netcdf(tmp_path / "x.nc", format=kind)
    words = "another NetCDF-4 or HDF5 file" if kind == "NETCDF4" else "a classic NetCDF file"
    assert f": not a file of pinnscape, but {words}; " in refused(tmp_path / "x.nc")


@pytest.mark.parametrize(("name", "value"), [("scale_factor", 2.0), ("_FillValue", -1.5), ("missing_value", -1.5)])
def test_numbers_are_read_as_they_are_whatever_attributes_say(tmp_path, name, value):
    def fill(handle) -> None:
        handle.createVariable("more", "f8", ("checkpoint",), fill_value=value if name == "_FillValue" else False)[:] = [
            -1.5,
            2.0,
        ]
        if name != "_FillValue":
            handle["more"].setncattr(name, value)

    assert store.read(changed(tmp_path / "x.nc", fill), "checkpoints")["more"].values.tolist() == [-1.5, 2.0]


def test_no_time_is_seen_in_units(tmp_path):
    path = changed(tmp_path / "x.nc", lambda handle: handle["loss"].setncattr("units", "days since the flood"))
    assert store.read(path, "checkpoints")["loss"].dtype == "float64"


def test_a_file_of_an_older_version_is_refused_by_its_name(tmp_path):
    dataset = sample().assign_attrs(conventions="pinnscape-1", stage="checkpoints")
    dataset.to_netcdf(tmp_path / "x.nc")  # files of that version had no checksum
    words = (
        "has conventions 'pinnscape-1' of an older version; this one reads 'pinnscape-3'; delete it and run `snakemake` again"
    )
    assert words in refused(tmp_path / "x.nc")


@pytest.mark.parametrize(
    ("found", "age"), [("pinnscape-0", "an older"), ("pinnscape-4", "a newer"), ("pinnscape-10", "a newer")]
)
def test_a_sealed_file_of_another_version_is_refused_by_its_name(tmp_path, found, age):
    path = write(tmp_path / "x.nc")
    path.write_bytes(path.read_bytes().replace(b"\npinnscape-3 ", f"\n{found} ".encode()))
    assert f": has conventions {found!r} of {age} version; this one reads 'pinnscape-3'; delete it" in refused(path)


@pytest.mark.parametrize("found", ["pinnscape-0", "pinnscape", ""])
def test_other_conventions_under_a_good_seal_are_refused_by_name(tmp_path, found):
    path = changed(tmp_path / "x.nc", lambda handle: handle.setncattr("conventions", found))
    assert f"has conventions {found!r}, this version reads 'pinnscape-3'" in refused(path)


def test_a_file_of_another_stage_is_refused_with_both_rules(tmp_path):
    path = write(tmp_path / "x.nc", stage="checkpoints")
    assert "comes from rule `checkpoints`, expected a file of rule `hessian`" in refused(path, "hessian")


def test_a_file_without_a_stage_is_refused(tmp_path):
    assert "lacks stage" in refused(changed(tmp_path / "x.nc", lambda handle: handle.delncattr("stage")))


def test_techniques_are_named_by_their_rules(tmp_path):
    path = write(tmp_path / "x.nc", stage="zoom")
    with pytest.raises(
        StorageError,
        match=r"comes from technique `zoom`, expected a file of technique `ntk`; delete .*technique `ntk` makes",
    ):
        store.read(path, "ntk")


# ---- files that are good, but not at their place ----

PLACE = "results/poisson1d/deep-ritz/seed-3"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("results/poisson2d/deep-ritz/seed-3", "case is poisson1d, not poisson2d"),
        ("results/poisson1d/supervised/seed-3", "trained_on is deep-ritz, not supervised"),
        ("results/poisson1d/deep-ritz/seed-13", "seed is 3, not 13"),
        ("results/poisson2d", "case is poisson1d, not poisson2d"),
    ],
)
def test_a_copy_in_the_folder_of_another_run_is_refused(tmp_path, place, words):
    good, copy = write(tmp_path / PLACE / "checkpoints.nc"), tmp_path / place / "checkpoints.nc"
    assert store.read(good, "checkpoints").attrs["seed"] == 3
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(good.read_bytes())
    assert f": its {words} as its path says; delete it" in refused(copy)


@pytest.mark.parametrize(
    ("stage", "attribute", "word"), [("hessian", "checkpoint", "hessian"), ("surfaces", "kind", "surface")]
)
def test_a_copy_under_the_name_of_another_checkpoint_or_plane_is_refused(tmp_path, stage, attribute, word):
    dataset = xr.Dataset({name: ("k", np.zeros(2)) for name in REQUIRED[stage]}, attrs={attribute: "hessian-top"})
    good = write(tmp_path / PLACE / f"{word}-hessian-top.nc", dataset, stage)
    store.read(good, stage)
    copy = good.rename(good.with_name(f"{word}-final.nc"))
    assert f": its {attribute} is hessian-top, not final as its path says" in refused(copy, stage)


def test_a_solution_does_not_pass_for_a_history(tmp_path):
    solution = xr.Dataset({"u": ("x", np.zeros(2)), "u_exact": ("x", np.zeros(2))})
    good = write(tmp_path / PLACE / "solution.nc", solution, "train")
    store.read(good, "train")
    copy = good.rename(good.with_name("training.nc"))
    assert ": lacks theta, snapshot_step, loss; delete it" in refused(copy, "train")


# ---- what is wrong inside ----


@pytest.mark.parametrize("name", ["title", "case", "trained_on", "seed", "configuration", "versions"])
def test_a_missing_attribute_is_named(tmp_path, name):
    path = changed(tmp_path / "x.nc", lambda handle: handle.delncattr(name))
    assert f": lacks {name}; delete it and run `snakemake` again" in refused(path)


@pytest.mark.parametrize("name", REQUIRED["checkpoints"])
def test_a_missing_variable_is_named(tmp_path, name):
    path = changed(tmp_path / "x.nc", lambda handle: handle.renameVariable(name, "other"))
    assert f": lacks {name}; delete it and run `snakemake` again" in refused(path)


def test_a_missing_file_is_refused_with_the_rule_that_makes_it(tmp_path):
    assert refused(tmp_path / "x.nc").endswith("x.nc: no such file; run `snakemake` to make it (rule `checkpoints`)")


def test_a_folder_is_no_file(tmp_path):
    assert "no such file" in refused(tmp_path)


def fail(error: BaseException):
    """A writer that breaks off after half the data."""

    def put(path, *_):
        Path(path).write_bytes(b"\x89HDF half a file")
        raise error

    return put


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
    monkeypatch.setattr(netcdf, "_put", fail(error))
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
    reason = r"x\.nc: cannot be written \(Input/output error\); check the free space and the permissions$"
    with pytest.raises(StorageError, match=reason):
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
        with pytest.raises(StorageError, match=r"x\.nc: cannot be written \(.*\); check the free space and the permissions$"):
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
    loaded = netcdf._loaded
    monkeypatch.setattr(netcdf, "_loaded", lambda *args: loaded(*args).assign(loss=("checkpoint", [0.0, 0.0])))
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
