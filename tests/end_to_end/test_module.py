"""The workflow as a module of somebody else's Snakefile, as docs/library.md shows it."""

import os
import re
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
import yaml
from end_to_end.faults import message
from end_to_end.workspace import PROJECT, Workspace, merged

pytestmark = pytest.mark.xdist_group("module")  # one process runs them all: they share what a fixture makes

PROFILE = ["--workflow-profile", "pinnscape/profiles/default"]
SMALL = {
    "study": {"losses": ["deep-ritz"]},
    "cases": {"poisson1d": {"quadrature": {"points": 12}}},
    "grid": {"planes": ["random"]},
}


class Theirs:
    """A folder with a Snakefile of its own, and a clone of the project in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "pinnscape").mkdir()
        clone = Workspace(root / "pinnscape")
        self.settings = merged(clone.settings, SMALL) | {"hessian": clone.settings["hessian"] | {"checkpoints": ["final"]}}
        (clone.root / "config.yaml").write_text("nobody: reads this\n", encoding="utf-8")
        (root / "config.yaml").write_text("nor: that\n", encoding="utf-8")
        page = (PROJECT / "docs/library.md").read_text(encoding="utf-8")
        (snakefile,) = re.findall(r"(?ms)^```python\n(configfile: .*?)^```$", page)
        (root / "Snakefile").write_text(snakefile, encoding="utf-8")
        # A library of the same name in the environment, which must not be the one that runs.
        (root / "elsewhere/pinnscape").mkdir(parents=True)
        (root / "elsewhere/pinnscape/__init__.py").write_text("raise ImportError('not this one')\n", encoding="utf-8")
        self.configure(self.settings)

    def configure(self, settings: dict) -> None:
        (self.root / "study.yaml").write_text(yaml.safe_dump({"landscapes": settings, "own": 1}), encoding="utf-8")

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.root / "elsewhere")}
        command = [sys.executable, "-m", "snakemake", *PROFILE, *arguments]
        return subprocess.run(
            command, cwd=self.root, env=environment, check=False, capture_output=True, encoding="utf-8", timeout=500
        )


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    made = Theirs(tmp_path_factory.mktemp("theirs"))
    done = made.snakemake("-c2")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.mark.slow
def test_a_study_runs_within_another_workflow(theirs: Theirs) -> None:
    found = pd.read_csv(theirs.root / "convex.csv")
    assert set(found["claim"]) == {"convex near the solution"}
    assert set(found["case"]) == {"poisson1d"}
    assert not (theirs.root / "results").exists()
    assert (theirs.root / "landscapes/results/logs/train/poisson1d/deep-ritz/seed-0.log").is_file()
    assert not list((theirs.root / "pinnscape/results").rglob("*.nc"))
    again = theirs.snakemake("-n")
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.slow
def test_what_runs_again_there_is_what_depends_on_the_change(theirs: Theirs) -> None:
    theirs.configure(merged(theirs.settings, {"claims": {"smooth": {"variation": 1.5}}}))
    done = theirs.snakemake("-n", "landscapes_all", "landscapes_archive")
    theirs.configure(theirs.settings)
    assert done.returncode == 0, done.stdout + done.stderr
    planned = dict(re.findall(r"(?m)^(\w+) +(\d+)$", done.stdout + done.stderr))
    assert not {"landscapes_train_network", "landscapes_collect_metrics"} & set(planned)
    assert planned["landscapes_judge_claims"] == planned["landscapes_write_archive"] == "1"


@pytest.mark.slow
def test_a_setting_of_the_module_is_refused_in_one_line(theirs: Theirs) -> None:
    theirs.configure(merged(theirs.settings, {"network": {"widht": 3}}))
    done = theirs.snakemake("-n")
    theirs.configure(theirs.settings)
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert line.startswith("pinnscape: config of module landscapes: network.widht: unknown key; did you mean width?")


@pytest.mark.slow
def test_the_checks_of_the_module_stop_a_run(theirs: Theirs) -> None:
    table = theirs.root / "landscapes/results/tables/claims.csv"
    now = table.stat().st_mtime
    os.utime(table, (now + 1e6, now + 1e6))
    done = theirs.snakemake("-c1", "--forcerun", "convex")
    os.utime(table, (now, now))
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert line.startswith("pinnscape: landscapes/results/tables/claims.csv has a modification time in the future")


@pytest.mark.slow
def test_one_report_shows_what_both_have_made(theirs: Theirs) -> None:
    done = theirs.snakemake("--report", "report.html", "landscapes_tables")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (theirs.root / "report.html").read_text(encoding="utf-8")
    assert "landscapes/results/tables/claims.csv" in page
    assert "system-message" not in page + done.stderr


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_snakefile_from_the_network_is_refused_in_one_line(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(PROJECT))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        text = f'module theirs:\n    snakefile:\n        "{address}/Snakefile"\n\n\nuse rule * from theirs as theirs_*\n'
        (tmp_path / "Snakefile").write_text(text, encoding="utf-8")
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "snakemake", "-n"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, encoding="utf-8")
        server.shutdown()
    assert done.returncode == 1
    (line,) = message(done.stdout + done.stderr)
    assert (
        line
        == f"pinnscape: {address}/workflow/rules: the workflow requires the files in the folder of its Snakefile; clone the project, and set `snakefile:` to a path in the clone"
    )
