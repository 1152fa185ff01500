"""Problems of one's own through the whole workflow: faulty ones stop before anything trains, one on the cube goes through every rule."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from end_to_end.workspace import Workspace

from pinnscape.files import store

pytestmark = pytest.mark.xdist_group("own problems")

CUBE = """
from pinnscape.problems.language import Dirichlet, Problem, cube, pi, sin


class Mine(Problem):
    domain = cube(3)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2 + u.z**2)

    def exact(self, p):
        return sin(pi * p.x) * sin(pi * p.y) * sin(pi * p.z)
"""
FILE = "my_problems/mine.py"
WHERE = f"{FILE}: Mine"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.config(made.settings | {"cases": {"mine": {"problem": FILE}}})
    return made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CUBE.replace("domain =", "domains ="), f"{WHERE}.domain: is None; must be a domain, such as Interval(0, 1) or "),
        (CUBE.replace("def density", "def energy"), f"{WHERE}.residual: is missing, and so is density; define "),
        (CUBE.replace("def conditions", "def condition"), f"{WHERE}.condition: has no meaning; did you mean conditions?"),
        (CUBE.replace("class Mine(Problem):", "class Mine(Problem)"), f"{FILE}: line 5: SyntaxError: expected ':'; mend it"),
    ],
    ids=["domain", "density", "conditions", "syntax"],
)
def test_what_a_file_lacks_is_said_before_any_job(workspace: Workspace, text: str, said: str) -> None:
    workspace.problem(text)
    done = workspace.snakemake("-n")
    assert done.returncode == 1
    assert (done.stdout + done.stderr).splitlines()[-1].startswith(f"pinnscape: config.yaml: cases.mine.problem: {said}")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_faulty_problem_stops_before_anything_trains(workspace: Workspace) -> None:
    through_numpy = "return torch.tensor(np.sin(np.pi * p.x.detach().numpy())) * sin(pi * p.y) * sin(pi * p.z)"
    exact = "return sin(pi * p.x) * sin(pi * p.y) * sin(pi * p.z)"
    workspace.problem("import numpy as np\nimport torch\n" + CUBE.replace(exact, through_numpy))
    done = workspace.snakemake("-c2", "-k")
    assert done.returncode == 1
    said = f"pinnscape: {WHERE}.exact: "
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
