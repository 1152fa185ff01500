"""The calls of a notebook give what the workflow gives for the same settings, and refuse in one line what cannot be."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from problem_texts import EQUATION

import pinnscape
from pinnscape.common.errors import ProblemError
from pinnscape.config.sections import DirectionSettings, TrainingSettings
from pinnscape.interactive import calls
from pinnscape.landscape.files import random_directions
from pinnscape.problems.language import Dirichlet, Interval
from pinnscape.training.checkpoints import select

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))
PHASES = [{"optimizer": "adam", "steps": 12, "learning_rate": 0.01, "decay": 0.5}]


@pytest.fixture(scope="module")
def objective() -> pinnscape.Objective:
    return pinnscape.objective("poisson1d", "deep-ritz", width=4, depth=1, points=12)


@pytest.fixture(scope="module")
def run(objective: pinnscape.Objective) -> xr.Dataset:
    return pinnscape.train(objective, seed=3, phases=PHASES)


def test_the_defaults_are_those_of_the_default_study() -> None:
    for name in ("poisson1d", "poisson2d"):
        made = pinnscape.objective(name, "strong-form").discretization
        settings = CONFIG["quadrature"] | (CONFIG["cases"][name] or {}).get("quadrature", {})
        network = {key: CONFIG["network"][key] for key in ("width", "depth", "activation")}
        assert {key: getattr(made.network, key) for key in network} == network
        assert made.count("strong-form/interior") == settings["points"] ** made.problem.domain.dimension
    training = TrainingSettings.of({"phases": list(calls.PHASES)})
    assert training.plain() == CONFIG["training"]
    assert CONFIG["network"]["initialization"] == pinnscape.train.__kwdefaults__["initialization"]
    plane, lines = pinnscape.plane.__kwdefaults__, pinnscape.lines.__kwdefaults__
    grid, directions = CONFIG["grid"], CONFIG["directions"]
    assert (plane["points"], plane["margin"], plane["normalization"], plane["bias"]) == (
        grid["points"], grid["margin"], directions["normalization"], directions["bias"],
    )  # fmt: skip
    assert (lines["points"], lines["radius"], lines["count"]) == (
        grid["line_points"], grid["radius"]["lines"], directions["lines"],
    )  # fmt: skip
    made = pinnscape.objective("poisson1d", "strong-form", width=2, depth=1, points=5)
    for kind in ("random", "hessian-top"):
        found = pinnscape.plane(made, np.ones(made.size), kind=kind, points=3, tolerance=0)
        assert float(found["alpha"].max()) == grid["radius"][kind]


def test_a_training_starts_at_its_seed_and_lowers_the_loss(objective: pinnscape.Objective, run: xr.Dataset) -> None:
    np.testing.assert_array_equal(run["theta"][0], objective.discretization.network.initial("glorot", 3))
    assert run["step"].values[[0, -1]].tolist() == [0, 12]
    assert run["loss"][-1] < run["loss"][0]
    final = torch.tensor(run["theta"].values[-1])
    assert run["loss"].values[-1] == pytest.approx(float(objective.loss(final)), rel=1e-12)
    xr.testing.assert_identical(pinnscape.train(objective, seed=3, phases=PHASES), run)


def test_a_plane_is_the_one_that_the_workflow_draws(objective: pinnscape.Objective, run: xr.Dataset) -> None:
    theta = run["theta"][-1]
    found = pinnscape.plane(objective, theta, points=7, radius=0.5, seed=3)
    checkpoints = select(run, {}).assign_attrs(seed=3)
    directions = random_directions("random", checkpoints, DirectionSettings())
    np.testing.assert_array_equal(found["norm"], directions["norm"])
    np.testing.assert_array_equal(found["quadrature_error"], directions["quadrature_error"])
    assert found["alpha"].values.tolist() == pytest.approx([-0.5, -1 / 3, -1 / 6, 0, 1 / 6, 1 / 3, 0.5])
    for i, j in ((3, 3), (0, 6), (5, 1)):
        moved = theta.values + [found["alpha"][i], found["beta"][j]] @ directions["direction"].values
        exact = float(objective.loss(torch.tensor(moved)))
        scale = float(found["value"].sel(loss="deep-ritz").max() - found["value"].sel(loss="deep-ritz").min())
        assert float(found["value"].sel(loss="deep-ritz")[i, j]) == pytest.approx(exact, abs=2e-5 * scale)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, lambda rows: torch.tensor(rows, requires_grad=True)])
def test_a_point_may_be_any_kind_of_array(objective: pinnscape.Objective, run: xr.Dataset, kind) -> None:
    theta = run["theta"][-1]
    expected = pinnscape.plane(objective, theta, points=3)
    xr.testing.assert_identical(pinnscape.plane(objective, kind(theta.values), points=3), expected)


class Heat(pinnscape.Problem):
    """-u'' = f with u* = x (1 - x)."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2

    def exact(self, p):
        return p.x * (1.0 - p.x)


def test_a_problem_of_ones_own_is_taken_and_checked() -> None:
    made = pinnscape.objective(Heat(), "deep-ritz", width=3, depth=1, points=10)
    assert made.minimum == pytest.approx(-1.0 / 6.0, rel=1e-12)

    class Elsewhere(Heat):
        def exact(self, p):
            return p.x

    with pytest.raises(ProblemError, match=r"Elsewhere\.exact: .*boundary"):
        pinnscape.objective(Elsewhere(), "deep-ritz", width=3, depth=1, points=10)


def test_conditions_may_be_soft_and_problems_in_files(tmp_path: Path) -> None:
    conditions = {"initial": {"enforce": "soft", "weight": 100.0}, "periodic": {"enforce": "soft"}}
    made = pinnscape.objective("convection", "strong-form", width=4, depth=1, points=5, conditions=conditions)
    assert list(made.terms(torch.zeros(made.size, dtype=torch.float64))) == ["interior", "initial", "periodic"]
    run = pinnscape.train(made, phases=PHASES)
    assert run["term"].values.tolist() == ["interior", "initial", "periodic"]
    surface = pinnscape.plane(made, run["theta"][-1], points=3)
    assert surface["loss"].values.tolist() == ["strong-form", "supervised"]
    file = tmp_path / "mine.py"
    file.write_text(EQUATION + "\n    def exact(self, p):\n        return p.x * (1.0 - p.x)\n")
    own = pinnscape.objective(str(file), "deep-ritz", width=3, depth=1, points=10, parameters={"k": 3.0})
    assert own.minimum == pytest.approx(-1.0 / 2.0, rel=1e-12)


def test_a_loss_that_belongs_to_no_problem_is_one_line(objective: pinnscape.Objective) -> None:
    alone = dataclasses.replace(objective, discretization=None)
    with pytest.raises(ValueError, match=r"^`objective` must be one that `pinnscape.objective` gives$"):
        pinnscape.train(alone)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"problem": "poison2d"},
            "`problem` must be a Problem, a path that ends in .py, or one of .*poisson2d.*, not 'poison2d'",
        ),
        ({"loss": "ritz"}, "`loss` must be one of deep-ritz, strong-form, supervised, not 'ritz'"),
        ({"problem": "convection"}, "`loss` must be one of strong-form, supervised, not 'deep-ritz'"),
        ({"activation": "relu2"}, "`activation` must be one of tanh, sin, swish, softplus, relu, relu3, gelu, not 'relu2'"),
        ({"depth": 0}, "`depth` of a mlp network must be at least 1, not 0"),
        ({"rule": "gauss"}, "`rule` must be one of gauss-legendre, simpson, uniform, duffy, sobol, .*, not 'gauss'"),
        ({"conditions": {"start": {"weight": 1.0}}}, "Poisson1d has no condition or term `start`; it has boundary, interior"),
        (
            {"conditions": {"boundary": {"enforce": "firm"}}},
            "`enforce` of the condition boundary must be hard or soft, not 'firm'",
        ),
        ({"rule": "simpson", "points": 4}, "must be odd and at least 3, not 4"),
    ],
)
def test_what_there_is_not_is_one_line(arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pinnscape.objective(**{"problem": "poisson1d", "loss": "deep-ritz"} | arguments)


@pytest.mark.parametrize(
    ("theta", "points", "said"),
    [(np.zeros(5), 3, r"shape \(13,\) of the parameters, not \(5,\)"), (np.zeros(13), 4, "`points` must be odd")],
)
def test_a_surface_that_cannot_be_is_one_line(
    objective: pinnscape.Objective, theta: np.ndarray, points: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        pinnscape.plane(objective, theta, points=points)
