"""A study of cases that differ in their losses: each technique runs where a case has what it needs, and what is left out has its reason."""

import re
import shutil
from pathlib import Path

import describe
import numpy as np
import pandas as pd
import pytest
from end_to_end.test_results import NUMBER, described
from end_to_end.workspace import PROJECT, Workspace
from file_cases import assert_described

from pinnscape.files import store
from pinnscape.techniques.catalog import TECHNIQUES

pytestmark = [pytest.mark.xdist_group("losses"), pytest.mark.slow]  # one process runs them all: they share one finished study

# Transport with soft conditions, of which no solution is known; a module beside the file has its initial values.
TRANSPORT = """
from initial_values import wave

from pinnscape.problems.language import Initial, Parameter, Periodic, Problem, SpaceTime, pi


class Transport(Problem):
    domain = SpaceTime(x=(0, 2 * pi), t=(0, 1))
    beta = Parameter(30.0, text="speed of transport")

    def conditions(self):
        return Initial(lambda p: wave(p.x), enforce="soft", weight=10.0), Periodic("x", enforce="soft")

    def residual(self, p, u):
        return u.t + self.beta * u.x
"""
BESIDE = "from pinnscape.problems.language import sin\n\n\ndef wave(x):\n    return sin(x)\n"
BOTH, RESIDUAL = ("deep-ritz", "strong-form"), ("strong-form",)
LOSSES = {"transport": RESIDUAL, "burgers": RESIDUAL, "l_shape": BOTH, "beta-1": RESIDUAL}
LIKENESS, SOLUTION = "needs the losses deep-ritz and strong-form", "needs an exact solution or a reference"
BY_RULES = {"noise": "needs random points, quadrature.rule: sobol, latin-hypercube, monte-carlo"}
LEFT_OUT = BY_RULES | dict.fromkeys(("three_points", "formulations"), LIKENESS)
UNKNOWN = LEFT_OUT | {"intrinsic_dimension": SOLUTION}
REASONS = {"transport": UNKNOWN, "beta-1": UNKNOWN, "burgers": LEFT_OUT, "l_shape": BY_RULES}
RUN_FILES = ("training", "solution", "checkpoints", "directions-random", "directions-trajectory", "directions-lines")
RUN_FILES += ("surface-random", "surface-trajectory", "surface-lines", "hessian-init", "hessian-middle", "hessian-final")
FIGURES = ["solutions-burgers", "training_curves-transport", "terms-transport", "overview-l_shape", "sweep-beta", "claims"]
TARGETS = ["tables", *(f"results/figures/{name}.png" for name in FIGURES)]
FROM_TABLES = {("collect_metrics",), ("judge_claims",), ("figure_claims",), ("figure_sweep", "beta")}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The finished study."""
    folder = tmp_path_factory.mktemp("losses")
    (folder / "own").mkdir()
    (folder / "own/transport.py").write_text(TRANSPORT, encoding="utf-8")
    (folder / "own/initial_values.py").write_text(BESIDE, encoding="utf-8")
    (folder / "study").mkdir()
    workspace = Workspace(folder / "study", "tiny_techniques.yaml", "tiny_losses.yaml")
    workspace.run(*TARGETS)
    return workspace


def results(other: Workspace) -> dict[str, set[str]]:
    """Paths of the NetCDF files of each case, relative to its folder."""
    folder = other.root / "results"
    return {case: {str(path.relative_to(folder / case)) for path in (folder / case).rglob("*.nc")} for case in LOSSES}


# ---- what is there ----


def test_each_case_has_the_files_of_its_losses_and_techniques_and_no_others(other: Workspace) -> None:
    found = results(other)
    for case, losses in LOSSES.items():
        expected = {"check.nc"} | {f"{name}.nc" for name in TECHNIQUES if name not in REASONS[case]}
        expected |= {f"{loss}/seed-0/{name}.nc" for loss in losses for name in RUN_FILES}
        assert found[case] - {"reference.nc"} == expected, case
    assert [case for case in found if "reference.nc" in found[case]] == ["burgers"]
    assert not list((other.root / "results").glob("beta-2*")), "transport has this value itself"


@pytest.mark.parametrize("case", LOSSES)
def test_every_file_of_a_case_is_described(other: Workspace, case: str) -> None:
    folder = other.root / "results" / case
    for path in sorted(folder.glob("*/seed-0/*.nc")):
        stage = {"surface": "surfaces", "training": "train", "solution": "train"}.get(kind := path.stem.split("-")[0], kind)
        dataset = store.read(path, stage)
        if kind != "solution":  # its dimensions are the variables of the problem
            assert_described(dataset, described(path))
        assert (dataset.attrs["case"], dataset.attrs["trained_on"], dataset.attrs["seed"]) == (case, path.parts[-3], 0)
    for path in sorted(folder.glob("*.nc")):
        dataset = store.read(path, path.stem)
        if path.stem != "reference":  # its variables are the components of the problem
            assert_described(dataset, describe.files()[path.name])
        if path.stem in TECHNIQUES:
            assert dataset["trained_on"].values.tolist() == list(LOSSES[case])
            numbers = [values.values for values in dataset.data_vars.values() if values.dtype.kind == "f" and values.size]
            between = path.stem in ("barriers", "curves")  # of which there is one seed
            assert between or any(np.isfinite(values).any() for values in numbers), path


def test_checks_found_nothing(other: Workspace) -> None:
    for case in LOSSES:
        check = store.read(other.root / f"results/{case}/check.nc", "check")
        assert (check["deviation"] <= check["tolerance"]).all()


def test_the_terms_of_a_loss_are_everywhere(other: Workspace) -> None:
    run = other.root / "results/transport/strong-form/seed-0"
    names = ["interior", "initial", "periodic"]
    training = store.read(run / "training.nc", "train")
    assert training["term"].values.tolist() == names
    np.testing.assert_allclose(training["term_value"].sum("term"), training["loss"], rtol=1e-12)
    surface = store.read(run / "surface-random.nc", "surfaces")
    assert (training["weight"].isel(step=-1) != 1.0).any()
    at_origin = surface["value_at_origin"].sel(loss="strong-form")
    np.testing.assert_allclose(at_origin, training["loss"].isel(step=-1), rtol=1e-9, err_msg="with the weights at the end")
    assert surface["term"].values.tolist() == [f"strong-form/{name}" for name in names]
    total, whole = surface["term_value_at_origin"].sum(), surface["value_at_origin"].sel(loss="strong-form")
    np.testing.assert_allclose(total, whole, rtol=1e-12)
    assert set(surface["loss"].values) == {"strong-form"}
    hessian = store.read(run / "hessian-final.nc", "hessian")
    assert {f"strong-form/{name}" for name in names} <= {str(term) for term in hessian["term"].values}
    assert "term" not in store.read(other.root / "results/l_shape/strong-form/seed-0/surface-random.nc", "surfaces").dims


def test_errors_are_relative_to_what_is_known(other: Workspace) -> None:
    def final(case: str) -> pd.Series:
        training = store.read(other.root / f"results/{case}/strong-form/seed-0/training.nc", "train")
        return training[["l2_error", "h1_error"]].isel(step=-1).to_pandas()

    assert np.isfinite(final("burgers")["l2_error"])
    assert np.isnan(final("burgers")["h1_error"]), "the reference has no derivatives"
    assert final("transport").isna().all()
    assert np.isfinite(final("l_shape")).all()
    reference = store.read(other.root / "results/burgers/reference.nc", "reference")
    assert 0.0 < reference.attrs["error_estimate"] < 1e-6
    solution = store.read(other.root / "results/l_shape/strong-form/seed-0/solution.nc", "train")
    outside = (solution["x"] > 0) & (solution["y"] < 0)
    assert np.isnan(solution["u"].where(outside, drop=True)).all()
    assert np.isfinite(solution["u"].where(solution["x"] < -0.1, drop=True)).all()
    solution = store.read(other.root / "results/burgers/strong-form/seed-0/solution.nc", "train")
    assert solution["u"].dims == ("component", "x", "t")
    np.testing.assert_allclose(solution["u_exact"].sel(t=0.0)[0], -np.sin(np.pi * solution["x"]), atol=1e-6)


def test_figures_are_drawn(other: Workspace) -> None:
    for name in FIGURES:
        for kind in ("png", "pdf"):
            assert (other.root / f"results/figures/{name}.{kind}").stat().st_size > 3000


# ---- tables ----


def test_what_is_left_out_is_in_the_claims_with_its_reason_and_nothing_else_is_missing(other: Workspace) -> None:
    claims = pd.read_csv(other.root / "results/tables/claims.csv", keep_default_na=False)
    runs = {(case, loss) for case, losses in LOSSES.items() for loss in losses}
    for claim, own in claims.groupby("claim"):
        assert set(zip(own["case"], own["trained_on"], strict=True)) == runs, claim
    without = claims[claims["verdict"] == "left out"]
    found = set(zip(without["claim"], without["case"], without["reason"], strict=True))
    residual = [case for case in LOSSES if LOSSES[case] == RESIDUAL]
    assert found == {("alike", case, LIKENESS) for case in residual} | {
        ("small intrinsic dimension", case, SOLUTION) for case in ("transport", "beta-1")
    }
    assert (claims[claims["verdict"] != "left out"]["reason"] == "").all()
    assert set(claims[claims["verdict"] == "not measured"]["claim"]) == {
        "connected minima",  # there is one seed
        "small intrinsic dimension",  # no training is long enough
    }


def test_metrics_have_terms_fresh_points_and_the_swept_value(other: Workspace) -> None:
    metrics = pd.read_csv(other.root / "results/tables/metrics.csv", keep_default_na=False)
    assert not metrics.duplicated(NUMBER).any()
    assert set(zip(metrics["case"], metrics["sweep"], metrics["swept"].astype(str), strict=True)) == {
        ("transport", "beta", "2.0"), ("beta-1", "beta", "1.0"), ("burgers", "", ""), ("l_shape", "", ""),
    }  # fmt: skip
    final = metrics.query("case == 'transport' and checkpoint == 'final'")
    terms, fresh = (
        final.query(f"metric == '{name}'").set_index("variant")["value"].astype(float) for name in ("term", "fresh_term")
    )
    assert set(terms.index) == set(fresh.index) == {"interior", "initial", "periodic"}
    whole = final.query("metric in ('loss', 'fresh_loss')").set_index("metric")["value"].astype(float)
    np.testing.assert_allclose([terms.sum(), fresh.sum()], whole[["loss", "fresh_loss"]], rtol=1e-9)
    curvature = final.query("metric == 'lambda_max'").set_index("variant")["value"].astype(float)
    assert set(curvature.index) == {"", "interior", "initial", "periodic"}
    assert curvature[""] <= curvature.drop("").sum() * (1 + 1e-9)


# ---- what runs again ----


def cases_of(jobs: set[tuple[str, ...]]) -> set[str]:
    """The cases of jobs."""
    return {part for job in jobs for part in job if part in (*LOSSES, "poisson1d", "beta-3", "new")}


def planned(other: Workspace) -> set[tuple[str, ...]]:
    return other.planned(*TARGETS)


def test_after_a_run_nothing_is_left_to_do(other: Workspace) -> None:
    assert planned(other) == set()


@pytest.mark.parametrize("name", ["transport", "initial_values"])
def test_an_edit_of_a_file_outside_the_project_or_beside_it_reruns_its_cases(other: Workspace, name: str) -> None:
    with other.edited(f"../own/{name}.py", append="\n# a remark\n"):
        found = planned(other)
    assert cases_of(found) == {"transport", "beta-1"}
    assert {job for job in found if not cases_of({job})} == FROM_TABLES
    assert {("check_problem", "transport"), ("train_network", "beta-1", "strong-form", "0")} <= found
    assert planned(other) == set()


def test_an_edit_of_an_equation_of_the_library_reruns_its_case_and_its_reference(other: Workspace) -> None:
    with other.edited("workflow/pinnscape/problems/equations/burgers.py", append="\n# a remark\n"):
        found = planned(other)
    assert cases_of(found) == {"burgers"}
    assert {("compute_reference", "burgers"), ("train_network", "burgers", "strong-form", "0")} <= found


@pytest.mark.parametrize(
    ("case", "settings", "expected"),
    [
        ("transport", {"conditions": {"initial": {"weight": 20.0}}}, {"transport", "beta-1"}),
        ("transport", {"conditions": {"initial": {"weight": 10.0}}}, {"transport", "beta-1"}),  # stated anew, as it was
        ("burgers", {"parameters": {"nu": 0.1}}, {"burgers"}),
        ("l_shape", {"network": {"width": 4}}, {"l_shape"}),
        ("l_shape", {"problem": "l_shape"}, set()),
    ],
)
def test_a_setting_of_a_case_reruns_this_case(other: Workspace, case: str, settings: dict, expected: set) -> None:
    cases = other.settings["cases"]
    with other.with_settings({"cases": cases | {case: cases[case] | settings}}):
        found = planned(other)
    assert cases_of(found) == expected
    assert bool(found) == bool(expected)
    assert {("train_network", name, loss, "0") for name in expected for loss in LOSSES[name]} <= found
    references = {("compute_reference", "burgers")} if "parameters" in settings else set()
    assert {job for job in found if job[0] == "compute_reference"} == references


def test_what_is_added_runs_alone(other: Workspace) -> None:
    cases = other.settings["cases"]
    with other.with_settings({"cases": cases | {"poisson1d": {}}}):
        found = planned(other)
    assert cases_of(found) == {"poisson1d"}
    assert {job for job in found if not cases_of({job})} == FROM_TABLES
    with other.with_settings({"sweeps": {"beta": {"values": [1.0, 2.0, 3.0]}}}):
        found = planned(other)
    assert cases_of(found) == {"beta-3"}
    assert {job for job in found if not cases_of({job})} == FROM_TABLES


def test_the_order_of_cases_does_not_matter(other: Workspace) -> None:
    """Although it decides which rules have a set of losses in their names."""
    cases = other.settings["cases"]
    with other.with_settings({"cases": {name: cases[name] for name in reversed(cases)}}):
        assert planned(other) == set()


def test_a_case_that_is_removed_reruns_only_tables(other: Workspace) -> None:
    cases = dict(other.settings["cases"])
    del cases["l_shape"]
    with other.with_settings({"cases": cases}):
        found = other.planned("tables")
    assert found == {("collect_metrics",), ("judge_claims",)}


# ---- messages ----


def test_a_faulty_problem_is_one_line_and_the_other_cases_run(other: Workspace, tmp_path: Path) -> None:
    shutil.copytree(other.root.parent / "own", tmp_path / "own")
    (tmp_path / "study").mkdir()
    workspace = Workspace(tmp_path / "study", "tiny_techniques.yaml", "tiny_losses.yaml")
    wrong = TRANSPORT + "\n    def exact(self, p):\n        return wave(p.x + self.beta * p.t)\n"
    (tmp_path / "own/transport.py").write_text(wrong, encoding="utf-8")
    done = workspace.snakemake("-c2", "-k", "check")
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("pinnscape: ")]
    assert done.returncode == 1
    assert len(said) == 2, said
    for line in said:
        assert re.search(r"own/transport\.py: Transport\.exact: does not solve the residual: .* mend one of them \(log: ", line)
    checked = sorted(path.parent.name for path in (workspace.root / "results").glob("*/check.nc"))
    assert checked == ["burgers", "l_shape"]
    assert PROJECT not in workspace.root.parents
