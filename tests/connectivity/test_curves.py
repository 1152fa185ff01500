"""Curves between two points on functions whose minimum energy paths are known."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_cases import tiny
from settings_cases import applied, of
from torch import Tensor

from pinnscape.connectivity import barriers, curves, elastic_band, profiles, trained_paths
from pinnscape.techniques import catalog

TRAINING = trained_paths.Training(
    steps=300, learning_rate=0.1, decay=0.05, perturbation=0.05, seed=0, check=10, nodes=12, points=41
)
SHAPES = {"bezier": (), "chain": (6,), "band": (elastic_band.Band(300, 4, 2, 2, 1.0),)}


class Toy:
    """A function (..., P) -> (...) as the paths ask for it."""

    minimum = 0.0

    def __init__(self, function) -> None:
        self.loss = function

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        theta = theta.detach().requires_grad_()
        loss = self.loss(theta)
        return loss.detach(), torch.autograd.grad(loss.sum(), theta)[0]


def bent(theta: Tensor) -> Tensor:
    """Minima at (-1, 0) and (1, 0) in a valley y = 1 - x² with its pass at (0, 1), of height 1; straight between them it is 5 high."""
    x, y = theta[..., 0], theta[..., 1]
    return (x**2 - 1) ** 2 + 4 * (y + x**2 - 1) ** 2


def ring(theta: Tensor) -> Tensor:
    return (theta.norm(dim=-1) - 1) ** 2


ENDS = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "bound"), [("bezier", 1.1), ("chain", 1.3), ("band", 1.01)]
)  # six straight segments cut corners
def test_a_trained_path_goes_through_the_pass(name, bound):
    control = getattr(curves, name)(Toy(bent), *ENDS, TRAINING, *SHAPES[name])
    heights = bent(curves.points(name, control, np.linspace(0, 1, 401)))
    assert 1.0 - 1e-9 <= float(heights.max()) < bound  # the pass is the lowest way, by continuity never below it
    assert float(bent(trained_paths.straight(*ENDS, 401)).max()) == pytest.approx(5.0)
    torch.testing.assert_close(curves.points(name, control, np.array([0.0, 1.0])), ENDS, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "bound"), [("bezier", 0.05), ("chain", 0.03), ("band", 0.03)])
def test_minima_on_a_ring_are_connected_around_it(name, bound):
    control = getattr(curves, name)(Toy(ring), *ENDS, TRAINING, *SHAPES[name])
    assert float(ring(curves.points(name, control, np.linspace(0, 1, 201))).max()) < bound  # 1 on the straight line


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["bezier", "chain", "band"]), st.floats(1e-3, 3.0))
def test_no_path_is_higher_than_the_straight_one(seed, name, rate):
    rng = np.random.default_rng(seed)
    waves, shift, ends = (torch.tensor(rng.standard_normal(shape)) for shape in ((4, 3), 4, (2, 3)))
    toy = Toy(lambda theta: 4 + (theta @ waves.T * 3 + shift).sin().sum(-1))
    bad = replace(TRAINING, steps=10, learning_rate=rate, points=21)
    control, t = getattr(curves, name)(toy, *ends, bad, *SHAPES[name]), np.arange(21) / 20
    assert (
        float(toy.loss(curves.points(name, control, t)).max())
        <= float(toy.loss(trained_paths.straight(*ends, 21)).max()) + 1e-12
    )


def test_paths_avoid_where_the_loss_does_not_exist():
    def hole(theta):
        return torch.where(theta.norm(dim=-1) > 0.3, ring(theta), torch.nan)

    for name in ("bezier", "chain", "band"):
        control = getattr(curves, name)(Toy(hole), *ENDS, TRAINING, *SHAPES[name])
        heights = hole(curves.points(name, control, np.linspace(0, 1, 41)))
        assert bool(heights.isfinite().all()), name


def test_bases_and_rules():
    t = np.linspace(0, 1, 7)
    values = np.random.default_rng(0).standard_normal(5)
    np.testing.assert_allclose(trained_paths.chain(4)(t) @ values, np.interp(t, np.linspace(0, 1, 5), values), atol=1e-14)
    np.testing.assert_allclose(trained_paths.bezier(t).sum(1), 1.0, atol=1e-14)
    np.testing.assert_allclose(trained_paths.bezier(t) @ np.array([0.0, 0.5, 1.0]), t, atol=1e-14)
    nodes, weights = trained_paths.quadrature(3, 4)
    assert weights @ nodes**5 == pytest.approx(1 / 6, abs=1e-14)
    assert weights @ np.abs(nodes - 0.25) == pytest.approx(
        (0.25**2 + 0.75**2) / 2, abs=1e-14
    )  # kinks at the joints cost nothing


def test_forces_across_the_band_are_downhill_and_along_it_of_springs():
    images = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    gradients = torch.tensor([[5.0, 2.0]], dtype=torch.float64)
    force = elastic_band.forces(images, torch.tensor([0.0, 1.0, 2.0]), gradients, 10.0)
    torch.testing.assert_close(force, torch.tensor([[10.0, -2.0]], dtype=torch.float64))  # spring 10 (2 - 1), downhill -2


def test_a_folded_band_is_pulled_straight_and_a_straight_one_left_alone():
    cosines = torch.tensor([1.0, 0.5, 0.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(elastic_band.kink(cosines), torch.tensor([0.0, 0.5, 1.0, 1.0], dtype=torch.float64))
    images = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], dtype=torch.float64)  # a right angle, sides √2
    force = elastic_band.forces(images, torch.tensor([0.0, 1.0, 2.0]), torch.zeros(1, 2, dtype=torch.float64), 1.0)
    # After minus before is (0, -2); its part across the direction (1, -1)/√2 of the higher neighbour is (-1, -1).
    torch.testing.assert_close(force, torch.tensor([[-1.0, -1.0]], dtype=torch.float64))


def test_new_images_come_where_the_band_rises_highest_above_its_chord():
    level = elastic_band.Level(Toy(ring), *ENDS)
    images = torch.tensor([[-1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    images[2] = torch.tensor([0.6, 0.8])
    found = elastic_band.insert(level, images, 1)
    torch.testing.assert_close(found[1], (images[0] + images[1]) / 2)  # the longest chord of the circle
    assert len(found) == 5


def test_levels_are_roots_with_their_gradient():
    level, theta = elastic_band.Level(Toy(bent), *ENDS), torch.tensor([[0.3, 0.2]], dtype=torch.float64)
    value, gradient = level(theta)
    assert level.scale == pytest.approx(5.0)  # the straight line's highest point, x = 0
    assert float(value) == pytest.approx(float((bent(theta) / 5).sqrt()))
    step = torch.tensor([[1e-6, 0.0]], dtype=torch.float64)
    assert float((level(theta + step)[0] - level(theta - step)[0]) / 2e-6) == pytest.approx(float(gradient[0, 0]), rel=1e-7)


SMALL = of("curves", steps=6, band_steps=6, check=3, points=9, nodes=4, segments=2, images=1, insertions=1, inserted=1)


def test_dataset_of_runs_agrees_with_barriers_on_the_straight_line():
    runs = tiny("poisson2d", 3, ("deep-ritz", "strong-form"))
    data = applied("curves", runs, SMALL)
    straight = barriers.dataset(runs, points=9, starts=0, seed=0)
    assert data["value"].dims == ("trained_on", "pair", "path", "loss", "t")
    assert data["path"].values.tolist() == ["straight", "bezier", "chain", "band"]
    for name in ("value", "barrier", "relative_barrier"):
        expected = straight[name].sel(path="straight").values
        np.testing.assert_allclose(data[name].sel(path="straight").values, expected, rtol=1e-9, atol=1e-12)
    for own in data["trained_on"].values:
        highest = data["value"].sel(trained_on=own, loss=own).max("t")
        assert (highest <= highest.sel(path="straight") + 1e-12).all()
    assert (data["length"] >= 1 - 1e-12).all()
    assert applied("curves", runs, SMALL, pairs=1).sizes["pair"] == 1


def test_with_one_seed_there_are_no_paths_and_log_and_file_say_why(caplog):
    caplog.set_level(logging.INFO)
    data = applied("curves", tiny("poisson1d", 1), SMALL)
    assert data["value"].sizes["pair"] == 0
    assert data["pair"].attrs["reason"] == "the study has one seed"
    assert "no paths between seeds are evaluated: the study has one seed" in caplog.messages


def test_metrics_are_means_over_the_pairs_of_a_seed():
    runs = tiny("poisson1d", 3, ("deep-ritz",))
    data = applied("curves", runs, SMALL)
    rows = {row[1:4]: row[4] for row in catalog.module("curves").metrics(data)}
    own = data["relative_barrier"].sel(trained_on="deep-ritz", path="band", loss="deep-ritz")
    assert profiles.pairs(runs.seeds) == [(0, 1), (0, 2), (1, 2)]
    assert rows[1, "final", "barrier_relative[band, deep-ritz]"] == pytest.approx(float((own[0] + own[2]) / 2))
    assert rows[2, "final", "path_length[bezier]"] >= 1
    assert not [metric for *_, metric in rows if "straight" in metric]  # those are among the barriers
