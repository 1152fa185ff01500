"""`make verify`: what it says of archives and of results computed afresh. The study itself runs in end_to_end/test_handing_on.py."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import verify
import xarray as xr
from file_cases import variable

from pinnscape.files import provenance, store
from runtime import archive, versions

RUN = "results/poisson1d/deep-ritz/seed-0"
TRAINING, SOLUTION, METRICS = f"{RUN}/training.nc", f"{RUN}/solution.nc", "results/tables/metrics.csv"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with two NetCDF files and a table."""
    root = tmp_path / "study"
    for name in (TRAINING, SOLUTION):
        data = xr.Dataset({"loss": variable("step", np.array([2.0, np.nan, 1.0]), "loss")})
        needed = ("theta", "snapshot_step") if name == TRAINING else ("u", "u_exact")
        data = data.assign({name: variable("point", np.zeros(2), name) for name in needed})
        owner = {"case": "poisson1d", "trained_on": "deep-ritz", "seed": 0}
        store.write(root / name, data, stage="train", title="", configuration={}, **owner)
    (root / METRICS).parent.mkdir(parents=True)
    (root / METRICS).write_text("metric,value\nloss,1.0\n")
    (root / "figure.png").write_bytes(b"picture")
    return root


def pack(study: Path, **changes) -> Path:
    found = versions.of_files([study / TRAINING], provenance.project(verify.CHECKOUT)) | changes
    members = {name: study / name for name in (TRAINING, SOLUTION, METRICS)}
    members |= {"results/figures/planes.png": study / "figure.png"}
    members |= {archive.CONFIGURATION: b"{}", archive.VERSIONS: json.dumps(found).encode()}
    archive.write(study.with_name("archive.zip"), members)
    return study.with_name("archive.zip")


@pytest.fixture
def rerun(monkeypatch, study):
    """Let the study 'run' by copying its files, changed by a function that the test gives; returns what the run was told."""
    told = {"change": lambda folder: None}

    def run_again(path, folder, cores, config):
        told.update(cores=cores, config=config, folder=folder)
        shutil.copytree(study / "results", folder / "results")
        told["change"](folder)

    monkeypatch.setattr(verify, "run_again", run_again)
    return told


def edit(folder: Path, name: str, value: float) -> None:
    data = xr.load_dataset(folder / name)
    data["loss"].values[0] = value
    data.to_netcdf(folder / name, encoding={key: {"_FillValue": None} for key in data.data_vars})


def test_a_study_that_gives_the_same_is_reproduced(study, rerun, capsys):
    assert verify.main([str(pack(study))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{study.with_name('archive.zip')}: all 6 files match the manifest",
        "versions, code and machine: the same as in the archive",
        f"{SOLUTION}: byte for byte",
        f"{TRAINING}: byte for byte",
        f"{METRICS}: byte for byte",
        "reproduced: 3 data files, 3 byte for byte, 0 within the tolerance, 0 not reproduced (tolerance 1e-10)",
    ]
    assert not rerun["folder"].exists()


def test_code_of_the_archive_is_unpacked_and_named_before_it_runs(study, rerun, capsys):
    found = versions.of_files([study / TRAINING], provenance.project(verify.CHECKOUT))
    members = {name: study / name for name in (TRAINING, SOLUTION, METRICS)}
    members |= {archive.CONFIGURATION: b"{}", archive.VERSIONS: json.dumps(found).encode(), "problems/1/mine.py": b"x = 1\n"}
    archive.write(study.with_name("archive.zip"), members)
    seen = []
    rerun["change"] = lambda folder: seen.append((folder / "problems/1/mine.py").read_text())
    assert verify.main([str(study.with_name("archive.zip"))]) == 0
    assert seen == ["x = 1\n"]
    assert "runs code of the archive: problems/1/mine.py" in capsys.readouterr().out.splitlines()


def test_what_differs_is_told_with_variable_and_size(study, rerun, capsys):
    def change(folder):
        edit(folder, TRAINING, 2.0 + 1e-12)
        edit(folder, SOLUTION, 2.001)
        (folder / METRICS).unlink()

    rerun["change"] = change
    assert verify.main([str(pack(study))]) == 1
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines == [
        f"{SOLUTION}: not reproduced, largest difference 0.0005 in variable loss",
        f"{TRAINING}: within the tolerance, largest difference 5e-13 in variable loss",
        f"{METRICS}: not reproduced, was not made",
        "NOT reproduced: 3 data files, 0 byte for byte, 1 within the tolerance, 2 not reproduced (tolerance 1e-10)",
    ]


def test_files_within_the_tolerance_are_reproduced(study, rerun, capsys):
    rerun["change"] = lambda folder: edit(folder, TRAINING, 2.002)
    path = str(pack(study))
    assert verify.main([path, "--tolerance", "1e-3"]) == 0
    assert "2 byte for byte, 1 within the tolerance, 0 not reproduced (tolerance 0.001)" in capsys.readouterr().out
    assert verify.main([path, "--tolerance", "1e-4"]) == 1


def test_attributes_that_differ_are_told_and_do_not_count(study, rerun, capsys):
    def change(folder):
        xr.load_dataset(folder / TRAINING).assign_attrs(versions="{}").to_netcdf(folder / TRAINING)

    rerun["change"] = change
    assert verify.main([str(pack(study))]) == 0
    assert f"{TRAINING}: within the tolerance, all numbers equal; attributes that differ: versions" in capsys.readouterr().out


def test_versions_that_differ_come_first(study, rerun, capsys):
    assert verify.main([str(pack(study, pinnscape="0.0.1"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "versions, code and machine:"
    assert lines[2].startswith("  pinnscape: 0.0.1 in the archive, ")
    assert lines[3].startswith(SOLUTION)


def test_checking_alone_runs_nothing(study, monkeypatch, capsys):
    monkeypatch.setattr(verify, "run_again", lambda *_: pytest.fail("runs"))
    assert verify.main(["--check-only", str(pack(study))]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_an_archive_that_is_not_whole_is_not_run(study, monkeypatch, capsys):
    monkeypatch.setattr(verify, "run_again", lambda *_: pytest.fail("runs"))
    path = pack(study)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members[TRAINING] += b"x"
    del members[SOLUTION]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**members, "results/new.nc": b""}.items():
            file.writestr(name, content)
    assert verify.main([str(path)]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"missing: {SOLUTION}", f"changed: {TRAINING}", "extra: results/new.nc"]
    assert said.err == f"pinnscape: {path}: does not match its manifest: 1 missing, 1 changed, 1 extra of 6 files\n"


def test_a_foreign_file_is_one_line(tmp_path, capsys):
    (tmp_path / "x.zip").write_text("text")
    assert verify.main([str(tmp_path / "x.zip")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"pinnscape: {tmp_path / 'x.zip'}: not a readable zip file (truncated or of another format)\n"


@pytest.mark.parametrize(
    ("devices", "available", "expected"),
    [(["cpu"], True, "cpu"), (["cpu"], False, "cpu"), (["cpu", "cuda"], True, "cuda"), (["cuda"], False, "cpu")],
)
def test_the_study_runs_on_the_device_that_made_it_where_that_is_here(
    study, rerun, monkeypatch, capsys, devices, available, expected
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: available)
    verify.main([str(pack(study, devices=devices)), "--cores", "3"])
    assert rerun["config"] == [f"device={expected}"]
    assert rerun["cores"] == "3"
    assert ("none here" in capsys.readouterr().out) == ("cuda" in devices and not available)


def test_a_folder_that_holds_results_is_refused_and_a_new_one_is_kept(study, rerun, tmp_path, capsys):
    path = str(pack(study))
    assert verify.main([path, "--folder", str(study)]) == 2
    assert "must be a new or empty folder" in capsys.readouterr().err
    assert verify.main([path, "--folder", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / TRAINING).is_file()
    (tmp_path / "file").write_text("")
    assert verify.main([path, "--folder", str(tmp_path / "file" / "new")]) == 2
