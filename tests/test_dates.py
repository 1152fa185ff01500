"""Dates of results when a clock was wrong: outputs older than their inputs, so that contents decide."""

import os
import re

import pytest
from end_to_end.workspace import PROJECT

from pinnscape import dates

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


@pytest.fixture
def results(tmp_path):
    for name in {name for pair in ORDER for name in pair}:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (NOW - 1e6, NOW - 1e6))
    return tmp_path


def test_only_what_is_dated_in_the_future_is_ahead(results):
    assert dates.ahead(results, NOW) == []
    assert dates.ahead(results / "missing", NOW) == []
    os.utime(results / RUN / "training.nc", (NOW, NOW + 5))  # clocks of two machines differ
    assert dates.ahead(results, NOW) == []
    os.utime(results / RUN / "training.nc", (NOW, NOW + 60))
    (results / "README.md").touch()
    os.utime(results / "README.md", (NOW, NOW + 60))
    assert dates.ahead(results, NOW) == [results / RUN / "training.nc"]


def test_new_dates_lie_in_the_past_and_each_file_is_older_than_what_it_is_made_from(results):
    os.utime(results / RUN / "training.nc", (NOW, NOW + 1e9))
    os.utime(results / "report.html", (NOW, 0))
    dates.leave_it_to_contents(results, NOW)
    assert dates.ahead(results, NOW - 20) == []
    for source, made in ORDER:
        assert (results / source).stat().st_mtime > (results / made).stat().st_mtime, made


def test_every_file_that_rules_make_has_a_stage():
    rules = "".join(path.read_text() for path in (PROJECT / "workflow/rules").glob("*.smk"))
    names = re.findall(r"[\w{}-]+\.(?:nc|csv|html|pdf|png)\b", rules)
    assert len(set(names)) > 10
    assert [name for name in names if dates.stage(name) == dates.stage("none")] == []
