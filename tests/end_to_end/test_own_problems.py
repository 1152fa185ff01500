"""Problems of one's own through the whole workflow: faulty ones stop before anything trains, one on the cube goes through every rule."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from end_to_end.workspace import Workspace

from pinnscape.files import store

pytestmark = pytest.mark.xdist_group("own problems")

HEAD = "import math\n\nimport numpy as np\nimport torch\n\nfrom pinnscape.problems.base import Problem\n\n\n"
CUBE = f"""{HEAD}class Mine(Problem):
    name = "mine"
    dimension = 3

    def density(self, x, u, du):
        return 0.5 * (du * du).sum((-2, -1))

    def exact(self, x):
        return torch.sin(math.pi * x).prod(-1, keepdim=True)
"""
WHERE = "pinnscape: workflow/pinnscape/problems/mine.py: Mine"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.config(made.settings | {"study": {"problems": ["mine"], "formulations": ["deep-ritz", "strong-form"], "seeds": [0]}})
    return made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CUBE.replace("def exact", "def exakt"), f"{WHERE}.exact: is missing; define `def exact(self, x)`"),
        (CUBE.replace("def density", "def energy"), f"{WHERE}.density: is missing; define `def density(self, x, u, du)`"),
        (
            CUBE.replace("class Mine(Problem):", "class Mine(Problem)"),
            "pinnscape: workflow/pinnscape/problems/mine.py: line 9: expected ':'; mend it",
        ),
    ],
    ids=["exact", "density", "syntax"],
)
def test_what_a_module_lacks_is_said_before_any_job(workspace: Workspace, text: str, said: str) -> None:
    workspace.problem(text)
    done = workspace.snakemake("-n")
    assert done.returncode == 1
    assert (done.stdout + done.stderr).splitlines()[-1] == said
    assert "Traceback" not in done.stdout + done.stderr


def test_a_faulty_problem_stops_before_anything_trains(workspace: Workspace) -> None:
    through_numpy = "return torch.tensor(np.sin(np.pi * x.detach().numpy()).prod(-1, keepdims=True))"
    workspace.problem(CUBE.replace("return torch.sin(math.pi * x).prod(-1, keepdim=True)", through_numpy))
    done = workspace.snakemake("-c2", "-k")
    assert done.returncode == 1
    said = f"{WHERE}.exact: depends on x, but torch cannot differentiate it; write it with torch alone"
    assert [line for line in done.stderr.splitlines() if line.startswith("pinnscape: ")] == [
        line
        for line in done.stderr.splitlines()
        if line.startswith(said) and line.endswith("(log: results/logs/check/mine.log)")
    ]
    assert said in done.stderr
    assert "Training mine" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list((workspace.root / "results").rglob("*.nc"))


@pytest.mark.slow
def test_a_problem_on_the_cube_goes_through_every_rule(workspace: Workspace) -> None:
    workspace.problem(CUBE)
    with workspace.with_settings({"quadrature": {"points": 4}}):
        workspace.run("all", "check")
    results = workspace.root / "results"
    found = store.read(results / "mine/check.nc", "check")
    assert (found["deviation"] <= found["tolerance"]).all()
    assert found.attrs["warnings"] == ""
    solution = store.read(results / "mine/deep-ritz/seed-0/solution.nc", "train")
    assert solution["u"].shape == (1, 33, 33, 33)
    np.testing.assert_allclose(solution["u_exact"].sel(x=0.5, y=0.5, z=0.25), [np.sqrt(0.5)], rtol=1e-12)
    np.testing.assert_allclose(solution["u"] - solution["u_exact"], solution["error"], atol=1e-15)
    history = store.read(results / "mine/deep-ritz/seed-0/training.nc", "train")
    assert abs(history["energy_minimum"] + 3.0 * np.pi**2 / 16.0) <= history["energy_minimum_error"]
    assert history["l2_error"][-1] < 0.5 * history["l2_error"][0]
    metrics = pd.read_csv(results / "tables/metrics.csv")
    assert set(metrics["case"]) == {"mine"}
    names = {path.stem.removesuffix("-mine") for path in (results / "figures").glob("*-mine.png")}
    assert {
        "solutions",
        "training_curves",
        "planes",
        "planes3d",
        "trajectory",
        "hessian_planes",
        "spectra",
        "overview",
    } <= names
