"""Faulty problems are refused in one line that names the method, sound ones are not, and the differences that decide it are right."""

import logging
import math
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from problems.faulty import FAULTY
from problems.sound import SOUND, WARNED, SmallStrain, Tiny, WithItsOwnLoad, Zero
from settings_cases import model, phased

from pinnscape.common.errors import ProblemError
from pinnscape.losses import differences
from pinnscape.losses.model import discretization
from pinnscape.losses.native.agreement import agree
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.kernels import Kernels
from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import ACTIVATIONS
from pinnscape.networks.mlp import Network
from pinnscape.problems import quadrature
from pinnscape.problems.catalog import CATALOG, Entry
from pinnscape.problems.poisson import Poisson2d
from pinnscape.training.files import training_dataset
from pinnscape.training.loop import train
from pinnscape.validation.check import construct, dataset, validate


def discretized(cls: type, compiler: Compiler | None = None, width: int = 4) -> Discretization:
    dimension = getattr(cls, "dimension", 1)
    rule = quadrature.rule("gauss-legendre", {1: 12, 2: 9}.get(dimension, 5), dimension)
    return Discretization(cls(), Network(dimension, len(cls.components), width, 2), rule, compiler=compiler)


@pytest.mark.parametrize(("cls", "method", "said"), FAULTY, ids=lambda value: getattr(value, "__name__", ""))
def test_a_faulty_problem_is_refused_in_one_line(cls: type, method: str, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        validate(discretized(cls))
    line = str(caught.value)
    assert f"tests/problems/faulty.py: {cls.__name__}.{method}: " in line
    assert said in line
    assert "\n" not in line
    assert len(line) < 500


@pytest.mark.parametrize("cls", SOUND, ids=lambda cls: cls.__name__)
def test_a_sound_problem_is_not_refused(cls: type) -> None:
    report = validate(discretized(cls))
    assert len(report.findings) == 21
    assert all(finding.deviation <= finding.tolerance for finding in report.findings)


@pytest.mark.parametrize(("cls", "said"), WARNED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_no_fault_but_worth_knowing_is_a_warning(cls: type, said: str) -> None:
    report = validate(discretized(cls))
    (warning,) = report.warnings
    assert said in warning
    assert dataset(report).attrs["warnings"] == warning


@pytest.mark.parametrize("name", CATALOG)
@pytest.mark.parametrize(
    ("activation", "width", "depth"), [("tanh", 4, 1), ("sin", 48, 4), ("swish", 7, 3), ("softplus", 64, 1)]
)
def test_the_built_in_problems_pass_with_a_margin(name: str, activation: str, width: int, depth: int) -> None:
    report = validate(discretization(name, model(width, depth, 12, activation)))
    assert not report.warnings
    assert all(finding.deviation <= 0.1 * finding.tolerance for finding in report.findings)


def test_every_activation_is_there() -> None:
    assert set(ACTIVATIONS) == {"tanh", "sin", "swish", "softplus"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({"mu": 1e6, "lambda": 0.0}, []), ({"mu": 1e-6, "lambda": 1e-6}, []), ({"mu": 1.0, "lambda": 1e5}, ["no minimum"])],
    ids=["stiff", "soft", "incompressible"],
)
def test_material_parameters_of_any_size_pass(parameters: dict, said: list[str]) -> None:
    """Nearly incompressible, the body cannot bear the displacement, which changes volumes: it is a saddle."""
    warnings = validate(discretization("neo_hookean2d", model(parameters=parameters))).warnings
    assert [text in warning for text, warning in zip(said, warnings, strict=True)] == [True] * len(said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


compiles = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")


@pytest.mark.parametrize(("cls", "accepted"), [(SmallStrain, True), (Poisson2d, False)], ids=["cancellation", "none"])
def test_machine_code_may_differ_from_torch_by_rounding_alone(cls: type, accepted: bool) -> None:
    """The energy of small strains keeps six digits, that of Poisson's equation nearly all."""
    objective = Objective(discretized(cls), "deep-ritz")
    theta = torch.from_numpy(objective.discretization.network.initial("glorot", 0))[None]
    other = objective.loss(theta).numpy() * (1.0 + 1e-7)
    with (
        nullcontext()
        if accepted
        else pytest.raises(ProblemError, match=r"machine code gives .* for the loss where torch gives")
    ):
        agree(objective.discretization.problem, "the loss", other, objective.loss, theta)


@compiles
@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
@pytest.mark.parametrize("product", [False, True], ids=["gradient", "hessian"])
def test_wrong_derivatives_of_machine_code_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, formulation: str, product: bool
) -> None:
    """One entry of the derivative is off by a thousandth of the largest, the loss is right."""
    name = "products" if product else "gradients"
    right = getattr(Kernels, name)

    def wrong(self, which, *arguments):
        found = right(self, which, *arguments)
        values = found if product else found[1]
        values[..., 0] += 1e-3 * np.abs(values).max() * (which == formulation)
        return found

    found = discretized(WithItsOwnLoad, Compiler(folder))
    assert found.kernels is not None
    monkeypatch.setattr(Kernels, name, wrong)
    what = "hessian" if product else "gradient"
    with pytest.raises(ProblemError, match=f"the {what} of the {formulation} loss by machine code is off by"):
        validate(found)


@pytest.mark.parametrize(
    ("entry", "parameters", "said"),
    [
        (
            ("poisson", "Poisson2d", 1, 1),
            {},
            r"Poisson2d: has dimension and number of components \(2, 1\), but its class states \(1, 1\)",
        ),
        (("poisson", "Poisson2d", 2, 1), {"k": 2.0}, r"Poisson2d: cannot be made with k=2 \(TypeError: "),
        (("poisson", "Poisson7d", 2, 1), {}, r"Poisson7d: cannot be made \(AttributeError: "),
        (("nowhere", "Poisson", 2, 1), {}, r"nowhere.py: Poisson: cannot be made \(ModuleNotFoundError: "),
    ],
    ids=["sizes", "parameters", "class", "module"],
)
def test_what_the_catalogue_says_must_be_so(monkeypatch: pytest.MonkeyPatch, entry: tuple, parameters: dict, said: str) -> None:
    monkeypatch.setitem(CATALOG, "mine", Entry(*entry))
    with pytest.raises(ProblemError, match=said):
        construct("mine", parameters)


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
    objective = Objective(zero, "deep-ritz")
    phases = [{"optimizer": "adam", "steps": 2, "learning_rate": 0.01, "decay": 0.5}]
    with caplog.at_level(logging.INFO):
        history = train(objective, theta, phased(phases, 1, {"even": 1, "logarithmic": 1}), "zero")
    assert all("L2 withheld  H1 withheld" in line for line in caplog.text.splitlines() if "step  " in line)
    assert "L2 withheld" in caplog.text
    stored = training_dataset(history, objective)["l2_error"]
    assert stored.isnull().all()
    assert stored.attrs["withheld"] == "the exact solution is zero"


def curve(t: float) -> torch.Tensor:
    return torch.tensor([math.sin(3.0 * t + 1.0), math.exp(2.0 * t)], dtype=torch.float64)


SLOPE = torch.tensor([3.0 * math.cos(1.0), 2.0], dtype=torch.float64)


def test_a_difference_is_of_fourth_order() -> None:
    errors = [float((differences.slope(curve, step) - SLOPE).abs().max()) for step in (0.2, 0.1)]
    assert 14.0 < errors[0] / errors[1] < 18.0


def test_the_deviation_of_a_derivative_is_that_of_its_largest_entry() -> None:
    assert differences.deviation(curve, SLOPE) < 1e-8
    assert differences.deviation(curve, SLOPE + torch.tensor([0.0, 0.02])) == pytest.approx(0.02 / 2.02, rel=1e-6)
    assert differences.deviation(curve, SLOPE + 0.02, floor=20.0) == pytest.approx(0.001, rel=1e-5)
    assert differences.deviation(curve, SLOPE * math.nan) == math.inf
    assert differences.deviation(lambda t: torch.zeros(2), torch.zeros(2)) == 0.0


def test_steep_functions_get_small_steps() -> None:
    steep = torch.tensor([1e4], dtype=torch.float64)
    assert differences.deviation(lambda t: torch.sin(steep * t), steep) < 1e-8


def test_rounding_is_measured_and_forgiven_but_hides_no_wrong_derivative() -> None:
    def cancelled(t: float) -> torch.Tensor:
        return curve(t) + 1e8 - 1e8  # 1.5e-8 apart

    assert 2e-9 < differences.noise(cancelled) < 2e-8
    assert differences.noise(curve) < 1e-15
    assert differences.deviation(cancelled, SLOPE) <= differences.TOLERANCE
    assert differences.deviation(cancelled, 1.05 * SLOPE) > 0.03
