"""The derivatives of losses are checked before anything trains, by the route that training takes."""

import logging
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import initial, small
from problems.faulty_statements import DetachedDensity
from problems.sound_statements import SOUND, SmallStrain, Tiny, WithItsOwnLoad, Zero
from settings_cases import model, phased

from pinnscape.common.errors import ProblemError
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import architecture, discretization
from pinnscape.losses.native.agreement import compare
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.groups import NativeGroup
from pinnscape.problems import statement
from pinnscape.problems.equations.poisson import Poisson2d
from pinnscape.problems.loader import load
from pinnscape.problems.points import Rule
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import PROBLEMS
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train
from pinnscape.validation.check import dataset, validate, validate_losses

SOFT = {"enforce": "soft", "weight": 10.0}


def discretized(cls: type[Problem], compiler: Compiler | None = None) -> Discretization:
    problem = cls()
    network = architecture(problem, statement.ansatz(problem), model(width=4).network)
    points = {1: 12, 2: 9, 3: 5}.get(problem.domain.dimension, 3)
    rule = Rule("duffy" if problem.domain.singular else "gauss-legendre", points)
    return Discretization(problem, network, rule, compiler=compiler)


@pytest.mark.parametrize("cls", SOUND, ids=lambda cls: cls.__name__)
def test_the_losses_of_a_sound_problem_are_not_refused(cls: type[Problem]) -> None:
    d = discretized(cls)
    report = validate_losses(d)
    assert not report.warnings
    assert {f.check for f in report.findings} == {f"{loss}_{what}" for loss in d.losses for what in ("gradient", "hessian")}
    assert all(finding.deviation <= finding.tolerance for finding in report.findings)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(
    ("activation", "width", "depth"), [("tanh", 4, 1), ("sin", 48, 4), ("swish", 7, 3), ("softplus", 64, 1), ("gelu", 5, 2)]
)
def test_the_problems_of_the_library_pass_with_a_margin(name: str, activation: str, width: int, depth: int) -> None:
    report = validate_losses(discretization(model(name, width, depth, 12, activation)))
    assert not report.warnings
    assert all(finding.deviation <= 0.1 * finding.tolerance for finding in report.findings)


@pytest.mark.parametrize("name", ["poisson2d", "convection", "wave", "burgers"])
def test_soft_conditions_are_checked_with_the_losses_that_have_them(name: str) -> None:
    conditions = {condition.name: SOFT for condition in statement.conditions(load(name))}
    d = discretization(model(name, points=6, conditions=conditions))
    assert len(d.objective("strong-form").short_names) == 1 + len(conditions)
    assert all(finding.deviation <= 0.1 * finding.tolerance for finding in validate_losses(d).findings)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({"mu": 1e6, "lambda": 0.0}, []), ({"mu": 1e-6, "lambda": 1e-6}, []), ({"mu": 1.0, "lambda": 1e5}, ["no minimum"])],
    ids=["stiff", "soft", "incompressible"],
)
def test_material_parameters_of_any_size_pass(parameters: dict, said: list[str]) -> None:
    """Nearly incompressible, the body cannot bear the displacement, which changes volumes: it is a saddle."""
    d = discretization(model("neo_hookean2d", parameters=parameters))
    report = validate(d.problem) + validate_losses(d)
    assert [text in warning for text, warning in zip(said, report.warnings, strict=True)] == [True] * len(said)
    stored = dataset(report)
    assert stored.attrs["warnings"] == "; ".join(report.warnings)
    assert list(stored["check"].values) == [finding.check for finding in report.findings]
    assert (stored["deviation"] <= stored["tolerance"]).all()


def test_a_loss_whose_derivative_torch_does_not_know_is_refused() -> None:
    with pytest.raises(ProblemError) as caught:
        validate_losses(discretized(DetachedDensity))
    line = str(caught.value)
    assert line.startswith(
        "tests/problems/faulty_statements.py: DetachedDensity.density: the gradient of the deep-ritz loss by torch is off by "
    )
    assert line.endswith("; write it with functions of pinnscape.problems.functions, which are differentiated right")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


compiles = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")


@pytest.mark.parametrize(("cls", "accepted"), [(SmallStrain, True), (Poisson2d, False)], ids=["cancellation", "none"])
def test_native_code_may_differ_from_torch_by_rounding_alone(cls: type[Problem], accepted: bool) -> None:
    """The energy of small strains keeps six digits, that of Poisson's equation nearly all."""
    d = discretized(cls)
    objective, theta = d.objective("deep-ritz"), torch.from_numpy(d.network.initial("glorot", 0))[None]
    term, other = d.assembly.terms["deep-ritz/interior"], objective.loss(theta) * (1.0 + 1e-7)
    said = r"term deep-ritz/interior: native code gives .* for its value where torch gives"
    with nullcontext() if accepted else pytest.raises(ProblemError, match=said):
        compare(term, "its value", other, objective.loss, theta)


@compiles
@pytest.mark.parametrize("loss", ["deep-ritz", "strong-form"])
@pytest.mark.parametrize("product", [False, True], ids=["gradient", "hessian"])
def test_wrong_derivatives_of_native_code_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, loss: str, product: bool
) -> None:
    """One entry of the derivative is off by a thousandth of the largest, the loss is right."""
    name = "products" if product else "gradients"
    right = getattr(NativeGroup, name)

    def wrong(self, which, *arguments):
        found = right(self, which, *arguments)
        values = found if product else found[1]
        values[..., 0] += 1e-3 * values.abs().max() * (which == f"{loss}/interior")
        return found

    d = discretized(WithItsOwnLoad, Compiler(folder))
    assert None not in d.assembly.natives
    monkeypatch.setattr(NativeGroup, name, wrong)
    with pytest.raises(
        ProblemError, match=f"the {'hessian' if product else 'gradient'} of the {loss} loss by native code is off by"
    ):
        validate_losses(d)


def test_a_loss_that_exists_nowhere_near_the_lift_is_not_checked_and_says_so() -> None:
    class Nowhere(SmallStrain):
        def exists(self, p, u):
            return u["u_1"].x > 1.0

    d = discretized(Nowhere)
    report = validate_losses(d)
    assert len(report.warnings) == 2
    assert report.warnings[0] == "deep-ritz: the loss is not finite near the lift, so its derivatives are not checked"
    assert {finding.check for finding in report.findings} == {"supervised_gradient", "supervised_hessian"}


def test_relative_errors_of_a_zero_solution_are_withheld_and_others_are_not(caplog: pytest.LogCaptureFixture) -> None:
    zero, tiny = discretized(Zero), discretized(Tiny)
    assert zero.is_zero
    assert not tiny.is_zero
    theta = torch.from_numpy(zero.network.initial("glorot", 0))
    measured = zero.measure(theta)
    assert measured["l2_error"].isnan()
    assert measured["h1_error"].isnan()
    assert all(measured[name].isfinite() for name in ("deep-ritz", "strong-form", "supervised", "energy_gap"))
    assert tiny.measure(theta)["l2_error"].isfinite()
    phases = [{"optimizer": "adam", "steps": 2, "learning_rate": 0.01, "decay": 0.5}]
    with caplog.at_level(logging.INFO):
        history = train(zero.objective("deep-ritz"), theta, phased(phases, 1, {"even": 1, "logarithmic": 1}), "zero")
    assert all("L2 withheld  H1 withheld" in line for line in caplog.text.splitlines() if "step  " in line)
    assert "L2 withheld" in caplog.text
    stored = training_dataset(history, zero)["l2_error"]
    assert stored.isnull().all()
    assert stored.attrs["withheld"] == "the exact solution is zero"


def test_a_check_leaves_the_discretisation_as_it_was() -> None:
    d, theta = small("semilinear2d"), initial(small("semilinear2d"))
    before = {name: value.clone() for name, value in d.measure(theta).items()}
    validate_losses(d)
    assert d.count("deep-ritz/interior") == 64
    for name, value in d.measure(theta).items():
        np.testing.assert_array_equal(value, before[name])
