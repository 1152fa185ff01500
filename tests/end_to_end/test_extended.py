"""The extended study: every technique runs, and each runs again alone."""

import re

import describe
import numpy as np
import pandas as pd
import pytest
from end_to_end.test_results import NUMBER
from end_to_end.workspace import APPLICABLE, Job, Workspace
from file_cases import assert_combined, assert_described, combined

from pinnscape.files import store

pytestmark = [pytest.mark.xdist_group("extended"), pytest.mark.slow]  # one process runs them all: they share one finished study

CASE = "neo_hookean2d"
TABLES = {("collect_metrics",), ("judge_claims",), ("figure_claims",)}
PAGE = {("figure_overview", CASE)}  # shows every technique
UNDRAWN = {
    (f"figure_{name}", CASE) for name in ("solutions", "training_curves", "lines", "planes", "planes3d", "cross", "trajectory")
}


def technique(*names: str) -> set[tuple[str, ...]]:
    return {(f"{kind}_{name}", CASE) for name in names for kind in ("measure", "figure")}


def planned(extended: Workspace) -> set[Job]:
    """What would run now, without the figures that the tests of another study look at."""
    found = extended.planned()
    assert found >= UNDRAWN
    return found - UNDRAWN


def test_after_a_run_nothing_is_left_to_do(extended: Workspace) -> None:
    assert planned(extended) == set()


@pytest.mark.parametrize("name", APPLICABLE)
def test_a_technique_leaves_its_file_and_figure(extended: Workspace, name: str) -> None:
    data = store.read(extended.root / f"results/{CASE}/{name}.nc", name)
    assert (data.attrs["case"], data.attrs["trained_on"], data.attrs["seed"]) == (CASE, "all", -1)
    assert list(data["trained_on"].values) == ["deep-ritz", "strong-form"]
    assert name in store.configuration(data)
    assert_described(data, describe.files()[f"{name}.nc"])
    numbers = [v.values for v in data.data_vars.values() if v.dtype.kind == "f" and v.size]
    assert any(np.isfinite(values).any() for values in numbers)
    for kind in ("png", "pdf"):
        assert (extended.root / f"results/figures/{name}-{CASE}.{kind}").stat().st_size > 3000


def test_every_number_of_the_table_is_described(extended: Workspace) -> None:
    def without_brackets(names) -> set[str]:
        return {re.sub(r"\[.*", "", name) for name in names}

    found = without_brackets(pd.read_csv(extended.root / "results/tables/metrics.csv")["metric"])
    described = {technique: without_brackets(own) for technique, own in describe.described_metrics().items()}
    assert found <= set().union(*described.values())
    # Bounds and estimates are only there where something is withheld, kernels of terms only where a loss has several terms.
    wanted = re.compile(r".*(?<!_at_least)(?<!_at_most)(?<!_estimate)(?<!share_error)(?<!_bound)(?<!^kernel_trace)")
    for technique, names in described.items():
        if technique in APPLICABLE:
            assert {name for name in names if wanted.fullmatch(name)} <= found, technique


RUNS = (
    "checkpoints",
    "training",
    "solution",
    "directions-random",
    "directions-trajectory",
    "directions-lines",
    "surface-random",
)
RUNS += ("surface-trajectory", "surface-lines", "hessian-init", "hessian-final")


@pytest.mark.parametrize("name", RUNS)
def test_the_files_of_all_runs_combine(extended: Workspace, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder, losses = extended.root / "results" / CASE, ("deep-ritz", "strong-form")
    paths = [[folder / loss / f"seed-{seed}" / f"{name}.nc" for seed in (0, 1)] for loss in losses]
    found = combined(monkeypatch, paths, concat_dim=["trained_on", "seed"])
    assert found["trained_on"].values.tolist() == list(losses)
    assert found["seed"].values.tolist() == [0, 1]
    for loss, row in zip(losses, paths, strict=True):
        for seed, path in enumerate(row):
            assert_combined(found.sel(trained_on=loss, seed=seed), path)


def test_metrics_and_claims_know_the_techniques(extended: Workspace) -> None:
    metrics = pd.read_csv(extended.root / "results/tables/metrics.csv")
    assert not metrics.duplicated(NUMBER).any()
    found = set(metrics["metric"])
    expected = {"monotone_violation", "barrier", "gradient_share", "gd_edge", "sam_sharpness", "basin_radius_median"}
    expected |= {"goldilocks_ratio", "map_convex_share", "zoom_convex_share", "intrinsic_dimension", "learning_coefficient"}
    expected |= {"remainder_share", "refined_gap", "gap_ratio", "cosine_median", "rule_deviation", "smad", "path_length"}
    expected |= {"plane_pass", "critical_share"}
    assert expected <= found
    claims = pd.read_csv(extended.root / "results/tables/claims.csv")
    expected = {"monotone interpolation", "connected minima", "gradient in a tiny subspace", "small intrinsic dimension"}
    assert expected <= set(claims["claim"])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"techniques": {"interpolation": {"points": 7}}}, technique("interpolation") | TABLES | PAGE),
        ({"directions": {"lines": 4}}, None),
        ({"extended": False}, TABLES | PAGE),
        (
            {"study": {"seeds": [0]}},
            technique(*APPLICABLE) | {("figure_spectra", CASE)} | TABLES | PAGE,
        ),
        ({"techniques": {"without": ["zoom"]}}, TABLES | PAGE),
        ({"claims": {"data_driven": {"bulk": 0.5}}}, {("judge_claims",), ("figure_claims",)}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",  # sets have no order: processes must agree on names
)
def test_a_setting_reruns_the_techniques_that_depend_on_it(extended: Workspace, settings: dict, expected: set | None) -> None:
    with extended.with_settings(settings):
        found = planned(extended)
    if expected is None:
        assert {job[0] for job in found if job[0].startswith("measure_")} == {"measure_topology"}  # alone reads surfaces
    else:
        assert found == expected


def test_a_technique_runs_again_alone_when_its_module_changes(extended: Workspace) -> None:
    with extended.edited("workflow/pinnscape/curvature/goldilocks.py", append="\n# a remark\n"):
        assert planned(extended) == technique("goldilocks") | TABLES | PAGE
    with extended.edited("workflow/pinnscape/figures/goldilocks.py", append="\n# a remark\n"):
        assert planned(extended) == {("figure_goldilocks", CASE)}
