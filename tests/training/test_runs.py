"""The runs of a problem: their losses, and minima that are not known."""

import numpy as np
import pytest
from runs_cases import run_of, tiny
from settings_cases import model

from pinnscape.losses.model import discretization
from pinnscape.training.runs import Runs


def test_the_losses_are_those_of_the_problem_whatever_was_trained():
    runs = tiny("poisson1d", 2, ("strong-form",))
    assert runs.formulations == ("strong-form",)
    assert runs.losses == ("deep-ritz", "strong-form", "supervised")
    assert runs.physics == ("deep-ritz", "strong-form")
    assert tiny("convection", 1, ("strong-form",)).physics == ("strong-form",)
    assert tiny("burgers", 1, ("strong-form",)).losses == ("strong-form",)
    with pytest.raises(KeyError, match="no run of supervised with seed 0"):
        runs.run("supervised", 0)


def test_the_lowest_value_that_was_seen_takes_the_place_of_a_minimum_that_is_not_known():
    d = discretization(model("poisson2d", points=6, conditions={"boundary": {"enforce": "soft", "weight": 10.0}}))
    runs = Runs(d, tuple(run_of(d, "poisson2d", "deep-ritz", seed, steps=10) for seed in range(2)))
    energy = runs.objective("deep-ritz")
    seen = [float(d.objective("deep-ritz").loss(runs.tensor(theta))) for run in runs.all for theta in run.snapshots]
    assert np.isnan(d.objective("deep-ritz").minimum)
    assert energy.minimum == pytest.approx(min(seen), rel=1e-13)
    assert runs.objective("strong-form").minimum == runs.objective("supervised").minimum == 0.0
    known = tiny("poisson2d", 1, ("deep-ritz",))
    assert known.objective("deep-ritz").minimum == known.discretization.energy_minimum


def test_gaps_of_squares_have_no_quadrature_error():
    runs = tiny("poisson2d", 1, ("deep-ritz",))
    thetas = runs.tensor(runs.all[0].snapshots[:3])
    assert not runs.gap_errors("strong-form", thetas).any()
    assert (runs.gap_errors("deep-ritz", thetas) > 0).all()
