"""training.nc and solution.nc, against results/README.md and against the network itself."""

import numpy as np
import pytest
import torch
import xarray as xr
from cases import PROBLEMS, initial, small
from settings_cases import phased

from pinnscape.losses.objective import Objective, tensor
from pinnscape.networks.mlp import layout_of
from pinnscape.training.files import solution_dataset, training_dataset
from pinnscape.training.loop import History, train

PHASES = [
    {"optimizer": "adam", "steps": 4, "learning_rate": 1e-3, "decay": 1.0},
    {"optimizer": "lbfgs", "steps": 2, "history_size": 5, "gradient_tolerance": 0.0},
]


@pytest.fixture(scope="module")
def trained():
    objective = Objective(small("poisson2d"), "strong-form")
    return train(objective, initial(small()), phased(PHASES, 2, {"even": 2, "logarithmic": 0}), "x"), objective


def test_training_follows_its_schema(trained):
    dataset = training_dataset(*trained)
    expected = {
        name: ("step",)
        for name in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm", "learning_rate", "optimizer")
    }
    expected |= {"theta": ("snapshot", "parameter"), "snapshot_step": ("snapshot",), "snapshot_loss": ("snapshot",)}
    expected |= {name: ("layer",) for name in ("fan_in", "fan_out", "weight_offset", "bias_offset")}
    expected |= {"quadrature_error": ("snapshot",), "energy_minimum": (), "energy_minimum_error": ()}
    assert {name: variable.dims for name, variable in dataset.data_vars.items()} == expected
    assert list(dataset.coords) == ["step", "snapshot", "parameter", "layer"]
    for variable in dataset.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"] == "1"


def test_training_holds_the_history(trained):
    history, objective = trained
    dataset = training_dataset(*trained)
    assert dataset["step"].values.tolist() == [0, 2, 3, 4, 6]
    assert dataset["snapshot_step"].values.tolist() == [0, 3, 6]
    for name in ("loss", "energy_gap", "l2_error", "h1_error", "gradient_norm", "learning_rate"):
        np.testing.assert_array_equal(dataset[name], history.column(name))
    for k, (_, loss, theta) in enumerate(history.snapshots):
        assert float(dataset["snapshot_loss"][k]) == loss
        np.testing.assert_array_equal(dataset["theta"][k], theta)
    assert float(dataset["energy_minimum"]) == objective.discretization.energy_minimum
    assert layout_of(dataset) == objective.discretization.network.layers


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
        np.testing.assert_allclose(point["u_exact"].values, small(problem).problem.exact(x)[0].numpy(), rtol=1e-12)


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
