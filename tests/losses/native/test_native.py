"""Native code of problems gives the numbers of torch, is kept, and is done without where it cannot be had."""

import logging
import math
import shutil
from pathlib import Path

import pytest
import torch
from cases import PROBLEMS, initial, small
from naive import random_theta
from settings_cases import model

from pinnscape.common.errors import StorageError
from pinnscape.losses.discretization import Discretization
from pinnscape.losses.model import discretization
from pinnscape.losses.native import build, term_code
from pinnscape.losses.native.build import Compiler
from pinnscape.networks.activations import ACTIVATIONS
from pinnscape.networks.architectures import Mlp
from pinnscape.problems.language import Box, Dirichlet, Interval, Problem, exp, log, pi, sin, sqrt, tanh
from pinnscape.problems.points import Rule

pytestmark = [
    pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler"),
    pytest.mark.xdist_group("native"),  # one process compiles
]
LOG = "pinnscape.losses.native.build"
OF_POISSON = "the terms deep-ritz/interior, strong-form/interior, supervised/interior, error/slope"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    finite = expected[expected.isfinite()]
    scale = float(finite.abs().max()) if len(finite) else 0.0
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * scale, equal_nan=True)


def native(d: Discretization) -> bool:
    return None not in d.assembly.natives


def compare(found: Discretization, eager: Discretization, thetas: torch.Tensor) -> None:
    """All losses, gradients and products at parameters (m, P)."""
    assert native(found)
    assert set(eager.assembly.natives) == {None}
    measured, expected = found.measure(thetas), eager.measure(thetas)
    assert list(measured) == list(expected)
    for name, values in expected.items():
        assert measured[name].shape == values.shape
        assert measured[name].dtype == values.dtype
        close(measured[name].double(), values.double())
    vectors = torch.randn(3, thetas.shape[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for loss in eager.losses:
        a, b = found.objective(loss), eager.objective(loss)
        close(a.loss(thetas), b.loss(thetas))
        exists = b.loss(thetas).isfinite()
        for theta in (thetas[0], thetas[exists]):
            for one, other in zip(a.loss_and_gradient(theta), b.loss_and_gradient(theta), strict=True):
                assert one.shape == other.shape
                close(one, other)
        for name in ("hessian_product", "gauss_newton_product"):
            products = getattr(b, name)(thetas[0], vectors)
            close(getattr(a, name)(thetas[0], vectors), products)
            close(getattr(a, name)(thetas[0], vectors[1]), products[1])


# Sizes that are no multiple of any tile, several activations and depths, all kinds of residuals.
SHAPES = [(4, 2, 8, "tanh"), (1, 1, 3, "sin"), (7, 3, 5, "swish"), (13, 2, 6, "softplus"), (5, 2, 4, "gelu")]
SOFT = {"enforce": "soft", "weight": 3.0}
CASES = [
    *((name, SHAPES[number % len(SHAPES)], {}) for number, name in enumerate(PROBLEMS)),
    ("poisson2d", SHAPES[0], {"boundary": SOFT}),
    ("convection", SHAPES[0], {"periodic": SOFT}),
    ("wave", SHAPES[0], {"rate": SOFT, "interior": {"weight": 0.5}}),
    ("burgers", SHAPES[0], {"initial": SOFT}),
    ("beam", SHAPES[0], {"clamped": SOFT}),
]


@pytest.mark.parametrize(("name", "shape", "conditions"), CASES, ids=str)
def test_losses_gradients_and_products_agree_with_torch(name: str, shape: tuple, conditions: dict, folder: Path) -> None:
    settings = model(name, *shape, conditions=conditions)
    eager = discretization(settings)
    thetas = torch.stack([0.5 * initial(eager, seed) for seed in range(3)])
    compare(discretization(settings, compiler=Compiler(folder)), eager, thetas)


def test_every_smooth_activation_is_there() -> None:
    assert {shape[-1] for shape in SHAPES} == {name for name, a in ACTIVATIONS.items() if a.exist == math.inf}


class Odd3d(Problem):
    """Three dimensions, two components, a lift, coefficients that depend on x, and every function that a density may use."""

    domain = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    components = ("u", "v")
    scale = 0.3

    def conditions(self):
        return Dirichlet("boundary", self.exact)

    def density(self, p, w):
        u, v = w
        gradient = sum(g**2 for g in (*u.gradient, *v.gradient))
        stiff = 1.0 + 0.5 * sin(p.x) * p.z
        return stiff * sqrt(1.0 + gradient) + exp(0.3 * u) * tanh(v) + log(2.0 + u**2) + u.y * v.z / 3 - v**3

    def exact(self, p):
        s = sin(pi * p.x) * sin(pi * p.y) * sin(pi * p.z)
        return s + p.x, s * p.y

    def lift(self, p):
        return p.x, 0.0 * p.x

    def exists(self, p, w):
        return 1.0 + w["u"].x > 0.5


@pytest.mark.slow
def test_a_problem_in_three_dimensions_with_every_function_agrees(folder: Path) -> None:
    eager, found = (
        Discretization(Odd3d(), Mlp(3, 2, 5, 2), Rule("gauss-legendre", 3), compiler=c) for c in (None, Compiler(folder))
    )
    thetas = torch.stack([initial(eager), 0.1 * initial(eager, 1), 30.0 * initial(eager, 2)])
    assert eager.measure(thetas)["infeasible"].tolist() == [False, False, True]
    compare(found, eager, thetas)


def test_losses_where_the_energy_does_not_exist_are_nan_and_the_others_are_not(folder: Path) -> None:
    eager = small("neo_hookean2d")
    found = discretization(model("neo_hookean2d"), compiler=Compiler(folder))
    thetas = torch.stack([initial(eager), 40.0 * initial(eager)]).reshape(2, 1, -1)
    measured = found.measure(thetas)
    assert native(found)
    assert measured["infeasible"].tolist() == [[False], [True]]
    for name, values in eager.measure(thetas).items():
        close(measured[name].double(), values.double())
    energy = found.objective("deep-ritz")
    loss, gradient = energy.loss_and_gradient(thetas[1, 0])
    assert loss.isnan()
    assert gradient.isnan().all()
    assert energy.gauss_newton_product(thetas[1, 0], thetas[1]).isnan().all()
    assert energy.hessian_product(thetas[1, 0], thetas[1]).isnan().all()
    assert found.objective("supervised").gradient(thetas[1, 0]).isfinite().all()


@pytest.mark.slow
def test_extreme_activations_are_finite(folder: Path) -> None:
    for activation in ("tanh", "swish", "softplus"):
        eager = small("poisson1d", activation=activation)
        found = discretization(model("poisson1d", activation=activation), compiler=Compiler(folder))
        compare(found, eager, torch.stack([1e3 * initial(eager), torch.zeros(eager.size, dtype=torch.float64)]))


class Explosive(Problem):
    """A density that overflows where the solution is large."""

    domain = Interval(0, 1)

    def conditions(self):
        return Dirichlet()

    def density(self, p, u):
        return u.x**2 + 1e-30 * exp(50.0 * u)

    def exact(self, p):
        return sin(pi * p.x)


def test_a_density_that_overflows_is_not_finite_as_it_is_not_in_torch(folder: Path) -> None:
    """And not the largest number that there is, which would look like a loss; infinite or NaN, as the order of sums has it."""
    eager, found = (
        Discretization(Explosive(), Mlp(1, 1, 4, 1), Rule("gauss-legendre", 6), compiler=c) for c in (None, Compiler(folder))
    )
    thetas = torch.stack([scale * initial(eager) for scale in (1.0, 1e3, -1e3)])
    expected, measured = eager.measure(thetas), found.measure(thetas)
    assert native(found)
    for name in ("deep-ritz", "strong-form", "supervised"):
        exists = expected[name].isfinite()
        assert torch.equal(measured[name].isfinite(), exists)
        close(measured[name][exists], expected[name][exists])
    assert expected["deep-ritz"].isfinite().tolist() == [True, False, False]


def test_code_is_compiled_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for message in ([f"compiling {OF_POISSON}; the code is kept in"], []):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger=LOG):
            assert native(discretization(model("poisson1d"), compiler=Compiler(tmp_path)))
        assert [record.getMessage().rsplit(" ", 1)[0] for record in caplog.records] == message
        (kept,) = tmp_path.glob("*.so")
    assert kept.stat().st_size > 1000


def test_without_a_compiler_the_log_says_so_and_the_numbers_are_those_of_torch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    objective = discretization(model(), compiler=Compiler(tmp_path)).objective("deep-ritz")
    theta = initial(small())
    with caplog.at_level(logging.WARNING, logger=LOG):
        found = [objective.loss_and_gradient(theta) for _ in range(3)]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{OF_POISSON} are not compiled (no C++ compiler found; g++ or clang++ would do): they run slower"
    )
    expected = small().objective("deep-ritz").loss_and_gradient(theta)
    assert all(torch.equal(f[0], expected[0]) and torch.equal(f[1], expected[1]) for f in found)
    assert not list(tmp_path.glob("*.so"))


def test_code_that_does_not_compile_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(term_code, "struct", lambda *_, **__: "no C++;\n")
    with caplog.at_level(logging.WARNING, logger=LOG):
        assert not native(discretization(model(), compiler=Compiler(tmp_path)))
    assert f"{OF_POISSON} are not compiled (" in caplog.text
    assert "error" in caplog.text
    assert not list(tmp_path.glob("*.so"))


def a_compiler_that(fails: str, folder: Path) -> str:
    """A compiler that answers questions about itself, and then fails."""
    path = folder / "compiler"
    path.write_text(f'#!/bin/bash\nif [[ "$*" == *-dM* ]]; then exit 0; fi\n{fails}\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("fails", "error", "text"),
    [
        (
            'echo "fatal error: error writing to x.s: No space left on device" >&2; exit 1',
            StorageError,
            "cannot be compiled",
        ),
        ('echo "fatal error: Killed signal terminated program cc1plus" >&2; exit 1', MemoryError, "the compiler was killed"),
        ("kill -KILL $$", MemoryError, "the compiler was killed"),
    ],
)
def test_a_machine_that_fails_the_compiler_does_not_change_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, error: type, text: str
) -> None:
    monkeypatch.setenv("CXX", a_compiler_that(fails, tmp_path))
    found = discretization(model(), compiler=Compiler(tmp_path / "kernels"))
    with pytest.raises(error, match=text):
        _ = found.assembly.natives
    assert not list((tmp_path / "kernels").glob("*.so"))


def test_whether_it_pays_depends_on_the_work_alone(tmp_path: Path) -> None:
    assert Compiler(tmp_path).pays(1)
    few, many = Compiler(tmp_path, 100), Compiler(tmp_path, 100_000)
    assert not few.pays(1000)
    assert few.pays(10**9)
    assert many.pays(1000)
    assert not native(discretization(model(), compiler=few))
    assert not list(tmp_path.glob("*.so"))


def test_another_rule_takes_no_other_code(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = discretization(model("semilinear2d"), compiler=Compiler(folder))
    assert native(found)
    with caplog.at_level(logging.INFO, logger=LOG):
        moved, rule = found.with_rules(Rule("simpson", 5)), Rule("simpson", 5)
        compare(moved, small("semilinear2d").with_rules(rule), random_theta(found.network)[None])
    assert not caplog.records
