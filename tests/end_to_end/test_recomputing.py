"""Numbers of a finished study, computed again from its files alone."""

import numpy as np
import pytest
import xarray as xr
from end_to_end.workspace import Workspace

from pinnscape.common.formulations import FORMULATIONS
from pinnscape.config.sections import Model
from pinnscape.connectivity import curves, interpolation, profiles
from pinnscape.files import store
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import discretization
from pinnscape.losses.objective import tensor
from pinnscape.networks.layout import layout_of
from pinnscape.networks.matching import apply, stored

pytestmark = [pytest.mark.xdist_group("extended"), pytest.mark.slow]

CASE = "neo_hookean2d"


def opened(extended: Workspace, name: str) -> tuple[xr.Dataset, Discretization]:
    """The file of a technique, and the losses whose settings it holds."""
    found = store.read(extended.root / f"results/{CASE}/{name}.nc", name)
    return found, discretization(Model.of(store.configuration(found)["model"]))


def final(extended: Workspace, loss: str, seed: int) -> xr.Dataset:
    path = extended.root / f"results/{CASE}/{loss}/seed-{seed}/checkpoints.nc"
    return store.read(path, "checkpoints").sel(checkpoint="final")


def test_losses_along_a_stored_curve(extended: Workspace) -> None:
    data, losses = opened(extended, "curves")
    for loss in data["trained_on"].values:
        own = data.sel(trained_on=loss).isel(pair=0)
        ends = [final(extended, loss, int(own[f"{which}_seed"]))["theta"].values for which in ("first", "second")]
        for path in curves.CURVED:
            control = own[path].values
            np.testing.assert_array_equal(control[[0, -1]], ends)
            points = curves.points(path, tensor(control), data["t"].values)
            measured = profiles.profile(losses, points)
            np.testing.assert_allclose(measured["value"], own["value"].sel(path=path), rtol=1e-9)
            np.testing.assert_allclose(
                profiles.barrier(data["t"].values, measured["value"]), own["barrier"].sel(path=path), atol=1e-9
            )
            length = np.linalg.norm(np.diff(points.numpy(), axis=0), axis=1).sum() / np.linalg.norm(ends[1] - ends[0])
            assert length == pytest.approx(float(own["length"].sel(path=path)), rel=1e-12)


def test_barriers_after_a_stored_permutation(extended: Workspace) -> None:
    data, losses = opened(extended, "barriers")
    for loss in data["trained_on"].values:
        own = data.sel(trained_on=loss).isel(pair=0)
        first, second = (final(extended, loss, int(own[f"{which}_seed"])) for which in ("first", "second"))
        layers = layout_of(second).layers
        matching = stored(layers, own["order"].values, own["sign"].values)
        assert matching.moved == int(own["moved"])
        a, b = first["theta"].values, apply(layers, second["theta"].values, matching)
        aligned = own.sel(path="aligned")
        assert np.linalg.norm(b - a) == pytest.approx(float(aligned["distance"]), rel=1e-12)
        line = interpolation.profile(losses, tensor(a), tensor(b), data["alpha"].values)
        np.testing.assert_allclose(line["value"], aligned["value"], rtol=1e-9)
        np.testing.assert_allclose(profiles.barrier(data["alpha"].values, line["value"]), aligned["barrier"], atol=1e-9)


def test_gaps_and_gradients_at_stored_critical_points(extended: Workspace) -> None:
    data, losses = opened(extended, "critical_points")
    for loss in data["trained_on"].values:
        objective = losses.objective(str(loss))
        own = data.sel(trained_on=loss, seed=0)
        ended = own.isel(start=np.flatnonzero(np.isfinite(own["gap"])))
        assert ended.sizes["start"] > 0
        value, gradient = objective.loss_and_gradient(tensor(ended["theta"].values))
        np.testing.assert_allclose(value.numpy() - objective.minimum, ended["gap"], rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(gradient.norm(dim=-1), ended["gradient_norm"], rtol=1e-6, atol=1e-12)


def test_a_plane_through_two_seeds_and_the_middle_of_their_stored_curve(extended: Workspace) -> None:
    data, losses = opened(extended, "three_points")
    own = data.sel(trained_on="strong-form").isel(pair=0)
    control = own["seeds_control"].values
    middle = np.array([0.25, 0.5, 0.25]) @ control
    at = own["seeds_corner"].values
    first, second = control[2] - control[0], middle - control[0] - at[2, 0] * (control[2] - control[0])
    axes = np.stack([first, second / at[2, 1]])
    x, y = own["seeds_x"].values[3], own["seeds_y"].values[5]
    measured = losses.measure(tensor(control[0] + np.array([x, y]) @ axes))
    gaps = [float(measured[name]) - losses.objective(name).minimum for name in FORMULATIONS]
    np.testing.assert_allclose(gaps, own["seeds_gap"].isel(column=3, row=5), rtol=1e-6)
