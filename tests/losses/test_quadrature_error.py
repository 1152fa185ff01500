"""Gaps of the energy under one rule, and the error of that rule, against finer rules and against integrals piece by piece."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cases import initial, small
from hostile_problems import Indicator, Layered
from settings_cases import model, phased
from sine_cases import SineSeries, exact

from pinnscape.files import store
from pinnscape.losses import gaps
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.objective import tensor
from pinnscape.losses.quadrature_error import QuadratureError, finer
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.points import SETS, Rule
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train

NO_SNAPSHOTS = {"even": 0, "logarithmic": 0}


def phases(adam: int, lbfgs: int) -> list[dict]:
    return [
        {"optimizer": "adam", "steps": adam, "learning_rate": 0.02, "decay": 0.5},
        {"optimizer": "lbfgs", "steps": lbfgs, "history_size": 20, "gradient_tolerance": 1e-10},
    ]


def trained(discretization: Discretization, adam: int = 30, lbfgs: int = 60):
    """The file of a short Deep Ritz training."""
    objective, theta = discretization.objective("deep-ritz"), initial(discretization)
    return training_dataset(train(objective, theta, phased(phases(adam, lbfgs), 10, NO_SNAPSHOTS), "x"), discretization)


def gap(discretization: Discretization, theta: torch.Tensor) -> float:
    return float(discretization.measure(theta)["energy_gap"])


@pytest.mark.parametrize("size", [1e-2, 1e-4])
@pytest.mark.parametrize("points", [8, 11])
def test_near_the_solution_the_gap_is_far_more_accurate_than_the_energy(points, size):
    """u = u* + Σ εₖ sin kπx has the gap π²/4 Σ k²εₖ². The energy of u* by another rule would put it off by the error of the energy."""
    d, k = SineSeries(6, points), np.arange(1, 7)
    change = size * np.random.default_rng(0).standard_normal(6) / k
    theta = exact(6) + tensor(change)
    true, off = np.pi**2 / 4 * np.sum((k * change) ** 2), abs(d.energy_minimum + 5 * np.pi**2 / 4)
    assert off > 1e-3
    assert abs(gap(d, theta) - true) < 10 * size * off
    error = QuadratureError(d)
    assert abs(gap(d, theta) - true) <= error.gaps(theta[None])[0] < 20 * size * off
    assert error.minimum == pytest.approx(off, rel=1e-6)


def test_files_tell_both_errors():
    data, d = trained(small("neo_hookean2d")), small("neo_hookean2d")
    error = QuadratureError(d)
    assert float(data["energy_minimum"]) == d.energy_minimum
    assert float(data["energy_minimum_error"]) == error.minimum
    np.testing.assert_allclose(data["quadrature_error"], error.gaps(tensor(data["theta"].values)), rtol=1e-9)
    assert data["quadrature_error"].attrs["long_name"] == "quadrature error of the energy gap at the snapshot"


def of_rule(name: str, points: int, dimension: int, seed: int = 0) -> Rule:
    """A rule of about so many points along each axis."""
    return Rule(name, points**dimension if name in SETS else points, seed=seed)


@pytest.mark.parametrize("rule", ["gauss-legendre", "simpson", "uniform", "monte-carlo", "sobol"])
@pytest.mark.parametrize("name", ["poisson1d", "neo_hookean2d"])
def test_the_error_of_a_gap_is_what_a_far_finer_rule_changes_of_it(name, rule):
    dimension = small(name).problem.domain.dimension
    d = small(name).with_rules(of_rule(rule, 9, dimension))
    fine = d.with_rules(Rule("gauss-legendre", 200 if dimension == 1 else 70))
    thetas = torch.stack([initial(d, seed) for seed in range(4)])
    found = QuadratureError(d).gaps(thetas)
    true = np.array([abs(gap(d, theta) - gap(fine, theta)) for theta in thetas])
    assert (found >= true * (1 - 1e-6)).all()
    assert (found <= 4 * true + 1e-9).all()


@pytest.mark.parametrize(("edge", "panels"), [(1 / 3, 3), (0.5, 2), (0.71, 100)])  # of panels, one begins at the edge
@pytest.mark.parametrize("points", [6, 11, 20])
def test_where_integrands_jump_the_finer_rule_is_not_taken_for_the_truth(edge, panels, points):
    network = Mlp(1, 1, 5, 2)
    d = Discretization(Layered(edge=edge), network, Rule("gauss-legendre", points))
    whole = d.with_rules(Rule("gauss-legendre", 60 if panels < 10 else 8, panels))
    thetas = torch.stack([tensor(network.initial("glorot", seed)) for seed in range(5)])
    found = QuadratureError(d).gaps(thetas)
    true = np.array([abs(gap(d, theta) - gap(whole, theta)) for theta in thetas])
    assert (true > 1e-4).any()
    assert (found >= true).all()
    assert (found < 2 * true.max() + 1.5).all()


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("own", [2, 7, 20, 50])
def test_the_finer_rule_is_finer_bounded_and_of_both_parities(dimension, own):
    fine, *others = finer(own**dimension, dimension)
    assert own < fine
    assert max(others) < fine
    assert len({n % 2 for n in (fine, *others)}) == 2
    assert fine**dimension <= max(500_000, (own + 1) ** dimension)


def test_rounding_counts_and_an_energy_that_does_not_exist_is_unknown():
    d = small("neo_hookean2d")
    wild = initial(d)
    wild[d.network.layers[-1].weights] *= 500.0
    error = QuadratureError(d)
    assert np.isnan(error.gaps(wild[None])).all()
    smooth = QuadratureError(small("poisson2d", points=30))
    assert 1e-17 < smooth.minimum < 1e-12


def test_points_that_only_a_finer_rule_sees_inverted_have_an_infinite_error():
    coarse = small("neo_hookean2d").with_rules(Rule("gauss-legendre", 2))
    fine = coarse.with_rules(Rule("gauss-legendre", 40))
    base = initial(coarse)
    for factor in np.geomspace(1, 100, 60):
        theta = base.clone()
        theta[coarse.network.layers[-1].weights] *= factor
        if not bool(coarse.measure(theta)["infeasible"]) and bool(fine.measure(theta)["infeasible"]):
            assert QuadratureError(coarse).gaps(theta[None]).tolist() == [np.inf]
            return
    pytest.fail("no such point")


# ---- energies below their minimum ----


def test_an_indicator_function_in_place_of_a_domain_ends_below_its_minimum_and_says_so():
    d = Discretization(Indicator(), Mlp(2, 1, 8, 2), Rule("gauss-legendre", 16))
    data = trained(d, 100, 80)
    below = gaps.below(data)
    assert below is not None
    assert below.amount > 1.5
    assert below.error < 0.4
    text = str(below)
    assert "\n" not in text
    assert f"at step {below.step} the energy is {below.amount:.2e} below that of the exact solution" in text
    assert "check `exact`, `density` and the boundary values" in text


@pytest.mark.parametrize("rule", ["monte-carlo", "uniform"])
def test_an_energy_that_few_points_do_not_bound_is_below_by_no_more_than_the_error_of_the_rule(rule):
    data = trained(small("poisson2d").with_rules(of_rule(rule, 6, 2)), 100, 80)
    assert float(data["energy_gap"][-1]) < -0.1
    assert float(data["quadrature_error"][-1]) > -float(data["energy_gap"][-1])
    assert gaps.below(data) is None


def test_a_good_training_is_not_below_its_minimum_and_tells_an_error_smaller_than_its_gap():
    data = trained(small("poisson2d", points=12))
    assert 0 < float(data["quadrature_error"][-1]) < 1e-3 * float(data["energy_gap"][-1])
    assert gaps.below(data) is None


def test_the_excess_is_the_depth_where_that_is_more_than_the_error():
    found = gaps.excess(np.array([1.0, -1e-9, -2.0, -2.0, np.nan, 1.0]), np.array([0.1, 1e-8, 0.5, np.inf, 1.0, np.nan]))
    np.testing.assert_array_equal(found, [0.0, 0.0, 2.0, 0.0, np.nan, np.nan])


def test_the_job_of_a_training_says_in_log_and_terminal_that_an_energy_is_below_its_minimum(
    tmp_path, monkeypatch, caplog, capsys
):
    folder = Path(__file__).parents[2] / "workflow" / "scripts"
    monkeypatch.syspath_prepend(str(folder))
    script = importlib.import_module("train")
    d = Discretization(Indicator(), Mlp(2, 1, 8, 2), Rule("gauss-legendre", 12))
    monkeypatch.setattr(script, "discretization", lambda *args: d)
    training = {"phases": phases(100, 60), "log_every": 50, "snapshots": NO_SNAPSHOTS}
    params = SimpleNamespace(
        training=training,
        engine={"compile": "never", "memory": 100},
        model=model(width=8).plain(),
        code="",
        entry=None,
    )
    output = SimpleNamespace(training=str(tmp_path / "training.nc"), solution=str(tmp_path / "solution.nc"))
    wildcards = SimpleNamespace(case="poisson2d", trained_on="deep-ritz", seed="0")
    monkeypatch.setattr(script, "Saves", lambda *args: SimpleNamespace(read=lambda _: None, due=False, delete=lambda: None))
    monkeypatch.setattr(script, "identity", lambda *args: "")
    monkeypatch.setattr(script, "restart", lambda *args: None)
    script.main(SimpleNamespace(reference=[]), output, params, wildcards, "cpu")
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("poisson2d/deep-ritz/seed-0: at step ")
    assert "below that of the exact solution" in line
    assert capsys.readouterr().err == f"pinnscape: {line}\n"
    assert gaps.below(store.read(output.training, "train")) is not None
