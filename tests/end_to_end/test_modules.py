"""A study of torch modules: one whose weights were trained elsewhere, one that trains itself, and digits, by the workflow with mini-batches."""

import re
from pathlib import Path

import describe
import numpy as np
import pandas as pd
import pytest
import torch
from end_to_end.test_results import described
from end_to_end.workspace import Workspace
from file_cases import assert_described
from models.model_texts import PINN, TRAINING

from pinnscape.files import store
from pinnscape.models.file import load
from pinnscape.networks import modules
from pinnscape.techniques.catalog import TECHNIQUES

pytestmark = [pytest.mark.xdist_group("modules"), pytest.mark.slow]  # one process runs them all: they share one finished study

STEPS = (0, 5, 20, 60)
RUNS = {"elsewhere": ("pinn", (3, 7)), "itself": ("fit", (0,)), "digits": ("cross-entropy", (0,))}
LOSSES = {"elsewhere": ["pinn", "fit"], "itself": ["pinn", "fit"], "digits": ["cross-entropy", "squared-error"]}
ALONE = {"three_points", "formulations"}  # which need trainings on two losses
WITHOUT = {
    "elsewhere": {*ALONE, "noise", "ntk", "refinement", "roughness_rules"},
    "itself": {*ALONE, "noise", "ntk", "refinement", "roughness_rules"},
    "digits": {"intrinsic_dimension", "ntk", "refinement", "roughness_rules"},
}
FIGURES = ["training_curves-itself", "terms-elsewhere", "overview-digits", "planes-elsewhere", "noise-digits", "claims"]
TARGETS = ["tables", *(f"results/figures/{name}.png" for name in FIGURES)]


def train_elsewhere(root: Path) -> None:
    """A plain torch loop with two seeds, which saves weights."""
    found = load(str(root / "my_pinn.py"))
    for seed in RUNS["elsewhere"][1]:
        module, folder = found.module(seed=seed), root / f"runs/seed-{seed}"
        folder.mkdir(parents=True)
        optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
        for step in range(STEPS[-1] + 1):
            if step in STEPS:
                torch.save({"step": step, "model_state_dict": module.state_dict()}, folder / f"step-{step}.pt")
            optimizer.zero_grad()
            sum(found.functions(module)["pinn"](module).values()).backward()
            optimizer.step()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The finished study."""
    workspace = Workspace(tmp_path_factory.mktemp("modules"), "tiny_techniques.yaml", "tiny_modules.yaml")
    (workspace.root / "my_pinn.py").write_text(PINN, encoding="utf-8")
    (workspace.root / "training.py").write_text(TRAINING, encoding="utf-8")
    train_elsewhere(workspace.root)
    workspace.run(*TARGETS)
    return workspace


def run_of(other: Workspace, case: str, seed: int) -> Path:
    return other.root / "results" / case / RUNS[case][0] / f"seed-{seed}"


def test_each_case_has_its_files_and_no_others(other: Workspace) -> None:
    for case, (loss, seeds) in RUNS.items():
        folder = other.root / "results" / case
        found = {path.relative_to(folder).parts[0] for path in folder.rglob("*.nc")}
        losses = LOSSES[case] if case == "digits" else [loss]
        assert found == {"check.nc", *losses, *(f"{name}.nc" for name in TECHNIQUES if name not in WITHOUT[case])}
        for own in losses:
            assert {path.name for path in (folder / own).iterdir()} == {f"seed-{seed}" for seed in seeds}
        assert not list(folder.rglob("solution.nc"))


def test_every_file_of_a_case_is_described(other: Workspace) -> None:
    for case, (loss, seeds) in RUNS.items():
        for path in sorted((other.root / "results" / case).glob(f"{loss}/seed-{seeds[0]}/*.nc")):
            stage = {"surface": "surfaces", "training": "train"}.get(kind := path.stem.split("-")[0], kind)
            dataset = store.read(path, stage)
            assert_described(dataset, described(path))
            assert (dataset.attrs["case"], dataset.attrs["trained_on"], dataset.attrs["seed"]) == (case, loss, seeds[0])
        for path in sorted((other.root / "results" / case).glob("*.nc")):
            assert_described(store.read(path, path.stem), describe.files()[path.name])


def test_weights_that_were_trained_elsewhere_are_the_snapshots(other: Workspace) -> None:
    found = load(str(other.root / "my_pinn.py"))
    for seed in RUNS["elsewhere"][1]:
        training = store.read(run_of(other, "elsewhere", seed) / "training.nc", "train")
        assert training["snapshot_step"].values.tolist() == list(STEPS)
        for index, step in enumerate(STEPS):
            module = found.module()
            module.load_state_dict(
                torch.load(other.root / f"runs/seed-{seed}/step-{step}.pt", weights_only=True)["model_state_dict"]
            )
            np.testing.assert_array_equal(training["theta"][index], modules.flat(module))
            terms = {name: float(value.detach()) for name, value in found.functions(module)["pinn"](module).items()}
            assert float(training["loss"][index]) == pytest.approx(sum(terms.values()), rel=1e-12)
            np.testing.assert_allclose(training["term_value"].isel(step=index), list(terms.values()), rtol=1e-12)
            assert float(training["l2_error"][index]) == pytest.approx(float(found.error(module)["l2_error"]), rel=1e-12)
        surface = store.read(run_of(other, "elsewhere", seed) / "surface-random.nc", "surfaces")
        assert surface["loss"].values.tolist() == LOSSES["elsewhere"]
        at_origin = surface["value_at_origin"].sel(loss="pinn")
        assert float(at_origin) == pytest.approx(float(training["loss"][-1]), rel=1e-12)
        assert surface["measure"].values.tolist() == ["largest"]


def test_a_module_that_trains_itself_and_one_that_the_workflow_trains_learn(other: Workspace) -> None:
    itself = store.read(run_of(other, "itself", 0) / "training.nc", "train")
    assert itself["snapshot_step"].values[[0, -1]].tolist() == [0, 40]
    assert float(itself["loss"][-1]) < 0.9 * float(itself["loss"][0])
    digits = store.read(run_of(other, "digits", 0) / "training.nc", "train")
    accuracy = digits["further"].sel(measure="test_accuracy")
    assert float(accuracy[0]) < 0.25, "chance is 0.1"
    assert float(accuracy[-1]) > 0.35
    assert (digits["fresh_term_value"] != digits["term_value"]).all()


def test_what_is_left_out_is_in_the_claims_with_its_reason_and_digits_are_the_baseline(other: Workspace) -> None:
    claims = pd.read_csv(other.root / "results/tables/claims.csv", keep_default_na=False)
    without = claims[claims["verdict"] == "left out"]
    reason = "needs errors of a known solution: error() measures no l2_error"
    assert set(zip(without["claim"], without["case"], without["reason"], strict=True)) == {
        ("small intrinsic dimension", "digits", reason)
    }
    alike = claims[claims["claim"] == "alike"]
    assert set(alike["case"]) == set(RUNS)
    assert (alike["value"] != "").all(), "any two losses of a module are compared"
    mine = claims.query("case == 'itself' and claim == 'bulk and outliers'")["baseline"]
    own = claims.query("case == 'digits' and trained_on == 'cross-entropy' and claim == 'bulk and outliers'")["value"]
    assert mine.tolist() == own.tolist() != [""]


def test_metrics_know_the_losses_and_measures_of_modules(other: Workspace) -> None:
    metrics = pd.read_csv(other.root / "results/tables/metrics.csv", keep_default_na=False)
    curvature = metrics.query("case == 'elsewhere' and metric == 'lambda_max' and checkpoint == 'final'")
    assert set(zip(curvature["loss"], curvature["variant"], strict=True)) == {
        ("pinn", ""), ("fit", ""), ("pinn", "interior"), ("pinn", "initial"),
    }  # fmt: skip
    accuracy = metrics.query("case == 'digits' and metric == 'measure' and checkpoint == 'final'")
    assert set(accuracy["variant"]) == {"training_accuracy", "test_accuracy"}
    assert set(metrics.query("metric == 'noise_scale'")["case"]) == {"digits"}


def test_figures_are_drawn(other: Workspace) -> None:
    for name in FIGURES:
        assert (other.root / f"results/figures/{name}.png").stat().st_size > 3000


# ---- what runs again ----


def planned(other: Workspace) -> set[tuple[str, ...]]:
    return other.planned(*TARGETS)


def cases_of(jobs: set[tuple[str, ...]]) -> set[str]:
    return {part for job in jobs for part in job if part in RUNS}


def test_after_a_run_nothing_is_left_to_do(other: Workspace) -> None:
    assert planned(other) == set()


def test_an_edit_of_a_file_or_of_an_argument_reruns_its_case(other: Workspace) -> None:
    with other.edited("training.py", append="\n# a remark\n"):
        assert cases_of(planned(other)) == {"itself"}
    with other.edited("workflow/pinnscape/models/digits_data.py", append="\n# a remark\n"):
        assert cases_of(planned(other)) == {"digits"}
    cases = other.settings["cases"]
    with other.with_settings({"cases": cases | {"itself": cases["itself"] | {"parameters": {"beta": 2.0, "width": 4}}}}):
        assert cases_of(planned(other)) == {"itself"}
    assert planned(other) == set()


def test_other_weights_rerun_their_run_and_what_follows(other: Workspace) -> None:
    path = other.root / "runs/seed-7/step-60.pt"
    before = path.read_bytes()
    torch.save(load(str(other.root / "my_pinn.py")).module(seed=99).state_dict(), path)
    try:
        found = planned(other)
    finally:
        path.write_bytes(before)
    trained = {job for job in found if job[0] == "train_network"}
    assert trained == {("train_network", "elsewhere", "pinn", "7")}
    assert cases_of(found) == {"elsewhere"}
    other.run(*TARGETS)  # the time of the file has changed
    assert planned(other) == set()


def test_weights_that_do_not_fit_are_refused_in_one_line_before_any_job(other: Workspace) -> None:
    path = other.root / "runs/seed-7/step-100.pt"
    torch.save(load(str(other.root / "my_pinn.py")).module({"width": 5}).state_dict(), path)
    try:
        done = other.snakemake("-c2", *TARGETS)
    finally:
        path.unlink()
    assert done.returncode != 0
    said = [line for line in (done.stdout + done.stderr).splitlines() if "pinnscape:" in line]
    expected = r"pinnscape: config\.yaml: cases\.elsewhere\.module: runs/seed-7/step-100\.pt: does not fit the module that model\(\) makes: 0\.weight has .*"
    assert len(said) == 1
    assert re.fullmatch(expected, said[0])
    assert planned(other) == set()


def test_random_points_without_a_seed_are_found_out(other: Workspace) -> None:
    """The last one, because it leaves the study undone."""
    text = TRAINING.replace("generator=torch.Generator().manual_seed(0), ", "")
    with other.edited("training.py", text):
        done = other.alone("-c2", "results/itself/fit/seed-0/training.nc")
    assert done.returncode != 0
    assert re.search(
        r"the loss (pinn|fit) is .* in one job and .* in another, at the same parameters: its points or data are random",
        done.stdout + done.stderr,
    )
