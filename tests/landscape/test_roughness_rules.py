"""Roughness by quadrature rule: exact on a quadratic, and the rule's own share of it."""

import numpy as np
import pytest
import torch
from runs_cases import tiny
from settings_cases import applied, changed, of
from sine_cases import Coefficients

from pinnscape.landscape import roughness, roughness_rules
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.solution import Solution
from pinnscape.networks.streams import degree
from pinnscape.problems.language import Dirichlet, Interval, Problem, pi, sin
from pinnscape.problems.points import Rule
from pinnscape.techniques import catalog

SETTINGS = of(
    "roughness_rules",
    rules=("gauss-legendre", "simpson", "monte-carlo"),
    points=(4, 8),
    reference=16,
    lines=3,
    radius=0.5,
    line_points=9,
)


class Sine(Problem):
    """-u'' = π² sin πx."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.x**2

    def exact(self, p):
        return sin(pi * p.x)


class Cubic(Solution):
    """u = x(1-x)(wx + b) with theta = (w, b)."""

    def solve(self, theta, streams, data, trace=None):
        x = data.inputs[0, ..., 0]
        of_w, of_b = [x**2 - x**3, 2 * x - 3 * x**2, 2 - 6 * x], [x - x**2, 1 - 2 * x, torch.full_like(x, -2.0)]
        orders = [degree(monomial) for monomial in streams.monomials] + [2] * bool(streams.laplacian)
        w, b = theta[..., 0, None, None, None], theta[..., 1, None, None, None]
        return (w * torch.stack([of_w[k] for k in orders]) + b * torch.stack([of_b[k] for k in orders])).unsqueeze(-1)


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
def test_lines_through_the_minimiser_of_a_quadratic_are_bowls_and_equally_rough(formulation):
    d = Discretization(Sine(), Coefficients(1, 1, 2, 1), Rule("gauss-legendre", 30), solution=Cubic)
    objective = d.objective(formulation)
    zero = torch.zeros(2, dtype=torch.float64)
    hessian = objective.hessian_product(zero, torch.eye(2, dtype=torch.float64))
    minimiser = torch.linalg.solve(hessian, -objective.gradient(zero))
    assert abs(float(minimiser[0])) < 1e-10  # by symmetry
    lines = torch.tensor(np.random.default_rng(0).standard_normal((12, 2)))
    alpha, l = np.linspace(-2.0, 2.0, 41), 2.0
    found = roughness_rules.profiles(d, minimiser, lines, alpha)[["deep-ritz", "strong-form"].index(formulation)]
    variation = np.array([roughness.normalized_variation(alpha, row) for row in found])
    np.testing.assert_allclose(variation, 1 / l, rtol=1e-9)
    assert roughness.roughness_index(variation) < 1e-9


def test_the_difference_from_a_rule_falls_with_its_points_and_vanishes_for_the_rule_itself():
    data = applied("roughness_rules", tiny("poisson2d", 1), changed(SETTINGS, points=[4, 8, 16]))
    found = data["deviation"].sel(rule="gauss-legendre").max("line").squeeze("seed")
    assert (found.sel(points=16) == 0).all()
    assert (found.sel(points=4) > 10 * found.sel(points=8)).all()
    random = data["deviation"].sel(rule="monte-carlo").median("line").squeeze("seed")
    assert (random.sel(points=8) > found.sel(points=8)).all()
    same = data["variation"].sel(rule="gauss-legendre", points=16)
    np.testing.assert_array_equal(same.values, data["reference_variation"].values)


def test_the_lines_are_those_of_the_bundle():
    runs = tiny("poisson1d", 1, ("strong-form",))
    run = runs.all[0]
    data = applied("roughness_rules", runs, changed(SETTINGS, reference=8))
    from pinnscape.landscape import directions

    lines = directions.random(run.theta(), run.layout, 3, [run.seed, 2], "filter", "row")
    alpha = np.linspace(-0.5, 0.5, 9)
    d = roughness_rules.with_rule(runs.discretization, "gauss-legendre", 8)
    losses = d.objective("strong-form").loss(torch.tensor(run.theta() + alpha[:, None] * lines[1]))
    expected = roughness.normalized_variation(alpha, losses.numpy())
    found = float(data["reference_variation"].sel(loss="strong-form", line=1).squeeze())
    assert found == pytest.approx(expected, rel=1e-10)


def test_the_file_has_all_rules_and_simpson_takes_an_odd_number():
    data = applied("roughness_rules", tiny("poisson1d", 2, ("deep-ritz", "strong-form")), SETTINGS)
    assert data["variation"].dims == ("trained_on", "seed", "loss", "rule", "points", "line")
    assert data["rule"].values.tolist() == list(SETTINGS.rules)
    assert np.isfinite(data["variation"].values).all()
    assert roughness_rules.with_rule(tiny("poisson1d").discretization, "simpson", 4).count("deep-ritz/interior") == 5
    rows = list(catalog.module("roughness_rules").metrics(data))
    assert len(rows) == len({row[:4] for row in rows}) == 2 * 2 * (1 + 2 * 3 * 2)
    assert ("deep-ritz", 0, "final", "rule_roughness_index[simpson, 4]") in {row[:4] for row in rows}


def test_deviation_leaves_out_what_does_not_exist():
    reference = np.array([[0.0, 2.0, np.nan], [np.nan] * 3])
    values = np.array([[1.0, 2.0, 5.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(roughness_rules.deviation(values, reference), [0.5, np.nan])
