"""What a study leaves: complete, and what the files say they are."""

import re
import subprocess
import sys
from pathlib import Path

import describe
import pandas as pd
import pytest
import yaml
from end_to_end.workspace import PROJECT, Workspace
from file_cases import assert_combined, assert_described, combined

from pinnscape.files import store
from pinnscape.techniques.catalog import TECHNIQUES

pytestmark = pytest.mark.xdist_group("workflow")  # one process runs them all: they share one finished study

NUMBER = [
    "case",
    "trained_on",
    "seed",
    "checkpoint",
    "metric",
    "loss",
    "variant",
]  # columns that tell numbers of metrics.csv apart
STAGES = {"training": "train", "solution": "train", "checkpoints": "checkpoints", "directions": "directions"}
STAGES |= {"surface": "surfaces", "hessian": "hessian"}


def described(path: Path):
    """The description of the file of a run, the narrowest that fits its name."""
    patterns = {name: re.sub(r"\\\{\w+\\\}", "[a-z-]+", re.escape(name)) for name in describe.files()}
    fitting = [name for name, pattern in patterns.items() if re.fullmatch(pattern, path.name)]
    return describe.files()[min(fitting, key=lambda name: "{" in name)]


def test_every_file_says_what_its_path_says(study: Workspace) -> None:
    for case in list(study.settings["cases"]):
        checks = store.read(study.root / f"results/{case}/check.nc", "check")
        assert_described(checks, describe.files()["check.nc"])
        found = checks.attrs
        assert (found["case"], found["trained_on"], found["seed"]) == (case, "all", -1)
    for path in (study.root / "results").rglob("seed-*/*.nc"):
        case, loss, seed = path.relative_to(study.root / "results").parts[:3]
        kind = path.stem.split("-")[0]
        dataset = store.read(path, STAGES[kind])
        assert_described(dataset, described(path))
        assert (dataset.attrs["case"], dataset.attrs["trained_on"], f"seed-{dataset.attrs['seed']}") == (
            case,
            loss,
            seed,
        )
        if kind in ("surface", "directions"):
            assert f"{kind}-{dataset.attrs['kind']}" == path.stem
        if kind == "hessian":
            assert f"hessian-{dataset.attrs['checkpoint']}" == path.stem


@pytest.mark.parametrize(
    "name",
    ["checkpoints", "training", "solution", "directions-random", "surface-lines", "surface-hessian-top", "hessian-final"],
)
def test_the_files_of_several_cases_combine(study: Workspace, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    cases = list(study.settings["cases"])
    paths = {case: study.root / f"results/{case}/strong-form/seed-0/{name}.nc" for case in cases}
    found = combined(monkeypatch, list(paths.values()), concat_dim="case")
    assert found["case"].values.tolist() == cases
    for case, path in paths.items():
        own = found.sel(case=case)
        assert_combined(own.isel(y=0) if name == "solution" and case == "poisson1d" else own, path)


def test_the_checks_of_several_cases_combine(study: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = list(study.settings["cases"])
    paths = {case: study.root / f"results/{case}/check.nc" for case in cases}
    found = combined(monkeypatch, list(paths.values()), concat_dim="case")
    for case, path in paths.items():
        assert_combined(found.sel(case=case), path)


def test_stored_configurations_hold_the_settings_that_made_the_file(study: Workspace) -> None:
    run = study.root / "results/poisson1d/deep-ritz/seed-0"
    settings = store.configuration(store.read(run / "surface-random.nc", "surfaces"))
    assert settings["grid"] == {"points": 7, "radius": 1.0, "tolerance": 1e-3}
    assert settings["model"]["network"]["width"] == 4
    assert settings["training"]["phases"][0]["steps"] == 15
    assert settings["checkpoints"] == {"middle": 0.1}


def test_no_file_holds_a_time_a_host_or_a_path(study: Workspace) -> None:
    for path in (study.root / "results").rglob("*.nc"):
        with store.xr.open_dataset(path) as dataset:
            text = " ".join(str(value) for value in dataset.attrs.values())
        assert not re.search(r"\d{4}-\d{2}-\d{2}|\d{2}:\d{2}:\d{2}", text)
        assert str(study.root) not in text


def test_tables_cover_every_run(study: Workspace) -> None:
    metrics = pd.read_csv(study.root / "results/tables/metrics.csv")
    assert list(metrics.columns) == [*NUMBER, "value", "sweep", "swept"]
    assert set(map(tuple, metrics[["case", "trained_on"]].drop_duplicates().to_numpy())) == {
        (p, f) for p in ("poisson1d", "neo_hookean2d") for f in ("deep-ritz", "strong-form")
    }
    assert not metrics.duplicated(NUMBER).any()
    claims = pd.read_csv(study.root / "results/tables/claims.csv")
    expected = {"smooth", "well conditioned", "convex near the solution", "alike"}
    assert set(claims["claim"]) == expected | {"bulk and outliers", "low-dimensional training"}
    assert set(claims["verdict"]) <= {"holds", "does not hold", "mixed", "not measured"}


def test_the_report_is_one_page_with_every_figure(study: Workspace) -> None:
    said = study.run("--report", "results/report.html", "--report-after-run")  # as `make report`
    page = (study.root / "results/report.html").read_text(encoding="utf-8")
    for figure in ("solutions", "spectra", "claims"):
        assert figure in page
    for words in ("System Message", "system-message", "Undefined substitution"):  # of Docutils, about captions
        assert words not in page + said
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']https?://", page)


def test_conda_users_get_the_same_pins() -> None:
    lines = (PROJECT / "envs/requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    conda = yaml.safe_load((PROJECT / "envs/environment.yaml").read_text())["dependencies"]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    assert next(entry["pip"] for entry in conda if isinstance(entry, dict)) == pins


def test_figures_start_without_torch() -> None:
    scripts = sorted((PROJECT / "workflow/scripts").glob("figure_*.py"))
    assert len(scripts) == 14
    figures = [f"__import__('pinnscape.figures.{name}')\n" for name in TECHNIQUES]
    code = (
        "import sys, runpy\n"
        + "".join([*[f"runpy.run_path({str(path)!r})\n" for path in scripts], *figures])
        + "assert 'torch' not in sys.modules"
    )
    paths = f"import sys; sys.path.insert(0, {str(PROJECT / 'workflow')!r})\n"
    subprocess.run([sys.executable, "-c", paths + code], check=True, cwd=PROJECT)
