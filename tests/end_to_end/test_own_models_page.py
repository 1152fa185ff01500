"""The models of docs/own-model.md in one study: a PINN, a DeepXDE model and a classifier. The workflow trains only the classifier."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from deepxde_cases import deepxde
from end_to_end.workspace import PROJECT, Workspace

from pinnscape.files import store
from pinnscape.models.file import load
from pinnscape.techniques.catalog import TECHNIQUES

pytestmark = [pytest.mark.xdist_group("own models page"), pytest.mark.slow]
SECTION = (PROJECT / "docs/own-model.md").read_text(encoding="utf-8").partition("## In the workflow\n")[2].partition("\n## ")[0]
PYTHON, YAML = (re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", SECTION) for kind in ("python", "yaml"))
FILES = dict(zip(("my_pinn.py", "my_burgers.py", "my_pina.py", "my_classifier.py"), PYTHON, strict=True))
PINA = FILES.pop("my_pina.py")  # interactive/test_pina.py runs it
CASES = yaml.safe_load(YAML[0])["cases"] | yaml.safe_load(YAML[1])["cases"]
CASES["burgers"] = {"module": "my_burgers.py", "checkpoints": "burgers/*/step-*.pt"}
LOSSES = {"pinn": ["loss"], "burgers": ["loss"], "classifier": ["cross-entropy", "squared-error"]}
OF_RUN = ("surface-random.nc", "surface-lines.nc", "hessian-final.nc")  # planes, lines, spectra and densities
OF_CASE = ("sharpness.nc", "interpolation.nc", "curves.nc")
TARGETS = [f"results/{case}/{losses[0]}/seed-0/{name}" for case, losses in LOSSES.items() for name in OF_RUN]
TARGETS += [f"results/{case}/{name}" for case in LOSSES for name in OF_CASE]
TARGETS += [f"results/figures/planes-{case}.png" for case in LOSSES]
SMALL = {
    "cases": CASES,
    "study": {"seeds": [0, 1]},
    "extended": False,
    "grid": {"points": 5, "line_points": 11, "tolerance": 0, "planes": ["random"]},
    "techniques": {"without": [name for name in TECHNIQUES if f"{name}.nc" not in OF_CASE], "curves": {"points": 3}},
}


def train_the_pinn(root: Path) -> None:
    found = load(str(root / "my_pinn.py"))
    for seed in (0, 1):
        module, folder = found.module(seed=seed), root / f"runs/seed-{seed}"
        folder.mkdir(parents=True)
        optimizer = torch.optim.Adam(module.parameters(), 1e-2)
        for step in range(31):
            if step % 10 == 0:
                torch.save(module.state_dict(), folder / f"step-{step}.pt")
            optimizer.zero_grad()
            sum(found.functions(module)["loss"](module).values()).backward()
            optimizer.step()


def train_burgers(root: Path) -> None:
    found, dde = load(str(root / "my_burgers.py")), deepxde()
    own = vars(sys.modules[found.make.__module__])
    for seed in (0, 1):
        model = dde.Model(own["data"], found.module(seed=seed))
        model.compile("adam", lr=1e-3, verbose=0)
        (root / f"burgers/seed-{seed}").mkdir(parents=True)
        for _ in range(3):
            model.train(iterations=10, verbose=0)
            model.save(str(root / f"burgers/seed-{seed}/step"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The finished study."""
    workspace = Workspace(tmp_path_factory.mktemp("own-models"), "tiny_techniques.yaml")
    for name, text in FILES.items():
        (workspace.root / name).write_text(text, encoding="utf-8")
    train_the_pinn(workspace.root)
    train_burgers(workspace.root)
    with workspace.with_settings(SMALL):
        workspace.run(*TARGETS)
    return workspace


def test_each_model_needs_at_most_ten_lines_besides_itself() -> None:
    assert len(YAML[0].splitlines()) <= 10
    assert len(YAML[1].splitlines()) <= 10
    assert FILES["my_burgers.py"].count("ps.") == 1, "one line makes the loss"


@pytest.mark.parametrize("case", CASES)
def test_each_model_has_its_landscape(study: Workspace, case: str) -> None:
    folder = study.root / "results" / case
    surface = store.read(folder / LOSSES[case][0] / "seed-0/surface-random.nc", "surfaces")
    assert surface["value"].notnull().all()
    assert surface["loss"].values.tolist() == LOSSES[case]
    density = store.read(folder / LOSSES[case][0] / "seed-0/hessian-final.nc", "hessian")["density"]
    assert density.notnull().any()
    for name in OF_CASE:
        found = store.read(folder / name, name.removesuffix(".nc"))
        assert any(np.isfinite(values.values).any() for values in found.data_vars.values() if values.dtype.kind == "f")
    assert (study.root / f"results/figures/planes-{case}.png").stat().st_size > 3000


def test_the_terms_of_the_deepxde_model_have_their_names(study: Workspace) -> None:
    training = store.read(study.root / "results/burgers/loss/seed-0/training.nc", "train")
    assert training["term"].values.tolist() == ["equation", "DirichletBC", "IC"]
    assert training["snapshot_step"].values.tolist() == [10, 20, 30]
    assert float(training["loss"][-1]) < float(training["loss"][0])


def test_the_classifier_learns_with_mini_batches(study: Workspace) -> None:
    training = store.read(study.root / "results/classifier/cross-entropy/seed-0/training.nc", "train")
    assert float(training["further"].sel(measure="accuracy")[-1]) > 0.9
