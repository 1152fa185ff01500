"""The files of directions and surfaces against results/README.md, and that a coordinate is where it says it is."""

import numpy as np
import pytest
import torch
import xarray as xr
from cases import initial, small
from settings_cases import model, phased, solver

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.config.sections import DensitySettings, DirectionSettings, PlaneGrid, SpectrumSettings
from pinnscape.curvature.files import hessian_dataset, spectrum_dataset
from pinnscape.landscape import files, surfaces
from pinnscape.landscape.directions import cosine, normalize
from pinnscape.losses.model import discretization
from pinnscape.losses.objective import tensor
from pinnscape.training.checkpoints import select
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train

SETTINGS = DirectionSettings(lines=3)
PHASES = [{"optimizer": "adam", "steps": 12, "learning_rate": 0.02, "decay": 1.0}]
HESSIAN = SpectrumSettings(
    extremes=3,
    eigensolver=solver(lanczos_steps=37),
    density=DensitySettings(probes=2, steps=3, deflate=1, bins=10, width=0.1),
)
IDENTITY = {"case": "poisson2d", "trained_on": "strong-form", "seed": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def training() -> xr.Dataset:
    objective = small().objective("strong-form")
    history = train(objective, initial(small()), phased(PHASES, 1, {"even": 6, "logarithmic": 0}), "x")
    return training_dataset(history, small()).assign_attrs(IDENTITY)


@pytest.fixture(scope="module")
def checkpoints(training) -> xr.Dataset:
    return select(training, {}).assign_attrs(IDENTITY)


@pytest.fixture(scope="module")
def hessian(checkpoints) -> xr.Dataset:
    theta = tensor(checkpoints["theta"].sel(checkpoint="final").values)
    spectra = {f: spectrum_dataset(small().objective(f), theta, HESSIAN, 0) for f in ("deep-ritz", "strong-form")}
    return hessian_dataset(spectra).assign_attrs(IDENTITY)


@pytest.fixture(scope="module")
def found(checkpoints, training, hessian) -> dict[str, xr.Dataset]:
    """The directions of every plane."""
    return {
        "random": files.random_directions("random", checkpoints, SETTINGS),
        "lines": files.random_directions("lines", checkpoints, SETTINGS),
        "trajectory": files.trajectory_directions(checkpoints, training),
        "hessian-top": files.hessian_directions("hessian-top", checkpoints, hessian),
        "hessian-extreme": files.hessian_directions("hessian-extreme", checkpoints, hessian),
    }


GRIDS = {
    "random": PlaneGrid(tolerance=0.0, radius=1.0, points=5),
    "lines": PlaneGrid(tolerance=0.0, radius=1.0, line_points=7),
    "trajectory": PlaneGrid(tolerance=0.0, margin=0.2, points=5),
    "hessian-top": PlaneGrid(tolerance=0.0, radius=0.5, points=5),
    "hessian-extreme": PlaneGrid(tolerance=0.0, radius=0.25, points=3),
}
PLANES = [plane for plane in GRIDS if plane != "lines"]

# ---- directions ----


@pytest.mark.parametrize("plane", GRIDS)
def test_directions_follow_their_schema(found, plane):
    axis = "line" if plane == "lines" else "axis"
    expected = {
        "origin": ("parameter",),
        "direction": (axis, "parameter"),
        "norm": (axis,),
        "cosine": (),
        "quadrature_error": (),
    }
    if plane == "trajectory":
        expected |= {"explained_variance": (axis,), "trajectory": ("snapshot", axis), "distance": ("snapshot",)}
        expected |= {"theta": ("snapshot", "parameter"), "snapshot_step": ("snapshot",)}
    if plane.startswith("hessian"):
        expected["eigenvalue"] = expected["curvature"] = (axis,)
    dataset = found[plane]
    assert {name: variable.dims for name, variable in dataset.data_vars.items()} == expected
    assert dataset.sizes[axis] == (3 if plane == "lines" else 2)
    for variable in dataset.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"] == "1"
    assert dataset.attrs["kind"] == plane
    assert dataset.attrs["normalization"] == ("filter" if plane in ("random", "lines") else "none")


@pytest.mark.parametrize("plane", GRIDS)
def test_every_plane_lies_at_the_final_point_and_states_its_norms_and_cosine(found, checkpoints, plane):
    dataset = found[plane]
    np.testing.assert_array_equal(dataset["origin"], checkpoints["theta"].sel(checkpoint="final"))
    np.testing.assert_allclose(dataset["norm"], np.linalg.norm(dataset["direction"], axis=1), rtol=1e-14)
    assert float(dataset["cosine"]) == cosine(dataset["direction"].values)
    if plane != "lines":
        assert float(dataset["cosine"]) < 1e-12


@pytest.mark.parametrize("plane", ["random", "lines"])
def test_random_directions_are_filter_normalised_at_the_final_point(found, plane):
    origin, layout = found[plane]["origin"].values, small().network.layout
    for direction in found[plane]["direction"].values:
        for weights, bias in layout.filters():
            part = [*weights, *bias]
            assert np.linalg.norm(direction[part]) == pytest.approx(np.linalg.norm(origin[part]), rel=1e-12)


def test_settings_of_random_directions_are_used_and_recorded(checkpoints):
    dataset = files.random_directions("lines", checkpoints, DirectionSettings(normalization="layer", bias="zero", lines=5))
    assert dataset.sizes["line"] == 5
    assert (dataset.attrs["normalization"], dataset.attrs["bias"]) == ("layer", "zero")
    layout = small().network.layout
    for direction in dataset["direction"].values:
        again = normalize(direction, dataset["origin"].values, layout, "layer", "zero")
        np.testing.assert_allclose(direction, again, rtol=1e-12)


def test_directions_do_not_repeat_the_random_numbers_of_the_initial_weights(checkpoints):
    raw = DirectionSettings(normalization="none", lines=3)
    size, seed = small().network.size, IDENTITY["seed"]
    weights = np.random.default_rng(seed).standard_normal(4 * size)  # as Network.initial draws them
    drawn = {
        "random": files.random_directions("random", checkpoints, raw)["direction"].values[0],
        "lines": files.random_directions("lines", checkpoints, raw)["direction"].values,
    }
    assert not np.isin(drawn["random"], weights).any()
    assert not np.isin(drawn["lines"], weights).any()
    assert not np.isin(drawn["lines"], drawn["random"]).any()


def test_directions_of_two_seeds_differ_and_of_one_seed_do_not(checkpoints):
    again = files.random_directions("random", checkpoints, SETTINGS)
    xr.testing.assert_identical(again, files.random_directions("random", checkpoints, SETTINGS))
    other = files.random_directions("random", checkpoints.assign_attrs(seed=5), SETTINGS)
    assert not np.allclose(again["direction"], other["direction"])


@pytest.mark.parametrize("plane", ["hessian-top", "hessian-extreme"])
def test_the_eigenvalue_of_a_direction_is_its_rayleigh_quotient(found, plane):
    dataset, objective = found[plane], small().objective("strong-form")  # the loss that trained the point
    theta = tensor(dataset["origin"].values)
    for direction, value in zip(dataset["direction"].values, dataset["eigenvalue"].values, strict=True):
        product = objective.hessian_product(theta, tensor(direction)).numpy()
        assert direction @ product / (direction @ direction) == pytest.approx(value, rel=1e-8)
        np.testing.assert_allclose(product, value * direction, atol=1e-7 * np.linalg.norm(product))
        assert np.linalg.norm(direction) == pytest.approx(np.linalg.norm(theta.numpy()))


@pytest.mark.parametrize("plane", ["hessian-top", "hessian-extreme"])
def test_the_curvature_of_an_axis_is_the_second_derivative_in_the_unit_of_the_axis(found, plane):
    dataset, objective, step = found[plane], small().objective("strong-form"), 1e-4
    theta = tensor(dataset["origin"].values)
    for direction, value in zip(dataset["direction"].values, dataset["curvature"].values, strict=True):
        rows = torch.stack([theta + k * step * tensor(direction) for k in (-1, 0, 1)])
        below, middle, above = objective.loss(rows).tolist()
        noise = 1e-15 * middle / step**2  # of the difference, by rounding
        assert (above - 2 * middle + below) / step**2 == pytest.approx(value, rel=1e-3, abs=10 * noise)


@pytest.mark.parametrize(
    ("plane", "unit"),
    [("random", "filter norms"), ("lines", "filter norms"), ("trajectory", "Euclidean length"), ("hessian-top", "‖θ‖")],
)
def test_files_tell_the_unit_of_their_axes(found, plane, unit):
    data = surface(found, plane)
    assert found[plane].attrs["axis_unit"] == data.attrs["axis_unit"] == unit
    assert data["alpha"].attrs["long_name"] == "coordinate along direction 1, in the unit given by the attribute axis_unit"


@pytest.mark.parametrize(
    ("normalization", "unit"),
    [("filter", "filter norms"), ("layer", "layer norms"), ("global", "‖θ‖"), ("none", "Gaussian vectors")],
)
def test_the_unit_follows_the_normalisation(checkpoints, normalization, unit):
    dataset = files.random_directions("random", checkpoints, DirectionSettings(normalization=normalization))
    assert dataset.attrs["axis_unit"] == unit
    if normalization == "global":
        np.testing.assert_allclose(dataset["norm"], np.linalg.norm(dataset["origin"]), rtol=1e-12)


def test_hessian_planes_are_along_the_largest_and_smallest_eigenvalues(found, hessian):
    values = hessian["eigenvalue"].sel(loss="strong-form").values
    np.testing.assert_array_equal(found["hessian-top"]["eigenvalue"], values[[0, 1]])
    np.testing.assert_array_equal(found["hessian-extreme"]["eigenvalue"], values[[0, -1]])
    assert values[-1] == values.min()


def test_a_spectrum_of_which_only_the_ends_are_known_gives_the_same_planes(checkpoints, hessian, found):
    ends = hessian.isel(eigen=[0, 1, 2, -3, -2, -1])
    for plane in ("hessian-top", "hessian-extreme"):
        xr.testing.assert_identical(files.hessian_directions(plane, checkpoints, ends), found[plane])


def test_the_trajectory_is_that_of_the_snapshots(found, training):
    dataset = found["trajectory"]
    np.testing.assert_array_equal(dataset["theta"], training["theta"])
    np.testing.assert_array_equal(dataset["snapshot_step"], training["snapshot_step"])
    offsets = training["theta"].values - dataset["origin"].values
    np.testing.assert_allclose(dataset["trajectory"], offsets @ dataset["direction"].values.T, atol=1e-14)
    projected = dataset["trajectory"].values @ dataset["direction"].values
    np.testing.assert_allclose(dataset["distance"], np.linalg.norm(offsets - projected, axis=1), atol=1e-14)
    np.testing.assert_allclose(dataset["norm"], 1.0, rtol=1e-12)


# ---- coordinates ----


@pytest.mark.parametrize("plane", PLANES)
def test_a_plane_has_its_axes_in_order(found, plane):
    axes, points = files.coordinates(plane, found[plane], GRIDS[plane])
    assert list(axes) == ["alpha", "beta"]
    alpha, beta = axes["alpha"][1], axes["beta"][1]
    assert points.shape == (len(alpha), len(beta), 2)
    for i in range(len(alpha)):
        for j in range(len(beta)):
            assert points[i, j].tolist() == [alpha[i], beta[j]]
    for axis in (alpha, beta):
        assert len(axis) == GRIDS[plane].points
        assert 0.0 in axis
        if plane != "trajectory":
            assert (axis[0], axis[-1]) == (-GRIDS[plane].radius, GRIDS[plane].radius)


def test_the_axes_of_a_trajectory_cover_it_with_a_margin(found):
    axes, _ = files.coordinates("trajectory", found["trajectory"], GRIDS["trajectory"])
    for name, column in zip(("alpha", "beta"), found["trajectory"]["trajectory"].values.T, strict=True):
        extent = np.ptp(column)  # 0, the final point, is on it
        assert axes[name][1][0] <= column.min() - 0.2 * extent + 1e-12
        assert axes[name][1][-1] >= column.max() + 0.2 * extent - 1e-12


def test_a_line_moves_along_its_own_direction_alone(found):
    axes, points = files.coordinates("lines", found["lines"], GRIDS["lines"])
    assert list(axes) == ["line", "alpha"]
    alpha = axes["alpha"][1]
    np.testing.assert_allclose(alpha, np.linspace(-1, 1, 7), atol=1e-15)
    assert points.shape == (3, 7, 3)
    moved = points @ found["lines"]["direction"].values
    for line, direction in enumerate(found["lines"]["direction"].values):
        np.testing.assert_array_equal(moved[line], alpha[:, None] * direction)


# ---- surfaces ----


def surface(found: dict[str, xr.Dataset], plane: str) -> xr.Dataset:
    axes, points = files.coordinates(plane, found[plane], GRIDS[plane])
    origin, rows = tensor(found[plane]["origin"].values), tensor(found[plane]["direction"].values)
    measured = surfaces.evaluate(small().measure, origin, rows, points, 16)
    return files.surface_dataset(found[plane], axes, measured, small())


@pytest.mark.parametrize("plane", GRIDS)
def test_surfaces_follow_their_schema(found, plane):
    dataset = surface(found, plane)
    grid, axis = (("line", "alpha"), "line") if plane == "lines" else (("alpha", "beta"), "axis")
    expected = {"value": ("loss", *grid), "energy_minimum": (), "norm": (axis,), "quadrature_error": ()}
    expected |= {"value_at_origin": ("loss",), "l2_error_at_origin": (), "h1_error_at_origin": ()}
    expected |= dict.fromkeys(("energy_gap", "l2_error", "h1_error", "infeasible"), grid)
    if plane == "trajectory":
        expected |= {"explained_variance": (axis,), "trajectory": ("snapshot", axis), "distance": ("snapshot",)}
        expected["snapshot_step"] = ("snapshot",)
    if plane.startswith("hessian"):
        expected["eigenvalue"] = expected["curvature"] = (axis,)
    assert {name: variable.dims for name, variable in dataset.data_vars.items()} == expected
    assert set(dataset.coords) == set(dataset.dims)
    assert dataset["loss"].values.tolist() == list(FORMULATIONS)
    assert dataset["infeasible"].dtype == np.int8
    assert dataset.attrs == {name: found[plane].attrs[name] for name in ("kind", "normalization", "bias", "axis_unit")}
    for name in [*expected, *grid]:
        assert dataset[name].attrs["long_name"]
        assert dataset[name].attrs["units"] == "1"


@pytest.mark.parametrize("plane", GRIDS)
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_cell_chosen_by_its_coordinates_holds_the_loss_there(found, plane, formulation):
    dataset, directions = surface(found, plane), found[plane]["direction"].values
    origin, objective = found[plane]["origin"].values, small().objective(formulation)
    cells = {"alpha": 1, "line": 2} if plane == "lines" else {"alpha": 1, "beta": 2}
    cell = dataset.isel(cells).sel(loss=formulation)
    alpha = float(cell["alpha"])
    theta = origin + (
        alpha * directions[2] if plane == "lines" else alpha * directions[0] + float(cell["beta"]) * directions[1]
    )
    assert float(cell["value"]) == pytest.approx(float(objective.loss(tensor(theta))), rel=1e-10)
    if formulation == "deep-ritz":
        assert float(cell["energy_gap"]) == pytest.approx(float(cell["value"]) - float(dataset["energy_minimum"]), abs=1e-13)


@pytest.mark.parametrize("plane", GRIDS)
def test_the_loss_at_the_origin_is_that_of_the_final_point(found, checkpoints, plane):
    data = surface(found, plane)
    final = checkpoints.sel(checkpoint="final")
    np.testing.assert_allclose(data["value_at_origin"].sel(loss="strong-form"), float(final["loss"]), rtol=1e-12)
    assert float(data["quadrature_error"]) == float(final["quadrature_error"]) > 0


@pytest.mark.parametrize("plane", GRIDS)
def test_the_centre_of_every_surface_is_the_final_point(found, checkpoints, plane):
    centre = surface(found, plane).sel(loss="strong-form", alpha=0.0, **({} if plane == "lines" else {"beta": 0.0}))
    np.testing.assert_allclose(centre["value"], float(checkpoints["loss"].sel(checkpoint="final")), rtol=1e-12)


def test_a_surface_of_losses_of_several_terms_has_the_terms_too(found):
    conditions = {name: {"enforce": "soft", "weight": 2.0} for name in ("initial", "periodic")}
    d = discretization(model("convection", points=5, conditions=conditions))
    axes, points = files.coordinates("random", found["random"], GRIDS["random"])
    rows = 0.1 * np.random.default_rng(0).standard_normal((2, d.size))
    measured = surfaces.evaluate(d.measure, initial(d), tensor(rows), points, 16)
    dataset = files.surface_dataset(found["random"], axes, measured, d)
    assert dataset["loss"].values.tolist() == ["strong-form", "supervised"]
    assert dataset["term"].values.tolist() == [f"strong-form/{name}" for name in ("interior", "initial", "periodic")]
    assert dataset["term_value"].dims == ("term", "alpha", "beta")
    np.testing.assert_allclose(dataset["term_value"].sum("term"), dataset["value"].sel(loss="strong-form"), rtol=1e-12)
    centre = dataset["term_value"].sel(alpha=0.0, beta=0.0)
    np.testing.assert_array_equal(centre, dataset["term_value_at_origin"])
    assert dataset["energy_gap"].isnull().all()
    assert float(dataset["l2_error_at_origin"]) == float(dataset["l2_error"].sel(alpha=0.0, beta=0.0))


def test_losses_of_a_trajectory_have_its_dimensions():
    true = {f: np.arange(3.0) + k for k, f in enumerate(FORMULATIONS)}
    projected = {f: 10 * values for f, values in true.items()}
    dataset = xr.Dataset(files.trajectory_losses(true, projected, tuple(FORMULATIONS)), {"loss": list(FORMULATIONS)})
    assert dataset["trajectory_loss"].dims == dataset["projected_loss"].dims == ("loss", "snapshot")
    np.testing.assert_array_equal(dataset["trajectory_loss"].sel(loss="strong-form"), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(dataset["projected_loss"].sel(loss="supervised"), [20.0, 30.0, 40.0])
