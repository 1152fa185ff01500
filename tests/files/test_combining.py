"""Files of one kind from several cases combine by ``xarray.open_mfdataset``; those of runs are combined in end_to_end/."""

from functools import cache
from pathlib import Path

import pytest
from file_cases import assert_combined, combined
from runs_cases import run_of, suited
from settings_cases import applied, model
from technique_cases import IN_PARTS, settings_of

from pinnscape.files import store
from pinnscape.losses.model import discretization
from pinnscape.training.runs import Runs

WIDTHS = {"narrow": 3, "wide": 4}  # of the networks of two cases, which then differ in their numbers of parameters


@cache
def runs(case: str) -> Runs:
    """Two runs of Poisson's equation."""
    discretized = discretization(model("poisson1d", WIDTHS[case], points=12))
    return Runs(discretized, tuple(run_of(discretized, case, "strong-form", seed, 4 + seed) for seed in (0, 1)))


@pytest.mark.parametrize("name", IN_PARTS)
def test_techniques_of_two_cases_combine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    about = {"trained_on": store.ALL, "seed": store.NO_SEED, "configuration": {}, "stage": name, "title": "x"}
    paths = {case: tmp_path / f"{case}.nc" for case in WIDTHS}
    for case, path in paths.items():
        store.write(path, applied(name, suited(name, runs(case)), settings_of(name)), case=case, **about)
    found = combined(monkeypatch, list(paths.values()), concat_dim="case")
    assert found["case"].values.tolist() == list(WIDTHS)
    for case, path in paths.items():
        assert_combined(found.sel(case=case), path)
