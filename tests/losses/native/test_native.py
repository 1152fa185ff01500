"""Machine code gives the numbers of torch, is kept, and is done without where it cannot be had."""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import PROBLEMS, initial, small
from settings_cases import model

from pinnscape.common.errors import ProblemError, StorageError
from pinnscape.common.formulations import FORMULATIONS
from pinnscape.losses import derivations
from pinnscape.losses.model import discretization
from pinnscape.losses.native import build
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.generate import NotCompilable, functions
from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import ACTIVATIONS
from pinnscape.networks.mlp import Network
from pinnscape.problems import quadrature
from pinnscape.problems.base import Problem
from pinnscape.problems.catalog import CATALOG, problem
from pinnscape.problems.euler_lagrange import EulerLagrange
from pinnscape.problems.functions import exp, log, sin, sqrt, tanh

pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
LOG = "pinnscape.losses.native.build"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    finite = expected[expected.isfinite()]
    scale = float(finite.abs().max()) if len(finite) else 0.0
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * scale, equal_nan=True)


def compare(found: Discretization, eager: Discretization, thetas: torch.Tensor) -> None:
    """All losses, gradients and products at parameters (m, P)."""
    assert found.kernels is not None
    assert eager.kernels is None
    expected = eager.measure(thetas)
    measured = found.measure(thetas)
    assert list(measured) == list(expected)
    for name, values in expected.items():
        assert measured[name].shape == values.shape
        assert measured[name].dtype == values.dtype
        close(measured[name].double(), values.double())
    vectors = torch.randn(3, thetas.shape[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for formulation in FORMULATIONS:
        a, b = Objective(found, formulation), Objective(eager, formulation)
        close(a.loss(thetas), b.loss(thetas))
        exists = b.loss(thetas).isfinite()
        for theta in (thetas[0], thetas[exists]):
            for one, other in zip(a.loss_and_gradient(theta), b.loss_and_gradient(theta), strict=True):
                assert one.shape == other.shape
                close(one, other)
        close(a.hessian_product(thetas[0], vectors), b.hessian_product(thetas[0], vectors))
        close(a.hessian_product(thetas[0], vectors[1]), b.hessian_product(thetas[0], vectors[1]))
        for product in (a.gauss_newton_product(thetas[0], vectors), a.gauss_newton_product(thetas[0], vectors[1])[None]):
            close(product, b.gauss_newton_product(thetas[0], vectors)[[1] if len(product) == 1 else [0, 1, 2]])


# Sizes that are no multiple of any tile, all activations and depths, all kinds of residuals.
SHAPES = [(4, 2, 8, "tanh"), (1, 1, 3, "sin"), (7, 3, 5, "swish"), (13, 2, 6, "softplus")]
CASES = [
    *((name, SHAPES[0]) for name in PROBLEMS),
    *(("semilinear2d", shape) for shape in SHAPES[1:]),
    ("neo_hookean2d", SHAPES[2]),
]


@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_losses_gradients_and_products_agree_with_torch(name: str, shape: tuple, folder: Path) -> None:
    eager = small(name, *shape)
    thetas = torch.stack([0.5 * initial(eager, seed) for seed in range(3)])
    compare(discretization(name, model(*shape), compiler=Compiler(folder)), eager, thetas)


def test_every_activation_is_there() -> None:
    assert {shape[-1] for shape in SHAPES} == set(ACTIVATIONS)


class Odd3d(Problem):
    """Three dimensions, two components, a lift, coefficients that depend on x, and every function that a density may use."""

    dimension = 3
    components = ("u", "v")
    scale = 0.3

    def density(self, x, u, du):
        a, b = u[..., 0], u[..., 1]
        stiff = 1.0 + 0.5 * sin(x[..., 0]) * x[..., 2]
        gradient = (du * du).sum((-2, -1))
        return (
            stiff * sqrt(1.0 + gradient) + exp(0.3 * a) * tanh(b) + log(2.0 + a * a) + du[..., 0, 1] * du[..., 1, 2] / 3 - b**3
        )

    def exact(self, x):
        s = torch.sin(torch.pi * x).prod(-1, keepdim=True)
        return torch.cat([s + x[..., :1], s * x[..., 1:2]], -1)

    def lift(self, x):
        return torch.cat([x[..., :1], torch.zeros_like(x[..., :1])], -1)

    def infeasible(self, u, du):
        return 1.0 + du[..., 0, 0] < 0.5


def test_a_problem_in_three_dimensions_with_every_function_agrees(folder: Path) -> None:
    network, rule = Network(3, 2, 5, 2), quadrature.rule("gauss-legendre", 3, 3)
    eager, found = (Discretization(Odd3d(), network, rule, compiler=c) for c in (None, Compiler(folder)))
    thetas = torch.stack([initial(eager), 0.1 * initial(eager, 1), 30.0 * initial(eager, 2)])
    assert eager.measure(thetas)["infeasible"].tolist() == [False, False, True]
    compare(found, eager, thetas)


def test_losses_where_the_energy_does_not_exist_are_nan_and_the_others_are_not(folder: Path) -> None:
    eager = small("neo_hookean2d")
    found = discretization("neo_hookean2d", model(), compiler=Compiler(folder))
    thetas = torch.stack([initial(eager), 40.0 * initial(eager)]).reshape(2, 1, -1)
    measured = found.measure(thetas)
    assert measured["infeasible"].tolist() == [[False], [True]]
    for name, values in eager.measure(thetas).items():
        close(measured[name].double(), values.double())
    loss, gradient = Objective(found, "deep-ritz").loss_and_gradient(thetas[1, 0])
    assert loss.isnan()
    assert gradient.isnan().all()
    assert Objective(found, "deep-ritz").gauss_newton_product(thetas[1, 0], thetas[1]).isnan().all()
    assert Objective(found, "supervised").gradient(thetas[1, 0]).isfinite().all()


def test_extreme_activations_are_finite(folder: Path) -> None:
    for activation in ("tanh", "swish", "softplus"):
        eager = small("poisson1d", activation=activation)
        found = discretization("poisson1d", model(activation=activation), compiler=Compiler(folder))
        compare(found, eager, torch.stack([1e3 * initial(eager), torch.zeros(eager.network.size, dtype=torch.float64)]))


class Explosive(Problem):
    """A density that overflows where the solution is large."""

    dimension = 1

    def density(self, x, u, du):
        return (du * du).sum((-2, -1)) + 1e-30 * exp(50.0 * u).sum(-1)

    def exact(self, x):
        return torch.sin(torch.pi * x)


def test_a_density_that_overflows_is_not_finite_as_it_is_not_in_torch(folder: Path) -> None:
    """And not the largest number that there is, which would look like a loss; infinite or NaN, as the order of sums has it."""
    network, rule = Network(1, 1, 4, 1), quadrature.rule("gauss-legendre", 6, 1)
    eager, found = (Discretization(Explosive(), network, rule, compiler=c) for c in (None, Compiler(folder)))
    thetas = torch.stack([scale * initial(eager) for scale in (1.0, 1e3, -1e3)])
    expected, measured = eager.measure(thetas), found.measure(thetas)
    assert found.kernels is not None
    for name in ("deep-ritz", "strong-form", "supervised"):
        exists = expected[name].isfinite()
        assert torch.equal(measured[name].isfinite(), exists)
        close(measured[name][exists], expected[name][exists])
    assert expected["deep-ritz"].isfinite().tolist() == [True, False, False]


def test_code_is_compiled_once(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for message in (["compiling the losses; the code is kept in"], []):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger=LOG):
            assert discretization("poisson1d", model(), compiler=Compiler(tmp_path)).kernels is not None
        assert [record.getMessage().rsplit(" ", 1)[0] for record in caplog.records] == message
        (kept,) = tmp_path.glob("*.so")
    assert kept.stat().st_size > 1000


def test_without_a_compiler_the_log_says_so_and_the_numbers_are_those_of_torch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    objective = Objective(discretization("poisson2d", model(), compiler=Compiler(tmp_path)), "deep-ritz")
    theta = initial(objective.discretization)
    with caplog.at_level(logging.WARNING, logger=LOG):
        found = [objective.loss_and_gradient(theta) for _ in range(3)]
    (record,) = caplog.records
    assert record.getMessage() == (
        "the losses are not compiled (no C++ compiler found; g++ or clang++ would do): they run slower"
    )
    expected = Objective(small(), "deep-ritz").loss_and_gradient(theta)
    assert all(torch.equal(f[0], expected[0]) and torch.equal(f[1], expected[1]) for f in found)
    assert not list(tmp_path.glob("*.so"))


def test_code_that_does_not_compile_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivations, "_MEMORY", {})
    monkeypatch.setattr(derivations, "functions", lambda *_: "no C++;\n")
    with caplog.at_level(logging.WARNING, logger=LOG):
        assert discretization("poisson2d", model(), compiler=Compiler(tmp_path)).kernels is None
    assert "the losses are not compiled (" in caplog.text
    assert "error" in caplog.text
    assert not list(tmp_path.glob("*.so"))


def test_code_with_wrong_numbers_stops_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = functions

    def wrong(*arguments):
        return right(*arguments).replace("0.5*power(p_0_1, 2)", "0.500001*power(p_0_1, 2)")

    monkeypatch.setattr(derivations, "_MEMORY", {})
    monkeypatch.setattr(derivations, "functions", wrong)
    with pytest.raises(ProblemError) as caught:
        _ = discretization("poisson2d", model(), compiler=Compiler(tmp_path)).kernels
    said = re.fullmatch(
        r"workflow/pinnscape/problems/poisson.py: Poisson2d.density: machine code gives (\S+) for losses and errors where torch gives (\S+); .*; "
        r"if it does, set engine.compile: never, and report this",
        str(caught.value),
    )
    assert said is not None
    assert 1e-8 < abs(float(said[1]) / float(said[2]) - 1.0) < 1e-5
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
            'echo "fatal error: error writing to /tmp/x.s: No space left on device" >&2; exit 1',
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
    found = discretization("poisson2d", model(), compiler=Compiler(tmp_path / "kernels"))
    with pytest.raises(error, match=text):
        _ = found.kernels
    assert not list((tmp_path / "kernels").glob("*.so"))


def _expressions(p: Problem):
    expressions = EulerLagrange(p.density, p.dimension, len(p.components)).expressions
    assert expressions is not None
    return expressions


def test_densities_beyond_the_generator_are_named() -> None:
    import sympy

    p = problem("poisson2d")
    e = _expressions(p)
    with pytest.raises(NotCompilable, match="no machine code for the function polygamma"):
        functions(type(e)(sympy.gamma(e.u[0]), e.residual, e.x, e.u, e.p, e.second, e.isotropic), p)

    class Strange(type(p)):
        def infeasible(self, u, du):
            return (u.sum() > 1).any() and torch.tensor(True)

    with pytest.raises(NotCompilable, match="where the energy exists"):
        functions(e, Strange())


def test_whether_it_pays_depends_on_the_work_alone(tmp_path: Path) -> None:
    assert Compiler(tmp_path).pays(1)
    few, many = Compiler(tmp_path, 100), Compiler(tmp_path, 100_000)
    assert not few.pays(1000)
    assert few.pays(10**9)
    assert many.pays(1000)
    assert discretization("poisson2d", model(), compiler=few).kernels is None
    assert not list(tmp_path.iterdir())


def test_parameters_of_another_size_are_refused(folder: Path) -> None:
    found = discretization("poisson1d", model(), compiler=Compiler(folder))
    size = found.network.size
    with pytest.raises(ValueError, match=rf"parameters must be \(m, {size}\), not \(2, {size + 1}\)"):
        found.measure(torch.zeros(2, size + 1, dtype=torch.float64))


@pytest.mark.parametrize("problem_name", PROBLEMS)
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_blocks_of_points_sum_up_to_the_whole(problem_name: str, formulation: str) -> None:
    whole = small(problem_name)
    split = discretization(problem_name, model(), memory=0.01)  # ten kilobytes: some points at a time
    assert 1 < len(split.parts) <= 64
    assert sum(len(part.points) for part in split.parts) == len(split.points)
    theta = initial(whole)
    a, b = Objective(whole, formulation), Objective(split, formulation)
    close(b(theta), a(theta))
    close(b.gradient(theta), a.gradient(theta))
    vectors = torch.eye(a.size, dtype=torch.float64)[:2]
    close(b.hessian_product(theta, vectors), a.hessian_product(theta, vectors))
    expected = whole.measure(theta[None])
    for name, values in split.measure(theta[None]).items():
        close(values.double(), expected[name].double())


def test_results_do_not_depend_on_what_is_computed_together(folder: Path) -> None:
    found = discretization("semilinear2d", model(), compiler=Compiler(folder))
    thetas = torch.stack([initial(found, seed) for seed in range(4)])
    together = found.measure(thetas)
    for i, theta in enumerate(thetas):
        for name, value in found.measure(theta).items():
            np.testing.assert_array_equal(value.numpy(), together[name][i].numpy())
    objective = Objective(found, "strong-form")
    matrix = objective.hessian_product(thetas[0], torch.eye(objective.size, dtype=torch.float64))
    close(matrix, matrix.T)
    for row, vector in zip(matrix, torch.eye(objective.size, dtype=torch.float64), strict=True):
        assert torch.equal(objective.hessian_product(thetas[0], vector), row)


def test_the_catalogue_compiles() -> None:
    for name in CATALOG:
        p = problem(name)
        assert "residual_slopes" in functions(_expressions(p), p)
