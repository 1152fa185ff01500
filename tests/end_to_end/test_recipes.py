"""The recipes of docs/, followed to the letter in a copy of the project: what they add works."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import recipes
from end_to_end.test_reruns import ALL_FIGURES, CASES, TABLES, figures
from end_to_end.workspace import PROJECT, Workspace

from pinnscape.files import store

pytestmark = pytest.mark.xdist_group("workflow")  # one process runs them all: they share one finished study


def python(workspace: Workspace, *arguments: str) -> None:
    """A Python in the copy; it must succeed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=workspace.root, env=workspace.environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_technique_is_added(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for part in ("tests", "docs"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("CHANGELOG.md", "README.md", "Makefile", "CITATION.cff"):
        shutil.copy2(PROJECT / part, tmp_path)
    touched = recipes.follow("techniques", "Add a technique", tmp_path)
    assert len(touched) <= 5
    # What it adds is as tidy as the rest, and the tests of all techniques hold for it too.
    for checks in (["check"], ["format", "--check"]):
        python(workspace, "-m", "ruff", *checks, *[path for path in touched if path.endswith(".py")])
    small = workspace.settings
    python(workspace, "workflow/configure.py")  # writes the settings of the default study
    workspace.config(small)
    python(workspace, "tests/benchmarks/technique_tables.py", "--write")
    described = "tests/project/test_docs.py::test_every_technique_is_described_by_what_it_says_of_itself"
    files = [
        "tests/techniques/test_displacement.py",
        "tests/techniques/test_techniques.py",
        "tests/techniques/test_captions.py",
        described,
    ]
    python(workspace, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *files)

    with workspace.with_settings({"cases": {"poisson1d": small["cases"]["poisson1d"]}, "grid": {"planes": ["random"]}}):
        figure = "results/figures/displacement-poisson1d"
        workspace.run(f"{figure}.png", "results/tables/metrics.csv", "--config", "techniques={displacement: {order: 1}}")
    found = store.read(tmp_path / "results/poisson1d/displacement.nc", "displacement")
    assert store.configuration(found)["displacement"] == {"order": 1.0}
    checkpoints = store.read(tmp_path / "results/poisson1d/deep-ritz/seed-0/checkpoints.nc", "checkpoints")
    moved = np.abs(checkpoints["theta"].sel(checkpoint="final") - checkpoints["theta"].sel(checkpoint="init")).sum()
    own = found["displacement"].sel(trained_on="deep-ritz", seed=0)
    np.testing.assert_allclose(own.sum(), moved, rtol=1e-12)
    rows = pd.read_csv(tmp_path / "results/tables/metrics.csv").query("metric.str.startswith('displacement')")
    assert len(rows) == found["displacement"].size
    for kind in ("pdf", "png"):
        assert (tmp_path / f"{figure}.{kind}").stat().st_size > 1000


def test_a_technique_that_is_added_runs_again_nothing_but_what_shows_it(study: Workspace) -> None:
    shutil.copy2(PROJECT / "CHANGELOG.md", study.root)
    with recipes.followed("techniques", "Add a technique", study.root):
        own = {(f"{kind}_displacement", case) for kind in ("measure", "figure") for case in CASES}
        assert study.planned() == own | TABLES | figures("overview")
    assert study.planned() == set()


def test_a_problem_that_is_added_runs_again_nothing_but_the_tables(study: Workspace) -> None:
    """A file anywhere and a case; no file of the project is touched."""
    with recipes.followed("problems", "Add a problem", study.root) as touched:
        assert touched == {"my_problems/mine.py", "config.yaml"}
        planned = study.planned()
    assert {job for job in planned if "mine" not in job} == TABLES
    assert {job[0] for job in planned} >= {"check_problem", "train_network"} | {job[0] for job in ALL_FIGURES}
    assert study.planned() == set()


def test_a_problem_that_is_added_to_the_library_runs_again_nothing_but_the_tables(study: Workspace) -> None:
    with recipes.followed("problems", "Add a problem to the library", study.root) as touched:
        assert touched == {
            "workflow/pinnscape/problems/equations/gelfand.py",
            "workflow/pinnscape/problems/registry.py",
        }
        assert study.planned() == set()
        with study.with_settings({"cases": study.settings["cases"] | {"gelfand2d": {}}}):
            planned = study.planned()
    assert {job for job in planned if "gelfand2d" not in job} == TABLES
    assert {job[0] for job in planned} >= {"check_problem", "train_network"} | {job[0] for job in ALL_FIGURES}
    assert study.planned() == set()


@pytest.mark.slow
def test_problems_that_were_added_are_studied(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.with_settings({"cases": {"gelfand2d": {}}, "grid": {"planes": ["random"]}}):
        recipes.follow("problems", "Add a problem", tmp_path)
        recipes.follow("problems", "Add a problem to the library", tmp_path)
        workspace.run(*[f"results/figures/planes-{case}.png" for case in ("gelfand2d", "mine")])
    for case in ("gelfand2d", "mine"):
        check = store.read(tmp_path / f"results/{case}/check.nc", "check")
        assert (check["deviation"] <= check["tolerance"]).all()
        training = store.read(tmp_path / f"results/{case}/strong-form/seed-0/training.nc", "train")
        assert training["loss"][-1] < training["loss"][0]
    assert training["term"].values.tolist() == ["interior", "initial", "periodic"]
    np.testing.assert_allclose(training["term_value"].sum("term"), training["loss"], rtol=1e-12)
