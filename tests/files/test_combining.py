"""Files of one kind from several problems combine by ``xarray.open_mfdataset``; those of runs are combined in end_to_end/."""

from functools import cache
from pathlib import Path

import pytest
from file_cases import assert_combined, combined
from runs_cases import run_of
from settings_cases import applied
from technique_cases import IN_PARTS, settings_of

from pinnscape.files import store
from pinnscape.losses.objective import Discretization
from pinnscape.networks.mlp import Network
from pinnscape.problems import quadrature
from pinnscape.problems.poisson import Poisson1d
from pinnscape.training.runs import Runs

WIDTHS = {"narrow": 3, "wide": 4}  # of the networks of two problems, which then differ in their numbers of parameters


@cache
def runs(problem: str) -> Runs:
    """Two runs of Poisson's equation."""
    discretized = Discretization(Poisson1d(), Network(1, 1, WIDTHS[problem], 2), quadrature.rule("gauss-legendre", 12, 1))
    return Runs(discretized, tuple(run_of(discretized, problem, "strong-form", seed, 4 + seed) for seed in (0, 1)))


@pytest.mark.parametrize("name", IN_PARTS)
def test_techniques_of_two_problems_combine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    about = {"trained_on": store.ALL, "seed": store.NO_SEED, "configuration": {}, "stage": name, "title": "x"}
    paths = {problem: tmp_path / f"{problem}.nc" for problem in WIDTHS}
    for problem, path in paths.items():
        store.write(path, applied(name, runs(problem), settings_of(name)), case=problem, **about)
    found = combined(monkeypatch, list(paths.values()), concat_dim="case")
    assert found["case"].values.tolist() == list(WIDTHS)
    for problem, path in paths.items():
        assert_combined(found.sel(case=problem), path)
