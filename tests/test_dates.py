"""New dates of results: outputs older than their inputs where a record lets contents decide, younger where there is none."""

import os
import re
from pathlib import Path

import pytest
from end_to_end.workspace import PROJECT

from runtime import dates

NOW = 1_800_000_000.0
RUN = "poisson1d/deep-ritz/seed-0"
# What is made from what, as the rules have it.
ORDER = [
    (f"{RUN}/training.nc", f"{RUN}/checkpoints.nc"),
    (f"{RUN}/checkpoints.nc", f"{RUN}/hessian-init.nc"),
    (f"{RUN}/checkpoints.nc", f"{RUN}/directions-random.nc"),
    (f"{RUN}/hessian-final.nc", f"{RUN}/directions-hessian-top.nc"),
    (f"{RUN}/directions-hessian-top.nc", f"{RUN}/surface-hessian-top.nc"),
    (f"{RUN}/surface-random.nc", "poisson1d/topology.nc"),
    (f"{RUN}/checkpoints.nc", "poisson1d/barriers.nc"),
    ("poisson1d/topology.nc", "tables/metrics.csv"),
    ("tables/metrics.csv", "tables/claims.csv"),
    ("tables/claims.csv", "figures/claims.png"),
    (f"{RUN}/solution.nc", "figures/solutions-poisson1d.pdf"),
    ("figures/claims.png", "report.html"),
]


NAMES = sorted({name for pair in ORDER for name in pair})


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [*NAMES, "poisson1d/notes.txt", "old/training.nc", "train.tsv"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (NOW - 1e6, NOW - 1e6))
    return tmp_path


def test_only_what_is_dated_in_the_future_is_ahead(results):
    training = f"{RUN}/training.nc"
    assert dates.ahead(NAMES, NOW) == []
    assert dates.ahead(["missing.nc"], NOW) == []
    os.utime(training, (NOW, NOW + 5))  # clocks of two machines differ
    assert dates.ahead(NAMES, NOW) == []
    os.utime(training, (NOW, NOW + 60))
    assert dates.ahead(NAMES, NOW) == [Path(training)]


def test_with_a_record_each_file_becomes_older_than_what_it_is_made_from_and_without_one_younger(results):
    os.utime(f"{RUN}/training.nc", (NOW, NOW + 1e9))
    os.utime("report.html", (NOW, 0))
    for recorded in (NAMES, [], NAMES[::2], NAMES[1::2]):
        dates.renew([*NAMES, "missing.nc"], recorded, [Path("train.tsv")], NOW)
        assert dates.ahead(NAMES, NOW - 10) == []
        assert os.stat("train.tsv").st_mtime == NOW, "the oldest output of a job counts"
        for source, made in ORDER:
            younger = os.stat(made).st_mtime > os.stat(source).st_mtime
            assert younger == (made not in recorded), (source, made)
    assert {os.stat(name).st_mtime for name in ("poisson1d/notes.txt", "old/training.nc")} == {NOW - 1e6}, (
        "not a result of the study"
    )


def test_results_that_are_links_keep_their_dates(results):
    os.unlink("report.html")
    os.symlink("poisson1d/notes.txt", "report.html")
    os.utime("poisson1d/notes.txt", (NOW, NOW + 1e9))
    assert dates.ahead(["report.html"], NOW) == []
    dates.renew(["report.html"], [], now=NOW)
    assert os.stat("poisson1d/notes.txt").st_mtime == NOW + 1e9


def test_every_file_that_rules_make_has_a_stage():
    rules = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "workflow/rules").glob("*.smk"))
    names = re.findall(r"[\w{}-]+\.(?:nc|csv|html|pdf|png|zip)\b", rules)
    assert len(set(names)) > 10
    assert [name for name in names if dates.stage(name) == dates.stage("none")] == []
    order = [
        "check.nc",
        "training.nc",
        "checkpoints.nc",
        "directions-x.nc",
        "surface-x.nc",
        "x.nc",
        "metrics.csv",
        "claims.csv",
        "x.pdf",
    ]
    assert order == sorted(order, key=dates.stage)
