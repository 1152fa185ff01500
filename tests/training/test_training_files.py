"""training.nc and solution.nc, against results/README.md and against the network itself."""

import numpy as np
import pytest
import torch
import xarray as xr
from cases import PROBLEMS, initial, small
from settings_cases import model, phased

from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import discretization
from pinnscape.losses.objective import tensor
from pinnscape.networks.architectures import Mlp
from pinnscape.networks.layout import LAYOUT, layout_of
from pinnscape.problems.language import Dirichlet, Problem, cube
from pinnscape.problems.points import Rule
from pinnscape.training.files import solution_dataset, training_dataset
from pinnscape.training.loop import History, train

PHASES = [
    {"optimizer": "adam", "steps": 4, "learning_rate": 1e-3, "decay": 1.0},
    {"optimizer": "lbfgs", "steps": 2, "history_size": 5, "gradient_tolerance": 0.0},
]


SNAPSHOTS = {"even": 2, "logarithmic": 0}


@pytest.fixture(scope="module")
def trained():
    objective = small("poisson2d").objective("strong-form")
    return train(objective, initial(small()), phased(PHASES, 2, SNAPSHOTS), "x"), small("poisson2d")


def test_training_follows_its_schema(trained):
    dataset = training_dataset(*trained)
    expected = {
        name: ("step",)
        for name in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm", "learning_rate", "optimizer")
    }
    expected |= dict.fromkeys(("term_value", "fresh_term_value", "weight"), ("term", "step"))
    expected |= {"theta": ("snapshot", "parameter"), "snapshot_step": ("snapshot",), "snapshot_loss": ("snapshot",)}
    expected |= {name: described.axes for name, described in LAYOUT.items()}
    expected |= {"quadrature_error": ("snapshot",), "energy_minimum": (), "energy_minimum_error": ()}
    assert {name: variable.dims for name, variable in dataset.data_vars.items()} == expected
    assert set(dataset.coords) == {"step", "term", "snapshot", "parameter", "block"}
    for variable in dataset.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"] == "1"


def test_training_holds_the_history(trained):
    history, discretization = trained
    dataset = training_dataset(*trained)
    assert dataset["step"].values.tolist() == [0, 2, 3, 4, 6]
    assert dataset["snapshot_step"].values.tolist() == [0, 3, 6]
    for name in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm", "learning_rate"):
        np.testing.assert_array_equal(dataset[name], history.column(name))
    for k, (_, loss, theta) in enumerate(history.snapshots):
        assert float(dataset["snapshot_loss"][k]) == loss
        np.testing.assert_array_equal(dataset["theta"][k], theta)
    assert float(dataset["energy_minimum"]) == discretization.energy_minimum
    assert layout_of(dataset) == discretization.layout


def test_training_holds_each_term_at_its_points_and_at_points_that_training_does_not_use():
    conditions = {"initial": {"enforce": "soft", "weight": 10.0}, "periodic": {"enforce": "soft"}}
    d = discretization(model("convection", conditions=conditions, rule="sobol", points=32))
    dataset = training_dataset(train(d.objective("strong-form"), initial(d), phased(PHASES, 2, SNAPSHOTS), "x"), d)
    assert list(dataset["term"].values) == ["interior", "initial", "periodic"]
    np.testing.assert_allclose(dataset["term_value"].sum("term"), dataset["loss"], rtol=1e-12)
    for k, step in enumerate(dataset["snapshot_step"].values):
        theta = tensor(dataset["theta"].values[k])
        for name, where in (("term_value", d), ("fresh_term_value", d.fresh)):
            expected = [float(v) for v in where.objective("strong-form").terms(theta).values()]
            np.testing.assert_allclose(dataset[name].sel(step=step), expected, rtol=1e-12)
    assert (abs(dataset["fresh_term_value"] / dataset["term_value"] - 1.0) > 1e-6).all()
    assert dataset["energy_gap"].isnull().all()
    assert dataset["energy_gap"].attrs["withheld"] == "the problem has no energy"
    assert np.isnan(float(dataset["energy_minimum"]))
    assert dataset["quadrature_error"].isnull().all()


@pytest.mark.parametrize(
    ("problem", "reference", "conditions", "withheld"),
    [
        ("burgers", None, {}, {"energy_gap", "l2_error", "h1_error"}),
        ("burgers", lambda p: p.x * p.t, {}, {"energy_gap", "h1_error"}),
        ("poisson2d", None, {"boundary": {"enforce": "soft"}}, {"energy_gap"}),
        ("poisson2d", None, {}, set()),
    ],
)
def test_what_is_not_known_is_withheld_and_says_why(problem, reference, conditions, withheld):
    d = discretization(model(problem, points=5, conditions=conditions), reference=reference)
    dataset = training_dataset(train(d.objective("strong-form"), initial(d), phased(PHASES, 2, SNAPSHOTS), "x"), d)
    for name in ("energy_gap", "l2_error", "h1_error"):
        assert bool(dataset[name].isnull().all()) == (name in withheld)
        assert bool(dataset[name].attrs.get("withheld")) == (name in withheld)


def test_the_flags_of_the_optimiser_are_named(trained):
    optimizer = training_dataset(*trained)["optimizer"]
    assert optimizer.values.tolist() == [0, 0, 0, 0, 1]
    assert dict(zip(optimizer.attrs["flag_values"].tolist(), optimizer.attrs["flag_meanings"].split(), strict=True)) == {
        0: "adam",
        1: "lbfgs",
    }


def solution(problem: str) -> tuple[xr.Dataset, np.ndarray]:
    """The solution file of a network that was not trained, and its parameters."""
    theta = initial(small(problem)).numpy()
    other = np.zeros_like(theta)
    return solution_dataset(History(snapshots=[(0, 1.0, other), (9, 0.5, theta)]), small(problem)), theta


@pytest.mark.parametrize("problem", PROBLEMS)
def test_solution_follows_its_schema(problem):
    dataset, _ = solution(problem)
    one = problem == "poisson1d"
    dims = ("component", "x") if one else ("component", "x", "y")
    components = ["u_1", "u_2"] if problem == "neo_hookean2d" else ["u"]
    assert {name: v.dims for name, v in dataset.data_vars.items()} == dict.fromkeys(("u", "u_exact", "error"), dims)
    assert dataset["component"].values.tolist() == components
    for axis in dims[1:]:
        values = dataset[axis].values
        np.testing.assert_allclose(values, np.linspace(0, 1, len(values)), atol=1e-15)
        assert len(values) >= 33
    for name in ("u", "u_exact", "error"):
        assert dataset[name].attrs["long_name"]
        assert dataset[name].attrs["units"] == "1"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_error_is_the_network_minus_the_exact_solution(problem):
    dataset, _ = solution(problem)
    np.testing.assert_allclose(dataset["error"], dataset["u"] - dataset["u_exact"], atol=1e-15)
    assert float(abs(dataset["error"]).max()) > 1e-3


@pytest.mark.parametrize("problem", PROBLEMS)
def test_fields_lie_where_their_coordinates_say(problem):
    dataset, theta = solution(problem)
    places = {"x": [0.1, 0.75]} | ({} if problem == "poisson1d" else {"y": [0.6, 0.3]})
    for k in (0, 1):
        point = dataset.sel({axis: values[k] for axis, values in places.items()}, method="nearest")
        x = tensor([[float(point[axis]) for axis in places]])
        np.testing.assert_allclose(point["u"].values, small(problem).at(tensor(theta), x)[0].numpy(), rtol=1e-12)
        np.testing.assert_allclose(point["u_exact"].values, small(problem).solution(x)[0].numpy(), rtol=1e-12)


def test_the_exact_solution_of_an_asymmetric_problem_has_its_formula():
    dataset, _ = solution("semilinear2d")
    x, y = dataset["x"], dataset["y"]
    np.testing.assert_allclose(dataset["u_exact"].sel(component="u"), np.sin(np.pi * x) * np.sin(2 * np.pi * y), atol=1e-14)


@pytest.mark.parametrize("problem", ["poisson1d", "poisson2d"])
def test_boundary_values_are_met_exactly(problem):
    dataset, _ = solution(problem)
    for axis in dataset["u"].dims[1:]:
        assert float(abs(dataset["u"].isel({axis: [0, -1]})).max()) == 0.0


def test_the_solution_is_that_of_the_final_point():
    dataset, theta = solution("poisson2d")
    with torch.no_grad():
        centre = small().at(tensor(theta), tensor([[0.5, 0.5]]))
    assert float(dataset["u"].sel(x=0.5, y=0.5).squeeze()) == pytest.approx(float(centre))


def test_a_solution_in_space_and_time_has_the_names_of_its_variables():
    dataset, _ = solution("wave")
    assert dataset["u"].dims == ("component", "x", "t")
    x, t = dataset["x"], dataset["t"]
    exact = np.sin(np.pi * x) * np.cos(2 * np.pi * t) + 0.5 * np.sin(5 * np.pi * x) * np.cos(10 * np.pi * t)
    np.testing.assert_allclose(dataset["u_exact"].sel(component="u"), exact, atol=1e-13)
    assert dataset["x"].values[[0, -1]].tolist() == [0.0, 1.0]
    convection, _ = solution("convection")
    assert convection["x"].values[-1] == pytest.approx(2 * np.pi)


def test_a_solution_is_not_a_number_outside_its_domain():
    dataset, _ = solution("l_shape")
    outside = ((dataset["x"] > 1e-9) & (dataset["y"] < -1e-9)).transpose("x", "y")
    assert 0 < int(outside.sum()) < outside.size
    for name in ("u", "u_exact", "error"):
        found = dataset[name].sel(component="u").transpose("x", "y").isnull()
        np.testing.assert_array_equal(found, outside)


class Five(Problem):
    domain = cube(5)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * sum(slope**2 for slope in u.gradient)

    def exact(self, p):
        return p.x1 + 10.0 * p.x2 + 100.0 * p.x5


def test_a_solution_in_many_variables_is_stored_on_the_plane_of_the_first_two():
    d = Discretization(Five(), Mlp(5, 1, 3, 1), Rule("sobol", 16))
    theta = initial(d).numpy()
    dataset = solution_dataset(History(snapshots=[(0, 0.5, theta)]), d)
    assert dataset["u"].dims == ("component", "x1", "x2")
    assert dataset.attrs["at"] == "x3=0.5, x4=0.5, x5=0.5"
    expected = (dataset["x1"] + 10.0 * dataset["x2"] + 50.0).transpose("x1", "x2")
    np.testing.assert_allclose(dataset["u_exact"].sel(component="u"), expected, rtol=1e-13)
