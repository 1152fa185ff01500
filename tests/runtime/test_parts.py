"""Techniques whose finished parts were kept by an attempt that was killed give the same bytes."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import xarray as xr
from runs_cases import suited, tiny
from settings_cases import applied, model
from technique_cases import BETWEEN_SEEDS, IN_PARTS, settings_of

from pinnscape.common.errors import StudyError
from pinnscape.files import netcdf, store
from pinnscape.files.unfinished import Finished, Interval
from pinnscape.techniques import catalog
from pinnscape.training.runs import Runs
from runtime import resume, technique

FORMULATIONS = ("deep-ritz", "strong-form")
COMMON = {"case": "poisson2d", "trained_on": "all", "seed": -1, "configuration": {}, "title": "x"}


def runs(seeds: int = 2, parts: Finished | None = None) -> Runs:
    """Two formulations with some seeds."""
    found = tiny("poisson2d", 2, FORMULATIONS)
    return Runs(found.discretization, tuple(run for run in found.all if run.seed < seeds), parts=parts)


@pytest.mark.parametrize("name", IN_PARTS)
def test_a_technique_gives_the_same_bytes_whichever_parts_an_earlier_attempt_kept(tmp_path, name):
    settings, folder, seeds = settings_of(name), tmp_path / "parts", 2 if name in BETWEEN_SEEDS else 1

    def written(file: str) -> bytes:
        found = applied(name, suited(name, runs(seeds, Finished(folder, {"technique": name}, Interval(0.0)))), settings)
        store.write(tmp_path / file, found, stage=name, **COMMON)
        return (tmp_path / file).read_bytes()

    expected = written("first.nc")
    kept = sorted(path.name for path in folder.iterdir())
    rows = {f"{formulation}-seed-{seed}.nc" for formulation in FORMULATIONS for seed in range(seeds)}
    pairs = {f"{formulation}-seeds-0-1.nc" for formulation in FORMULATIONS}
    assert set(kept) in ((pairs, rows | pairs) if name in BETWEEN_SEEDS else (rows,))
    for missing in kept[: len(kept) // 2]:  # the first ones: what comes later must not need them
        (folder / missing).unlink()
    assert written("second.nc") == expected
    assert sorted(path.name for path in folder.iterdir()) == kept


@pytest.mark.parametrize("name", ["interpolation", "barriers", "refinement"])
def test_a_technique_without_parts_gives_these_bytes_too(tmp_path, name):
    files = []
    for parts in (None, Finished(tmp_path / "parts", {}, Interval(0.0))):
        found = applied(name, runs(2, parts), settings_of(name))
        files.append(tmp_path / f"{len(files)}.nc")
        store.write(files[-1], found, stage=name, **COMMON)
    assert files[0].read_bytes() == files[1].read_bytes()


# ---- the script around it ----


class Killed(BaseException):
    """As sudden as a signal."""


class Named(SimpleNamespace):
    """A stand-in for what Snakemake gives to a script: values with names."""

    def items(self):
        return vars(self).items()

    def get(self, name, default=None):
        return vars(self).get(name, default)


def job(folder: Path) -> dict:
    """Arguments of ``technique.measure`` for a small technique, with the files that it reads."""
    files: dict[str, list[str]] = {"checkpoints": [], "training": [], "reference": []}
    for run in runs().all:
        for name, stage in (("checkpoints", "checkpoints"), ("training", "train")):
            path = folder / run.trained_on / f"{run.seed}" / f"{name}.nc"
            own = {"case": "poisson2d", "trained_on": run.trained_on, "seed": run.seed, "title": name}
            store.write(path, getattr(run, name), stage=stage, configuration={"training": {}}, **own)
            files[name].append(str(path))
    engine = {"compile": "never", "memory": 100}
    params = {"engine": engine, "model": model().plain(), "settings": settings_of("interpolation").plain(), "code": ["1", "2"]}
    return {
        "input": Named(**files),
        "output": [str(folder / "interpolation.nc")],
        "params": Named(**params),
        "wildcards": Named(case="poisson2d", technique="interpolation"),
        "device": "cpu",
    }


def test_a_killed_technique_goes_on_from_its_finished_parts(tmp_path, monkeypatch):
    monkeypatch.setenv(resume.VARIABLE, "0")
    given, measured, own = job(tmp_path), [], catalog.module("interpolation").measure

    def measure(last: int) -> None:
        def dataset(all_runs: Runs, settings: Any) -> xr.Dataset:
            def row(run) -> xr.Dataset:
                if len(measured) == last:
                    raise Killed
                measured.append((run.trained_on, run.seed))
                return own(Runs(all_runs.discretization, (run,)), settings).squeeze(drop=True)

            return all_runs.collect(row)

        monkeypatch.setattr(catalog.module("interpolation"), "measure", dataset)
        technique.measure(**given)

    output, folder = Path(given["output"][0]), tmp_path / ".interpolation"
    measure(-1)
    expected, every_run = output.read_bytes(), list(measured)
    output.unlink()
    assert not folder.exists()

    measured.clear()
    with pytest.raises(Killed):
        measure(2)
    assert len(os.listdir(folder)) == 2
    assert not output.exists()
    measure(-1)
    assert measured == every_run
    assert output.read_bytes() == expected
    assert not folder.exists()

    # What another training, other code or another setting left counts for nothing.
    for change in ("training", "code", "settings"):
        measured.clear()
        with pytest.raises(Killed):
            measure(3)
        if change == "training":
            path = Path(given["input"].training[0])
            store.write(path, runs().all[1].training, stage="train", **COMMON | {"configuration": {"training": {}}})
        else:
            setattr(given["params"], change, ["3"] if change == "code" else {**given["params"].settings, "points": 7})
        measured.clear()
        measure(-1)
        assert measured == every_run, change


def test_a_job_is_told_by_its_settings_code_wildcards_device_libraries_and_inputs(tmp_path):
    files = [tmp_path / "a.nc", tmp_path / "b.nc"]
    for file in files:
        file.write_text(file.name)
    params = Named(training={"steps": 3}, code=["1"])
    wildcards = Named(case="poisson1d", seed="0")
    found = resume.identity(params, wildcards, "cpu", map(str, files))
    assert found.pop("versions") == netcdf.versions()
    assert len(set(found.pop("inputs"))) == 2
    assert found == {"training": {"steps": 3}, "code": ["1"], "case": "poisson1d", "seed": "0", "device": "cpu"}


@pytest.mark.parametrize(("text", "due"), [("0", True), ("1e9", False), (None, False)])
def test_the_environment_says_how_often_work_is_kept(monkeypatch, text, due):
    monkeypatch.delenv(resume.VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(resume.VARIABLE, text)
    assert resume.every().due is due


@pytest.mark.parametrize("text", ["often", "-1", "nan", ""])
def test_an_interval_that_is_no_time_is_one_clear_line(monkeypatch, text):
    monkeypatch.setenv(resume.VARIABLE, text)
    with pytest.raises(StudyError) as caught:
        resume.every()
    assert str(caught.value) == (f"environment: PINNSCAPE_SAVE_SECONDS must be a number of seconds, at least 0; got {text!r}")


def test_kept_files_lie_beside_the_output_under_names_with_a_dot(tmp_path):
    assert resume.restart(str(tmp_path / "training.nc"), {}).path == tmp_path / ".training-state.nc"
    resume_parts = resume.finished(str(tmp_path / "curves.nc"), {})
    (tmp_path / ".curves").mkdir()
    resume_parts.delete()
    assert os.listdir(tmp_path) == []
