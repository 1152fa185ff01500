"""Settings become problems, networks and points; what a discretisation measures follows from them."""

import math
import re

import naive
import numpy as np
import pytest
import torch
from cases import small
from naive import assert_close, random_theta
from settings_cases import model
from sine_cases import Coefficients, Sines

from pinnscape.common.measured import L2_SQUARE
from pinnscape.config.sections import EngineSettings, Model, QuadratureSettings
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import compiler, discretization, network, rules
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.objective import tensor
from pinnscape.networks.architectures import Mlp, Modified, Residual
from pinnscape.networks.embeddings import Box, Fourier
from pinnscape.networks.embeddings import Periodic as Waves
from pinnscape.problems import statement
from pinnscape.problems.language import Dirichlet, Problem, cube, sin
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule, place
from pinnscape.problems.registry import PROBLEMS
from pinnscape.problems.rules import Rules


def test_errors_have_points_of_their_own_where_the_rules_say_so():
    problem, made = load("poisson2d"), Mlp(2, 1, 3, 2)
    rules = Rules(Rule("sobol", 32, seed=3), test=Rule("gauss-legendre", 9))
    d, fine = Discretization(problem, made, rules), Discretization(problem, made, Rule("gauss-legendre", 9))
    theta = random_theta(made)
    assert L2_SQUARE in d.fields
    assert L2_SQUARE not in fine.fields, "it follows from the supervised loss"
    for key in ("l2_error", "h1_error"):
        assert_close(d.measure(theta)[key], fine.measure(theta)[key], 1e-14)
    assert abs(d.measure(theta)["supervised"] / fine.measure(theta)["supervised"] - 1.0) > 1e-3
    fresh = d.fresh
    assert fresh.measure(theta)["supervised"] != d.measure(theta)["supervised"]
    assert_close(fresh.measure(theta)["l2_error"], d.measure(theta)["l2_error"], 1e-2)
    assert d.objective("strong-form").fresh.loss(theta) == fresh.objective("strong-form").loss(theta)


def test_a_reference_takes_the_place_of_an_exact_solution():
    problem, made = load("burgers"), Mlp(2, 1, 3, 2)
    rule = Rule("gauss-legendre", 6)
    without, d = Discretization(problem, made, rule), Discretization(problem, made, rule, reference=lambda p: sin(p.x) * p.t)
    assert without.losses == ("strong-form",)
    assert d.losses == ("strong-form", "supervised")
    theta = random_theta(made)
    points = torch.tensor(place(problem.domain, rule=rule).points[0])
    known = torch.sin(points[:, :1]) * points[:, 1:]
    weights = torch.tensor(place(problem.domain, rule=rule).weights) / 2.0
    misfit = (weights * (naive.field(d, theta)(points) - known).square()[:, 0]).sum()
    measured = d.measure(theta)
    assert_close(measured["supervised"], misfit, 1e-13)
    assert_close(measured["l2_error"], (misfit / (weights * known[:, 0].square()).sum()).sqrt(), 1e-13)
    assert measured["h1_error"].isnan()
    assert_close(d.solution(points), known, 1e-15)
    assert without.solution(points).isnan().all()


class Zero(Problem):
    domain = cube(2)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def exact(self, p):
        return 1e-14 * sin(p.x)


def test_nothing_is_relative_to_a_solution_that_is_zero():
    d = Discretization(Zero(), Mlp(2, 1, 3, 1), Rule("gauss-legendre", 4))
    measured = d.measure(random_theta(d.network))
    assert d.is_zero
    assert not small("poisson2d").is_zero
    assert all(measured[key].isnan() for key in ("l2_error", "h1_error"))
    assert measured["supervised"] > 0.0


@pytest.mark.parametrize("name", ["poisson2d", "neo_hookean2d"])
def test_an_energy_with_soft_boundary_values_has_no_known_minimum(name):
    d = discretization(model(name, conditions={"boundary": {"enforce": "soft", "weight": 3.0}}))
    assert math.isnan(d.energy_minimum)
    assert math.isnan(d.objective("deep-ritz").minimum)
    assert d.objective("strong-form").minimum == 0.0
    assert not d.objective("deep-ritz").is_squared
    assert d.physics == ("deep-ritz", "strong-form")


def test_a_loss_that_a_problem_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match=r"^Poisson1d has no loss 'ritz'; it has deep-ritz, strong-form, supervised$"):
        small("poisson1d").objective("ritz")
    with pytest.raises(ValueError, match=r"^Convection has no loss 'deep-ritz'; it has strong-form, supervised$"):
        small("convection").objective("deep-ritz")


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (2, 1), (3, 2)])
def test_a_network_that_does_not_fit_the_problem_is_refused(inputs, outputs):
    with pytest.raises(ValueError, match=rf"^`network` must map 2 inputs to 2 outputs, not {inputs} to {outputs}$"):
        Discretization(load("neo_hookean2d"), Mlp(inputs, outputs, 3, 1), Rule("uniform", 2))


def test_parameters_from_a_file_become_double_precision_tensors():
    made = tensor(np.arange(3, dtype="float32"))
    assert made.dtype == torch.float64
    assert made.tolist() == [0.0, 1.0, 2.0]


def built(problem: str, conditions: dict | None = None, **keys) -> Model:
    """The settings of a case with other keys of its network."""
    made = model(problem, conditions=conditions)
    return made.model_copy(update={"network": made.network.model_copy(update=keys)})


def test_a_network_has_the_architecture_and_the_embeddings_that_settings_and_conditions_ask_for():
    box = Box((0.0, 0.0), (2.0 * math.pi, 1.0))
    waves, soft = Waves(0, 2.0 * math.pi), {"periodic": {"enforce": "soft"}}
    for settings, expected in (
        (built("poisson2d"), Mlp(2, 1, 4, 2)),
        (built("neo_hookean2d", architecture="residual", activation="gelu"), Residual(2, 2, 4, 2, "gelu")),
        (built("poisson1d", architecture="modified"), Modified(1, 1, 4, 2)),
        (built("burgers", scaled=True), Mlp(2, 1, 4, 2, embeddings=(Box((-1.0, 0.0), (1.0, 1.0)),))),
        (built("poisson2d", fourier=3, fourier_deviation=0.5), Mlp(2, 1, 4, 2, embeddings=(Fourier(3, 0.5),))),
        (built("convection"), Mlp(2, 1, 4, 2, embeddings=(waves,))),
        (built("convection", soft, scaled=True), Mlp(2, 1, 4, 2, embeddings=(box,))),
        (built("convection", {"periodic": {"harmonics": 3}}), Mlp(2, 1, 4, 2, embeddings=(Waves(0, 2.0 * math.pi, 3),))),
    ):
        assert network(settings) == expected
        assert discretization(settings).network == expected


KEYS = [{}, {"scaled": True}, {"fourier": 2}, {"scaled": True, "fourier": 2, "architecture": "residual"}]


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: "-".join(keys) or "plain")
@pytest.mark.parametrize("name", PROBLEMS)
def test_hard_conditions_hold_whatever_else_the_network_sees(name, keys):
    d = discretization(built(name, **keys))
    u = naive.field(d, random_theta(d.network, 2))
    for condition in statement.ansatz(d.problem).hard:
        term = condition.soft(d.problem)
        placed = term.place(d.problem.domain, Rule("gauss-legendre", 7))
        sites = [naive.on(d.problem, u, torch.tensor(at)) for at in placed.points]
        p, fields = zip(*((p, field) for _, p, field in sites), strict=True)
        data = {key: torch.tensor(column) for key, column in placed.data.items()}
        one = term.sites == 1
        left = naive.stacked(term.local(*((p[0], fields[0]) if one else (p, fields)), data), torch.tensor(placed.weights))
        assert left.abs().max() < 1e-12 * max(1.0, float(u(torch.tensor(placed.points[0])).abs().max()))


def test_points_of_conditions_and_of_errors_have_rules_of_their_own():
    quadrature = QuadratureSettings.of(
        {"rule": "sobol", "points": 64, "seed": 3, "conditions": {"rule": "uniform", "points": 7}, "test": {"points": 9}}
    )
    found = rules(model("convection").model_copy(update={"quadrature": quadrature}))
    assert found == Rules(Rule("sobol", 64, seed=3), others=Rule("uniform", 7), test=Rule("gauss-legendre", 9))
    assert rules(model(points=5)) == Rules(Rule("gauss-legendre", 5))
    assert rules(model(rule="sobol", points=50)).errors == Rule("gauss-legendre", 32)
    conditions = {"initial": {"enforce": "soft"}, "periodic": {"enforce": "soft"}}
    settings = model("convection", conditions=conditions).model_copy(update={"quadrature": quadrature})
    d = discretization(settings)
    counts = {name: d.count(f"strong-form/{name}") for name in ("interior", "initial", "periodic")}
    assert counts == {"interior": 64, "initial": 7, "periodic": 7}
    assert d.count("error/value") == d.count("error/slope") == 81


def test_the_engine_compiles_always_never_or_where_it_pays():
    always, never, auto = (EngineSettings.of({"compile": name}) for name in ("always", "never", "auto"))
    assert compiler(never, 1e9) is None
    assert compiler(always, 1.0).pays(1)
    assert not compiler(auto, 1.0).pays(1)
    assert compiler(auto, 1e9).pays(1)


def test_a_field_that_is_no_network_has_no_native_code(tmp_path):
    made = Discretization(
        load("poisson1d"), Coefficients(1, 1, 6, 1), Rule("gauss-legendre", 8), compiler=Compiler(tmp_path), solution=Sines
    )
    assert set(made.assembly.natives) == {None}
    assert made.size == 6


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        (model("poisson3d"), "ProblemError", "poisson3d: no such problem; there are poisson1d, "),
        (model(parameters={"mu": 1.0}), "ProblemError", "poisson2d: Poisson2d has no parameter `mu`; it has none"),
        (model(rule="duffy"), "ValueError", "the rule duffy is for domains with a reentrant corner"),
        (
            model(conditions={"initial": {"weight": 2.0}}),
            "ValueError",
            "Poisson2d has no condition or term `initial`; it has boundary, interior",
        ),
        (
            model("convection", conditions={"initial": {"harmonics": 2}}),
            "ValueError",
            "the condition initial has no setting `harmonics`; it has enforce, weight",
        ),
        (
            model("beam", activation="relu3"),
            "ProblemError",
            "needs derivatives of order 4 of the network, but the activation relu3 has 3",
        ),
        (
            model(activation="relu"),
            "ProblemError",
            "needs derivatives of order 2 of the network, but the activation relu has 1",
        ),
    ],
)
def test_settings_that_do_not_fit_are_one_line(settings, error, said):
    with pytest.raises(Exception, match=re.escape(said)) as caught:
        discretization(settings)
    assert type(caught.value).__name__ == error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PROBLEMS)
def test_settings_of_a_study_become_the_discretization_they_name(name):
    settings = Model.of({
        "problem": name,
        "network": {"width": 6, "depth": 3, "activation": "sin", "initialization": "glorot"},
        "quadrature": {"rule": "simpson", "points": 5},
        "parameters": {"mu": 2.0, "lambda": 3.0} if name == "neo_hookean2d" else {},
    })  # fmt: skip
    made, problem = discretization(settings), load(name)
    assert made.network == network(settings)
    assert (made.network.width, made.network.depth, made.network.activation) == (6, 3, "sin")
    periodic = name in ("convection", "reaction")
    assert made.network.embeddings == ((Waves(0, 2 * math.pi, 1),) if periodic else ())
    expected = place(problem.domain, rule=Rule("simpson", 5))
    points = made.assembly.terms["strong-form/interior"].points
    np.testing.assert_array_equal(points.points, expected.points)
    np.testing.assert_array_equal(points.weights, expected.weights)
    assert type(made.problem) is type(problem)
    if name == "neo_hookean2d":
        assert (made.problem.mu, made.problem.lambda_) == (2.0, 3.0)
    assert str(made.objective("strong-form").device) == "cpu"
