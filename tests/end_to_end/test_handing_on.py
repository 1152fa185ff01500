"""Handing results on: an archive that runs again elsewhere, and trained networks that folders share."""

import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from end_to_end.workspace import PROJECT, Workspace, jobs

import pinnscape
from pinnscape.files import store
from pinnscape.study.study import parse
from runtime import archive

pytestmark = pytest.mark.xdist_group("workflow")  # one process runs them all: they share one finished study

RUN = "results/poisson1d/deep-ritz/seed-0"
KINDS = (".nc", ".png", ".pdf", ".csv")


@pytest.fixture(scope="module")
def archived(study: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An archived study of one case, in a folder that holds results of others too."""
    workspace = Workspace.__new__(Workspace)
    workspace.root = shutil.copytree(study.root, tmp_path_factory.mktemp("archived") / "study")
    (workspace.root / "results/archive.zip").unlink(missing_ok=True)  # other tests may have made it
    workspace.config(workspace.settings | {"cases": {"poisson1d": workspace.settings["cases"]["poisson1d"]}})
    shutil.copytree(workspace.root / RUN, workspace.root / "results/poisson1d/deep-ritz/seed-7")
    workspace.run("archive", "--config", "device=cpu")
    return workspace


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_an_archive_holds_this_study_and_nothing_else(archived: Workspace) -> None:
    found = members(archived.root / "results/archive.zip")
    results = archived.root / "results"
    files = {path.relative_to(archived.root).as_posix() for path in results.rglob("*") if path.suffix in KINDS}
    others = {name for name in files if "neo_hookean2d" in name or "seed-7" in name}
    assert len(others) > 40
    expected = (files - others) | {"results/README.md", archive.CONFIGURATION, archive.VERSIONS, archive.MANIFEST}
    assert set(found) == expected
    assert len([name for name in found if name.endswith(".nc")]) == 1 + 2 * (3 + 3 + 5 + 5)
    assert [name for name in files - others if found[name] != (archived.root / name).read_bytes()] == []
    assert archive.check(archived.root / "results/archive.zip").sound


def test_the_configuration_is_the_one_that_ran(archived: Workspace) -> None:
    configuration = yaml.safe_load(members(archived.root / "results/archive.zip")[archive.CONFIGURATION])
    assert configuration["device"] == "cpu"  # came from the command line
    expected = archived.settings | {"device": "cpu"}
    assert parse(configuration).complete() == parse(expected).complete()


def test_versions_are_told_and_neither_time_nor_place_nor_person(archived: Workspace) -> None:
    found = members(archived.root / "results/archive.zip")
    versions = json.loads(found[archive.VERSIONS])
    assert versions["libraries"]["python"] == [platform.python_version()]
    assert versions["devices"] == ["cpu"]
    assert versions["pinnscape"] == pinnscape.__version__
    text = (found[archive.VERSIONS] + found[archive.CONFIGURATION] + found[archive.MANIFEST]).decode()
    assert not re.search(r"\d{4}-\d{2}-\d{2}|\d{2}:\d{2}:\d{2}", text)
    for private in (str(archived.root), str(PROJECT), str(Path.home()), platform.node()):
        assert private not in text


def test_the_same_study_gives_the_same_archive(archived: Workspace) -> None:
    path = archived.root / "results/archive.zip"
    before = path.read_bytes()
    path.unlink()
    assert jobs(archived.run("archive", "--config", "device=cpu")) == {("write_archive",)}
    assert path.read_bytes() == before


@pytest.mark.slow
def test_an_archive_is_run_again_and_each_file_compared(archived: Workspace, tmp_path: Path) -> None:
    content = members(archived.root / "results/archive.zip")
    del content[archive.MANIFEST]
    changes, sizes = {"solution": ("u", 1e-13), "checkpoints": ("loss", 1e-3)}, {}  # what nobody has computed
    for name, (variable, size) in changes.items():
        data = xr.load_dataset(archived.root / RUN / f"{name}.nc")
        before = data[variable].values.copy()
        data[variable].values[...] += size
        sizes[name] = np.abs(data[variable].values - before).max() / max(1.0, np.abs(data[variable].values).max())
        data.to_netcdf(tmp_path / "changed.nc")
        content[f"{RUN}/{name}.nc"] = (tmp_path / "changed.nc").read_bytes()
    archive.write(tmp_path / "archive.zip", content)
    command = [sys.executable, str(PROJECT / "workflow/verify.py"), "--cores", "2", "archive.zip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    assert lines[:2] == [
        f"archive.zip: all {len(content)} files match the manifest",
        "versions, code and machine: the same as in the archive",
    ]
    said = {name: text for name, _, text in (line.partition(": ") for line in lines) if name in content}
    assert set(said) == {name for name in content if name.endswith((".nc", ".csv"))}
    close, different = (
        f"largest difference {sizes[name]:.2g} in variable {variable}" for name, (variable, _) in changes.items()
    )
    assert said.pop(f"{RUN}/solution.nc").startswith(f"within the tolerance, {close}")
    assert said.pop(f"{RUN}/checkpoints.nc").startswith(f"not reproduced, {different}")
    assert set(said.values()) == {"byte for byte"}
    rows = len(content["results/tables/claims.csv"].splitlines()) - 1
    assert f"claims: {rows} of {rows} verdicts are the same" in lines
    counts = f"{len(said)} byte for byte, 1 within the tolerance, 1 not reproduced"
    assert lines[-1] == f"NOT reproduced: {len(said) + 2} data files, {counts} (tolerance 1e-10)"


def test_a_study_that_does_not_run_is_one_line(tmp_path: Path) -> None:
    found = {"libraries": {}, "machine": {}, "devices": ["cpu"]}
    content = {archive.CONFIGURATION: b"study: {seeds: []}\n", archive.VERSIONS: json.dumps(found).encode()}
    archive.write(tmp_path / "archive.zip", content)
    command = [sys.executable, str(PROJECT / "workflow/verify.py"), "archive.zip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert "pinnscape: config.yaml" in done.stderr
    assert done.stderr.splitlines()[-1] == "pinnscape: archive.zip: its study fails; the lines above give the reason"


# ---- --cache ----

TRAININGS = [
    "poisson1d/deep-ritz/seed-0",
    "poisson1d/strong-form/seed-0",
    "neo_hookean2d/deep-ritz/seed-0",
    "poisson1d/deep-ritz/seed-1",
]
FILES = [f"results/{run}/{name}.nc" for run in TRAININGS for name in ("training", "solution")]


def train(workspace: Workspace, *runs: str) -> None:
    workspace.run("--cache", "train_network", "--", *[f"results/{run}/training.nc" for run in runs])


def log(workspace: Workspace, run: str) -> Path:
    return workspace.root / f"results/logs/train/{run}.log"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def first(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Trainings that filled the cache."""
    workspace = Workspace(tmp_path_factory.mktemp("first"))
    with pytest.MonkeyPatch.context() as context:
        context.setenv("SNAKEMAKE_OUTPUT_CACHE", str(folder))
        train(workspace, *TRAININGS)
    return workspace


@pytest.fixture
def _shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(folder))


def test_each_case_loss_and_seed_has_an_entry_of_its_own(study: Workspace, folder: Path, first: Workspace) -> None:
    entries = {(first.root / name).resolve() for name in FILES}
    assert entries == set(folder.iterdir())
    assert len(entries) == len(FILES)
    for name in FILES:
        attributes = store.read(first.root / name, "train").attrs
        assert f"results/{attributes['case']}/{attributes['trained_on']}/seed-{attributes['seed']}" == str(Path(name).parent)
        if "seed-0" in name:
            assert (first.root / name).read_bytes() == (study.root / name).read_bytes()


@pytest.mark.usefixtures("_shared")
def test_another_folder_takes_what_is_there_and_is_up_to_date_with_and_without(
    first: Workspace, folder: Path, tmp_path: Path
) -> None:
    entries, second = set(folder.iterdir()), Workspace(tmp_path)
    device = "auto" if torch.cuda.is_available() else "cpu"  # without a GPU, auto is the CPU too
    with second.with_settings({"device": device}):
        train(second, *TRAININGS)
    assert set(folder.iterdir()) == entries
    assert not any(log(second, run).read_text() for run in TRAININGS if log(second, run).exists())
    for name in FILES:
        assert (second.root / name).is_symlink()
        assert (second.root / name).read_bytes() == (first.root / name).read_bytes()
    assert second.planned(*FILES) == set()
    assert second.planned("--cache", "train_network", "--", *FILES) == set()


@pytest.mark.usefixtures("_shared")
def test_other_settings_and_other_code_are_other_entries(first: Workspace, folder: Path, tmp_path: Path) -> None:
    entries, other = set(folder.iterdir()), Workspace(tmp_path)
    phases = [{"optimizer": "adam", "steps": 15, "learning_rate": 0.02, "decay": 0.5}]
    cases = other.settings["cases"]
    changes = {"cases": cases | {"poisson1d": cases["poisson1d"] | {"training": {"phases": phases}}}}
    remark = other.edited("workflow/pinnscape/problems/equations/neo_hookean.py", append="\n# a remark\n")
    with remark, other.with_settings(changes):
        train(other, TRAININGS[0], TRAININGS[2])
    new = {(other.root / name).resolve() for name in FILES if (other.root / name).exists()}
    assert len(new) == 4
    assert set(folder.iterdir()) == entries | new
    assert not entries & new
    assert store.configuration(store.read(other.root / FILES[0], "train"))["training"]["phases"] == phases
    assert (other.root / FILES[4]).read_bytes() == (first.root / FILES[4]).read_bytes()  # the remark changes no number


@pytest.mark.usefixtures("_shared")
def test_another_machine_is_another_entry(
    first: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, other = set(folder.iterdir()), Workspace(tmp_path)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")  # as on a processor without wide vectors
    train(other, TRAININGS[1])
    assert len(set(folder.iterdir()) - entries) == 2
    assert log(other, TRAININGS[1]).exists()


@pytest.mark.parametrize("value", [None, "cache"])
def test_a_cache_without_a_folder_is_one_line(study: Workspace, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("SNAKEMAKE_OUTPUT_CACHE", raising=False)
    if value:
        monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", value)
    done = study.snakemake("-n", "--cache", "train_network", "--", "train")
    assert done.returncode == 1
    (line,) = (line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("Using workflow"))
    assert line.startswith("pinnscape: --cache stores trained networks in the folder $SNAKEMAKE_OUTPUT_CACHE")
    assert line.endswith(f"it is now '{value or ''}'")
