"""Faulty problems are refused in one line that names file, class, method and remedy; sound ones are not, whatever they are written with."""

import math
from pathlib import Path

import pytest
import torch
from problems.faulty_statements import FAULTY, NoLiftForTwoSides

from pinnscape.common.errors import ProblemError
from pinnscape.problems import statement
from pinnscape.problems.equations.poisson import Poisson1d, Poisson2d
from pinnscape.problems.equations.semilinear import Semilinear2d
from pinnscape.problems.language import (
    Box,
    Dirichlet,
    Disk,
    Problem,
    SlitSquare,
    SpaceTime,
    cos,
    cube,
    exp,
    polar,
    sin,
    sqrt,
    tanh,
)
from pinnscape.problems.loader import load
from pinnscape.problems.registry import PROBLEMS
from pinnscape.validation.check import validate

FILES = Path(__file__).parent / "user_files"


@pytest.mark.parametrize(("cls", "method", "said"), FAULTY, ids=lambda value: getattr(value, "__name__", ""))
def test_a_faulty_problem_is_refused_in_one_line(cls: type[Problem], method: str, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        validate(cls())
    line = str(caught.value)
    assert f"tests/problems/faulty_statements.py: {cls.__name__}.{method}: " in line
    assert said in line
    assert "\n" not in line
    assert len(line) < 500


class Gelfand(Poisson2d):
    def density(self, p, u):
        return super().density(p, u) - exp(u)


class WithItsOwnLoad(Poisson1d):
    """-u'' = sin πx, stated in full, with its solution: the derived load is zero."""

    def density(self, p, u):
        return super().density(p, u) - sin(math.pi * p.x) * u

    def exact(self, p):
        return sin(math.pi * p.x) / math.pi**2


class ByTorch(Semilinear2d):
    """Functions of torch, which symbols do not have."""

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2) + torch.exp(u.value)

    def exact(self, p):
        return torch.sin(math.pi * p.x) * torch.sin(math.pi * p.y)


class MinimalSurface(Poisson2d):
    def density(self, p, u):
        return sqrt(1.0 + u.x**2 + u.y**2)


class VariableCoefficient(Poisson2d):
    def density(self, p, u):
        return 0.5 * (1.5 + sin(3.0 * p.x) * cos(p.y)) * (u.x**2 + u.y**2) + 0.5 * tanh(u) ** 2


class Modulus(Poisson1d):
    """Symbols know its modulus, but not how to evaluate the second derivative of it."""

    def density(self, p, u):
        return abs(u.x) ** 3 / 3 + 0.5 * u.x**2


class InteriorLayer(Poisson2d):
    """Thinner than the coarsest rule can see."""

    def exact(self, p):
        return tanh((p.x - 0.4) / 0.03) * sin(math.pi * p.x) * sin(math.pi * p.y)


class Layer(Poisson1d):
    """A boundary layer of width 0.02."""

    def conditions(self):
        return Dirichlet("boundary", lambda p: p.x)

    def exact(self, p):
        return (exp((p.x - 1.0) / 0.02) - math.exp(-50.0)) / (1.0 - math.exp(-50.0))


class Tiny(Poisson2d):
    scale = 1e-5

    def exact(self, p):
        return 1e-5 * super().exact(p)


class Oscillating(Poisson1d):
    def exact(self, p):
        return sin(60.0 * math.pi * p.x)


class FiveDimensions(Problem):
    domain = cube(5)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * sum(slope**2 for slope in u.gradient)

    def exact(self, p):
        product = 1.0
        for x in p:
            product = product * sin(math.pi * x)
        return product


class Plate(Problem):
    """Simply supported: Δ²u = f, u = 0 and, naturally, Δu = 0."""

    domain = Box(x=(0, 2), y=(0, 1))

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * u.laplacian**2

    def exact(self, p):
        return sin(math.pi * p.x / 2) * sin(math.pi * p.y)


class OnSlit(Problem):
    domain = SlitSquare()

    def conditions(self):
        return Dirichlet("boundary", self.exact, enforce="soft")

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def load(self, p):
        return 0.0

    def exact(self, p):
        r, theta = polar(p)
        return sqrt(r) * sin(theta / 2)


class HeatInTwoDimensions(Problem):
    domain = SpaceTime(x=(0, 1), y=(0, 1), t=(0, 0.2))

    def conditions(self):
        return Dirichlet(enforce="soft", weight=10.0)

    def residual(self, p, u):
        return u.t - u.laplacian

    def exact(self, p):
        return exp(-2 * math.pi**2 * p.t) * sin(math.pi * p.x) * sin(math.pi * p.y)


class BothForms(Problem):
    domain = Disk()

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return 0.5 * (u.x**2 + u.y**2)

    def residual(self, p, u):
        return {"poisson": u.laplacian + 4.0}

    def load(self, p):
        return 4.0

    def exact(self, p):
        return 1.0 - p.x**2 - p.y**2


class WithoutSolution(Problem):
    domain = SpaceTime(x=(-1, 1), t=(0, 1))

    def conditions(self):
        return Dirichlet()

    def residual(self, p, u):
        return u.t - u.xx - torch.exp(u.value)


SOUND = [
    Gelfand, WithItsOwnLoad, ByTorch, MinimalSurface, VariableCoefficient, Modulus, InteriorLayer, Layer, Tiny, Oscillating, FiveDimensions, Plate, OnSlit, HeatInTwoDimensions,
    BothForms, WithoutSolution,
]  # fmt: skip


class Zero(Semilinear2d):
    """Without a load: a solution that is zero is one."""

    def exact(self, p):
        return 0.0 * p.x


class FarFromItsScale(Poisson2d):
    scale = 1e-6


class MixedBeam(Problem):
    """A beam by deflection and moment, w'M' - ½M²: a saddle point, no minimum."""

    domain = cube(1)
    components = ("w", "m")

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        w, m = u
        return w.x * m.x - 0.5 * m**2

    def exact(self, p):
        w = sin(math.pi * p.x)
        return w, math.pi**2 * w


WARNED = [
    (Zero, "the exact solution is zero: relative errors are withheld"),
    (FarFromItsScale, "scale is 1e-06, but exact - lift is of size 1.0e+00"),
    (ByTorch, "density is not for symbols: whether it has a load of its own"),
    (Modulus, "the energy is hard to integrate (an integral that must vanish is off by "),
    (InteriorLayer, "exact is hard to integrate"),
    (MixedBeam, "the exact solution is no minimum of the energy (its second derivative along a smooth field is -"),
]


@pytest.mark.parametrize("cls", SOUND, ids=lambda cls: cls.__name__)
def test_a_sound_problem_is_not_refused(cls: type[Problem]) -> None:
    report = validate(cls())
    assert report.findings
    assert all(finding.deviation <= finding.tolerance for finding in report.findings)
    assert bool(report.warnings) == (cls in {case[0] for case in WARNED})


@pytest.mark.parametrize(
    "name", [*PROBLEMS, *(str(path) for path in sorted(FILES.glob("*.py")))], ids=lambda name: Path(name).stem
)
def test_problems_of_the_library_and_of_users_pass_with_a_margin(name: str) -> None:
    problem = load(name)
    report = validate(problem)
    assert not report.warnings
    assert all(finding.deviation <= 0.1 * finding.tolerance for finding in report.findings)
    checks = {finding.check for finding in report.findings}
    names = [condition.name for condition in statement.conditions(problem)]
    if problem.has("exact"):
        assert {f"condition_{condition}" for condition in names} <= checks
    hard = {condition.name for condition in statement.ansatz(problem).hard}
    assert {f"hard_{condition}" for condition in hard} <= checks


def test_a_check_is_of_the_conditions_as_the_configuration_has_them() -> None:
    problem = NoLiftForTwoSides()
    with pytest.raises(ProblemError, match="hard condition right"):
        validate(problem)
    checks = {finding.check for finding in validate(problem, {"right": {"enforce": "soft"}}).findings}
    assert "hard_boundary" in checks
    assert "hard_right" not in checks


@pytest.mark.parametrize(("cls", "said"), WARNED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_no_fault_but_worth_knowing_is_a_warning(cls: type[Problem], said: str) -> None:
    warnings = validate(cls()).warnings
    assert any(said in warning for warning in warnings)
    assert all(warning.isprintable() for warning in warnings)
