"""Files into keys, and every script from its files to its figure."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from figures import synthetic
from matplotlib.figure import Figure

from pinnscape.common.errors import StorageError
from pinnscape.figures import inputs, style, sweep
from pinnscape.techniques.catalog import TECHNIQUES

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
REPORT = Path(__file__).parents[2] / "workflow" / "report"
NAMES = sorted(path.stem for path in SCRIPTS.glob("figure_*.py") if path.stem != "figure_technique")


def _write(folder, dataset):
    folder.mkdir(parents=True, exist_ok=True)
    return synthetic.save(folder / f"{len(list(folder.iterdir()))}.nc", dataset)


def test_runs_are_sorted_by_formulation_and_seed(tmp_path):
    keys = [("supervised", 0), ("strong-form", 1), ("strong-form", 0), ("deep-ritz", 2)]
    paths = [_write(tmp_path, synthetic.solution(formulation=f, seed=s, points=5)) for f, s in keys]
    found = inputs.by_run(paths, "train")
    assert list(found) == [("deep-ritz", 2), ("strong-form", 0), ("strong-form", 1), ("supervised", 0)]
    assert found["strong-form", 1].attrs["seed"] == 1


def test_checkpoints_keep_their_order(tmp_path):
    paths = [_write(tmp_path, synthetic.hessian(checkpoint=name)) for name in ("init", "middle", "final")]
    assert list(inputs.by_checkpoint(paths)) == [("deep-ritz", 0, name) for name in ("init", "middle", "final")]


def test_one_path_is_a_list_of_one(tmp_path):
    path = _write(tmp_path, synthetic.surface(points=5))
    assert list(inputs.by_formulation(path, "surfaces")) == ["deep-ritz"]


def test_two_files_of_one_run_are_refused(tmp_path):
    paths = [_write(tmp_path, synthetic.surface(points=5)) for _ in range(2)]
    with pytest.raises(StorageError, match=r"1\.nc and .*0\.nc: both are of deep-ritz"):
        inputs.by_formulation(paths, "surfaces")


def test_no_files_and_files_of_another_rule_are_refused(tmp_path):
    with pytest.raises(StorageError, match="no files of rule `surfaces`"):
        inputs.by_formulation([], "surfaces")
    with pytest.raises(StorageError, match="comes from rule `surfaces`"):
        inputs.by_run([_write(tmp_path, synthetic.surface(points=5))], "train")


def test_a_missing_attribute_is_named(tmp_path):
    data = synthetic.hessian()
    del data.attrs["checkpoint"]
    with pytest.raises(StorageError, match="lacks the attribute 'checkpoint'"):
        inputs.by_checkpoint([_write(tmp_path, data)])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths by the names under which the scripts get them, for one problem."""
    root, problem, names = tmp_path_factory.mktemp("files"), "neo_hookean2d", synthetic.FORMULATIONS[:2]

    def surfaces(plane):
        return [_write(root / plane, synthetic.surface(plane, problem, f, 9)) for f in names]

    table, numbers = root / "claims.csv", root / "metrics.csv"
    synthetic.claims().to_csv(table, index=False)
    row = ("neo_hookean2d", "strong-form", 0, "final", "l2_error", "", "", 0.1)
    pd.DataFrame([row], columns=sweep.COLUMNS).to_csv(numbers, index=False)
    return {
        "solutions": [_write(root / "solution", synthetic.solution(problem, f, s, 9)) for f in names for s in (0, 1)],
        "trainings": [_write(root / "training", synthetic.training(problem, f, s)) for f in names for s in (0, 1)],
        "lines": [_write(root / "lines", synthetic.lines(problem, f, 3, 11)) for f in names],
        "surfaces": surfaces("trajectory"),  # a plane like any other, with more in it
        "tops": surfaces("hessian-top"),
        "extremes": surfaces("hessian-extreme"),
        "hessians": [
            _write(root / "hessian", synthetic.hessian(problem, f, 0, c)) for f in names for c in synthetic.CHECKPOINTS
        ],
        "claims": str(table),
        "metrics": str(numbers),
    }


PARAMS = {"seed": 0, "dpi": 77, "sweep": "beta", "setting": "parameters.beta", "cases": [(1.0, "neo_hookean2d")]}


@pytest.fixture(scope="module")
def files_of(files, tmp_path_factory):
    """The same for each script; the terms of a loss need a case that has several."""
    root = tmp_path_factory.mktemp("terms")
    losses = synthetic.case("convection").losses
    spectra = [synthetic.with_terms(synthetic.hessian("convection", f)) for f in losses]
    terms = {
        "surfaces": [_write(root / "surface", synthetic.surface("random", "convection", f, 9)) for f in losses],
        "hessians": [_write(root / "hessian", data) for data in spectra],
    }
    return {"figure_terms": files | terms}


def test_surfaces_of_several_cases_are_keyed_by_case_and_formulation(tmp_path):
    keys = [("beta-30", "supervised"), ("beta-1", "strong-form"), ("beta-30", "strong-form")]
    paths = [_write(tmp_path, synthetic.surface("random", case, f, 5).assign_attrs(case=case)) for case, f in keys]
    found = inputs.by_case(paths, "surfaces")
    assert {case: list(files) for case, files in found.items()} == {
        "beta-1": ["strong-form"],
        "beta-30": ["strong-form", "supervised"],
    }


def test_terms_are_drawn_without_hessians(files_of, monkeypatch):
    saved = []
    monkeypatch.setattr(style, "save", lambda *arguments: saved.append(arguments))
    given = SimpleNamespace(surfaces=files_of["figure_terms"]["surfaces"])
    importlib.import_module("figure_terms").main(given, SimpleNamespace(pdf="a", png="b"), SimpleNamespace(dpi=77))
    assert len(saved) == 1


@pytest.mark.parametrize("name", NAMES)
def test_scripts_turn_their_files_into_a_saved_figure(name, files, files_of, monkeypatch, tmp_path):
    script, saved = importlib.import_module(name), []
    monkeypatch.setattr(style, "save", lambda *arguments: saved.append(arguments))
    output = SimpleNamespace(pdf=tmp_path / "a.pdf", png=tmp_path / "a.png")
    script.main(SimpleNamespace(**files_of.get(name, files)), output, SimpleNamespace(**PARAMS))
    (figure, pdf, png, dpi) = saved[0]
    assert isinstance(figure, Figure)
    assert figure.axes
    assert (pdf, png, dpi) == (output.pdf, output.png, 77)


def test_every_figure_has_a_script_and_a_caption():
    figures = {"solutions", "training_curves", "lines", "planes", "planes3d", "trajectory", "hessian_planes", "spectra"}
    figures |= {"cross", "claims", "overview", "terms", "sweep"}
    assert {name.removeprefix("figure_") for name in NAMES} == figures
    assert not figures & set(TECHNIQUES)
    for name in [*figures, "metrics", "claims_table", "technique"]:
        assert (REPORT / f"{name}.rst").read_text().strip()
