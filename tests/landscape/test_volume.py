"""Cubes of parameter space: values, directions, and the figure."""

import numpy as np
import pytest
import torch
from module_cases import mlp, pinn

import pinnscape as ps
from pinnscape.landscape.directions import orthogonal
from pinnscape.losses.module_objective import ModuleObjective


@pytest.fixture(scope="module")
def objective() -> ModuleObjective:
    torch.manual_seed(0)
    return ps.from_torch(mlp().double(), pinn, name="pinn")


def test_each_point_of_the_cube_has_its_loss(objective: ModuleObjective) -> None:
    found = ps.volume(objective, objective.theta, radius=0.4, points=5, seed=3)
    assert found["value"].dims == ("loss", "alpha", "beta", "gamma")
    rows = torch.tensor(found["direction"].values)
    for index in ((0, 4, 2), (3, 1, 0), (2, 2, 2)):
        at = [float(found[name][k]) for name, k in zip(("alpha", "beta", "gamma"), index, strict=True)]
        theta = objective.theta + sum(c * row for c, row in zip(at, rows, strict=True))
        assert float(found["value"].sel(loss="pinn").values[index]) == pytest.approx(float(objective.loss(theta)), rel=1e-12)
    assert float(found["value_at_origin"].squeeze()) == pytest.approx(float(objective.loss(objective.theta)), rel=1e-14)
    assert (float(found["alpha"][0]), float(found["gamma"][-1])) == (-0.4, 0.4)


def test_directions_are_orthogonal_and_have_the_norms_of_the_filters(objective: ModuleObjective) -> None:
    found = ps.volume(objective, objective.theta, points=3)
    assert float(found["cosine"]) < 1e-10
    origin = objective.theta.numpy()
    norms = np.linalg.norm(found["direction"].values, axis=1)
    np.testing.assert_allclose(norms, np.linalg.norm(origin), rtol=1e-12)
    both = [ps.volume(objective, objective.theta, points=3, seed=seed)["direction"].values for seed in (0, 1)]
    assert not np.allclose(*both)


def test_two_directions_of_three_are_not_those_of_a_plane_but_as_orthogonal(objective: ModuleObjective) -> None:
    rows = orthogonal(objective.theta.numpy(), objective.layout, 4, 0, "layer", "own")
    gram = rows @ rows.T
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0.0, atol=1e-10 * gram.max())


def test_three_planes_through_the_middle_are_drawn(objective: ModuleObjective) -> None:
    found = ps.volume(objective, objective.theta, points=5)
    figure = ps.plot(found)
    titles = [ax.get_title() for ax in figure.axes[:3]]
    assert titles == [r"$\gamma$ = 0", r"$\beta$ = 0", r"$\alpha$ = 0"]
    assert all(ax.collections for ax in figure.axes[:3])
    with pytest.raises(ValueError, match="`points` must be odd"):
        ps.volume(objective, objective.theta, points=4)


def test_an_energy_is_shown_as_its_gap() -> None:
    objective = ps.objective("poisson1d", "deep-ritz", width=3, depth=1, points=12)
    theta = torch.ones(objective.size, dtype=torch.float64) * 0.3
    figure = ps.plot(ps.volume(objective, theta, points=3))
    assert any("energy gap" in ax.get_xlabel() for ax in figure.axes)
