"""Native code of terms gives the numbers of torch, is kept, and is done without where it cannot be had."""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from equation_cases import XT, convection, convection_terms, mean

from pinnscape.common.errors import ProblemError
from pinnscape.files.kept import Kept
from pinnscape.losses import evaluation
from pinnscape.losses.assembly import Assembly
from pinnscape.losses.expressions import Symbols, derive
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.native import groups, term_code
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.native.printing import NotCompilable, statements
from pinnscape.losses.terms import Ansatz, Term
from pinnscape.networks.architectures import Architecture, Mlp, Modified, Residual
from pinnscape.networks.embeddings import Box, Fourier, Periodic
from pinnscape.problems.domains.boxes import SpaceTime
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.field import Unknowns
from pinnscape.problems.functions import exp, log, sin, sqrt, tanh
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.points import PointSet
from pinnscape.problems.problem import Problem

pytestmark = [
    pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler"),
    pytest.mark.xdist_group("native terms"),  # one process compiles
]
LOG = "pinnscape.losses.native"
BOX = Box((0.0, 0.0), (2.0, 1.0))
PAIR = Unknowns(("x", "t"), ("a", "b"), "t")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-11) -> None:
    finite = expected[expected.isfinite()]
    scale = float(finite.abs().max()) if len(finite) else 0.0
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def random(size: int, seed: int = 0, *shape: int) -> torch.Tensor:
    return 0.6 * torch.tensor(np.random.default_rng(seed).standard_normal((*shape, size)))


def points(count: int = 21, sites: int = 1, seed: int = 0, **data: np.ndarray) -> PointSet:
    """Fewer than a whole number of vectors."""
    return mean(np.random.default_rng(seed).random((sites, count, 2)) * [2.0, 1.0], **data)


def compare(native: Assembly, eager: Assembly) -> None:
    """All terms, their derivatives and products, of native code and torch."""
    assert None not in native.natives
    assert set(eager.natives) == {None}
    thetas, vectors = random(native.solution.network.size, 1, 2, 3), random(native.solution.network.size, 2, 2)
    measured, expected = native.measure(thetas), eager.measure(thetas)
    assert list(measured) == list(expected)
    for name, values in expected.items():
        assert measured[name].shape == values.shape
        close(measured[name].double(), values.double())
    for name in native.terms:
        a, b = (FieldObjective(name, made, (name,)) for made in (native, eager))
        close(a.loss(thetas), b.loss(thetas))
        for one, other in zip(a.loss_and_gradient(thetas[0]), b.loss_and_gradient(thetas[0]), strict=True):
            assert one.shape == other.shape
            close(one, other)
        theta = thetas[0, 0]
        close(a.hessian_product(theta, vectors), b.hessian_product(theta, vectors))
        close(a.gauss_newton_product(theta, vectors), b.gauss_newton_product(theta, vectors))


def both(
    folder: Path,
    network: Architecture,
    unknowns: Unknowns,
    terms: list[Term],
    ansatz: Ansatz | None = None,
    **parameters: float,
) -> None:
    compare(*(Assembly(network, unknowns, terms, ansatz, parameters, compiler=c) for c in (Compiler(folder), None)))


class Beam(Problem):
    domain = SpaceTime(x=(0, 2), t=(0, 1))
    nu = Parameter(0.4)

    def density(self, p, u):
        return self.nu * u.xx * u.xx * (1.0 + p.x) + u.t * u.x


def everything(at: PointSet) -> list[Term]:
    """Terms of all orders, with every function that an expression may use."""
    beam = Beam()
    return [
        Term("kdv", "squared", lambda p, u, f: u.t + 6.0 * u * u.x + f["nu"] * u.xxx - f["load"] * u - f["load"], at),
        Term("wave", "squared", lambda p, u, f: (u.tt - u.laplacian + u**3, u.x * u.t), at),
        Term("beam", "squared", lambda p, u, f: operator(beam)(p, u)[0] - sin(p.t), at),
        Term("value", "squared", lambda p, u, f: u - f["load"], at),
        Term(
            "energy",
            "energy",
            lambda p, u, f: (
                sqrt(1.0 + u.x * u.x + u.t**2) + exp(0.3 * u) * tanh(u.x) / 3 + log(2.0 + u * u) - f["load"] * u + p.x
            ),
            at,
        ),
        Term(
            "power",
            "energy",
            lambda p, u, f: (1.0 + u.x**2) ** 1.3 + (2.0 + u.t**2) ** f["nu"],
            at,
            exists=lambda p, u, f: u.x < 1.5,
        ),
    ]


def test_terms_of_all_orders_from_one_pass(folder: Path) -> None:
    ansatz = Ansatz(lambda x: torch.sin(x[:, :1]) * x[:, 1:], lambda x: torch.exp(-x[:, :1]) * x[:, 1:] ** 2)
    at = points(load=np.linspace(-1.0, 1.0, 21))
    network = Mlp(2, 1, 9, 2)
    eager = Assembly(network, XT, everything(at), ansatz, {"nu": 0.4})
    both(folder, network, XT, everything(at), ansatz, nu=0.4)
    exists = eager.measure(random(network.size, 1, 2, 3))["exists"]
    assert exists.any()
    assert not exists.all()


NETWORKS = {
    "residual": Residual(2, 1, 5, 2, "gelu"),
    "modified": Modified(2, 1, 5, 3, "swish", (BOX,)),
    "fourier": Mlp(2, 1, 6, 2, "sin", (BOX, Fourier(3, 0.3))),
    "periodic": Mlp(2, 1, 7, 1, "softplus", (Periodic(0, 2.0, 2),)),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_all_architectures(network: Architecture, folder: Path) -> None:
    at = points()
    terms = [
        Term("heat", "squared", lambda p, u, f: u.t - u.laplacian + u * u, at),
        Term("energy", "energy", lambda p, u, f: 0.5 * u.x**2 + u.t * u, at),
    ]
    both(folder, network, XT, terms)


@pytest.mark.parametrize(
    ("activation", "local"), [("relu", lambda p, u, f: u.x**2 + u.t * u), ("relu3", lambda p, u, f: u.xxx * u + u.tt**2)]
)
def test_rough_activations(activation: str, local, folder: Path) -> None:
    both(folder, Mlp(2, 1, 6, 2, activation), XT, [Term("energy", "energy", local, points())])


def test_sites_components_and_factors_of_their_own(folder: Path) -> None:
    at = points(13, 2, scale=np.linspace(1.0, 2.0, 13))
    ansatz = Ansatz(
        lambda x: torch.cat([x[:, :1], torch.cos(x[:, 1:])], 1), lambda x: torch.cat([x[:, 1:], 1.0 + x[:, :1] ** 2], 1)
    )

    def periodic(p, u, f):
        (a, b), (c, d) = u
        return a - c, f["scale"] * (a.x - c.x) * p[1].t, b.xx - d.xx

    terms = [
        Term("periodic", "squared", periodic, at),
        Term("product", "energy", lambda p, u, f: u[0]["a"] * u[1]["b"].t + p[0].x * u[1]["a"], at),
    ]
    both(folder, Mlp(2, 2, 5, 2), PAIR, terms, ansatz)


def test_one_direction_in_place_of_all_variables(folder: Path) -> None:
    at = points(speed=np.linspace(0.5, 3.0, 21))
    terms = [
        Term("transport", "squared", lambda p, u, f: u.t + f["beta"] * f["speed"] * p.x * u.x + u * u, at),
        Term("value", "squared", lambda p, u, f: u, at),
    ]
    ansatz = Ansatz(lambda x: torch.sin(x[:, :1]), lambda x: x[:, 1:] * x[:, :1])
    network = Mlp(2, 1, 6, 2)
    native = Assembly(network, XT, terms, ansatz, {"beta": 2.0}, compiler=Compiler(folder))
    assert [a.streams.count for a in groups.source_of(native.groups[0]).algebras] == [2, 1]
    assert groups.source_of(native.groups[0]).together.streams.count == 2
    compare(native, Assembly(network, XT, terms, ansatz, {"beta": 2.0}))
    # With another term that needs all derivatives, the pass for all terms has these.
    more = [*terms, Term("slopes", "squared", lambda p, u, f: u.gradient, at)]
    assert groups.source_of(Assembly(network, XT, more, parameters={"beta": 2.0}).groups[0]).together.streams.count == 3


def test_libraries_in_one_process_do_not_share_the_constants_of_their_types(folder: Path) -> None:
    """The types of different terms have the same names, such as ``Algebra1``."""
    rng, xyz = np.random.default_rng(0), Unknowns(("x", "y", "z"))
    at = mean(rng.random((21, 3)))
    for local in (lambda p, u, f: u.yy * u.yz + u.zz * u.z, lambda p, u, f: u.xx * u.xy + u.yy * u.yz + u.zz * u.xz):
        both(folder, Mlp(3, 1, 5, 2), xyz, [Term("one", "squared", local, at)])


def test_parameters_weights_and_points_take_no_other_code(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    network = Mlp(2, 1, 5, 2)
    made = convection(network, Compiler(folder), interior=20, boundary=6)
    assert None not in made.natives
    theta = random(network.size)
    with caplog.at_level(logging.INFO, logger=LOG):
        heavy = [Term(t.name, t.kind, t.local, t.points, 7.0) for t in convection_terms(33, 9, 1)]
        other = Assembly(network, XT, heavy, parameters={"beta": 1.0}, compiler=Compiler(folder))
        found = other.measure(theta)
        moved = made.with_points({made.terms["interior"].points: heavy[0].points})
        assert None not in [*other.natives, *moved.natives]
    assert not caplog.records
    expected = convection(network, beta=1.0, interior=33, boundary=9, seed=1).measure(theta)
    for name, value in expected.items():
        close(found[name], 7.0 * value)
    close(moved.measure(theta)["interior"], convection(network, interior=33, boundary=9, seed=1).measure(theta)["interior"])


def test_a_term_that_symbols_cannot_do_runs_in_torch_and_says_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    at, network = points(), Mlp(2, 1, 4, 1)
    terms = [Term("odd", "squared", lambda p, u, f: torch.cosh(u.x) + 0 * u.xx, at)]
    made = Assembly(network, XT, terms, compiler=Compiler(folder))
    theta = random(network.size)
    (record,) = caplog.records
    assert record.getMessage().startswith("the term odd cannot be derived symbolically (TypeError: cosh")
    assert record.getMessage().endswith("): it runs slower")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        values = [FieldObjective("odd", made, ("odd",)).loss_and_gradient(theta) for _ in range(2)]
    assert not caplog.records
    expected = FieldObjective("odd", Assembly(network, XT, terms), ("odd",)).loss_and_gradient(theta)
    assert all(torch.equal(a, b) for found in values for a, b in zip(found, expected, strict=True))


def test_one_group_may_be_native_while_another_is_not(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    network = Mlp(2, 1, 4, 1)
    terms = [
        Term("smooth", "squared", lambda p, u, f: u.t - u, points(9)),
        Term("absolute", "squared", lambda p, u, f: abs(u), points(9, seed=1)),
    ]
    made, eager = (Assembly(network, XT, terms, compiler=c) for c in (Compiler(folder), None))
    with caplog.at_level(logging.WARNING, logger=LOG):
        assert [native is None for native in made.natives] == [False, True]
    (record,) = caplog.records
    assert (
        record.getMessage()
        == "the terms absolute are not compiled (there is no native code for Abs in Abs(u_0)): they run slower"
    )
    objective, expected = (FieldObjective("both", a, ("smooth", "absolute")) for a in (made, eager))
    theta = random(network.size)
    close(objective.loss(theta), expected.loss(theta))
    close(objective.gradient(theta), expected.gradient(theta))
    close(objective.hessian_product(theta, theta), expected.hessian_product(theta, theta))
    assert objective.batch == expected.batch


@pytest.mark.parametrize("local", [abs, lambda u: abs(u) ** 3, lambda u: (u * u) ** u])
def test_functions_without_native_code_are_refused_in_the_printer(local) -> None:
    symbols = Symbols(XT)
    (output,) = derive(lambda p, u, f: local(1 * u), symbols).outputs
    with pytest.raises(NotCompilable, match=r"^there is no native code for (Abs|the power)"):
        statements({"": output})


def test_other_functions_are_refused_by_name() -> None:
    import sympy

    u = Symbols(XT).derivative(0, 0, (0, 0))
    for expression, name in (
        (sympy.gamma(u), "gamma"),
        (sympy.Max(u, 0), "Max"),
        (sympy.sign(u) * u, "sign"),
        (sympy.Derivative(sympy.Function("f")(u), u), "Derivative"),
    ):
        with pytest.raises(NotCompilable, match=f"^there is no native code for {name} in "):
            statements({"r[0]": expression + 1})


def test_code_with_wrong_numbers_stops_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = term_code.struct

    def wrong(*arguments, **more):
        return right(*arguments, **more).replace("2.0*u_0", "2.000001*u_0")

    monkeypatch.setattr(term_code, "struct", wrong)
    made = Assembly(
        Mlp(2, 1, 4, 1), XT, [Term("decay", "squared", lambda p, u, f: u.t - 2.0 * u, points())], compiler=Compiler(tmp_path)
    )
    with pytest.raises(ProblemError) as caught:
        _ = made.natives
    said = re.fullmatch(
        r"tests/losses/test_native_terms.py: term decay: native code gives (\S+) for its value with all others where torch gives (\S+); .*; "
        r"if it does, set engine.compile: never, and report this",
        str(caught.value),
    )
    assert said is not None
    assert 1e-9 < abs(float(said[1]) / float(said[2]) - 1.0) < 1e-4
    assert not list(tmp_path.glob("*.so"))


def test_what_was_derived_and_compiled_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Mlp(2, 1, 4, 1)

    def objective() -> FieldObjective:
        terms = [Term("transport", "squared", lambda p, u, f: u.t + f["beta"] * p.x * u.x, points())]
        made = Assembly(network, XT, terms, parameters={"beta": 2.0}, compiler=Compiler(tmp_path), kept=Kept(tmp_path, "key"))
        assert None not in made.natives
        return FieldObjective("transport", made, ("transport",))

    theta = random(network.size)
    first = objective().gradient(theta)
    assert len(list(tmp_path.glob("*.so"))) == 1
    assert len(list(tmp_path.glob("*.json"))) == 2  # the formula, and what native code is made of
    monkeypatch.setattr(evaluation, "derive", lambda *_: pytest.fail("derived again"))
    assert torch.equal(objective().gradient(theta), first)


def test_parameters_of_another_size_are_refused(folder: Path) -> None:
    network = Mlp(2, 1, 5, 2)
    made = convection(network, Compiler(folder), interior=20, boundary=6)
    with pytest.raises(ValueError, match=rf"^parameters must be \(..., {network.size}\), not \(2, {network.size + 1}\)$"):
        made.measure(torch.zeros(2, network.size + 1, dtype=torch.float64))


def test_results_do_not_depend_on_what_is_computed_together(folder: Path) -> None:
    network = Mlp(2, 1, 5, 2)
    made = convection(network, Compiler(folder), interior=20, boundary=6)
    thetas = random(network.size, 3, 4)
    together = made.measure(thetas)
    for i, theta in enumerate(thetas):
        for name, value in made.measure(theta).items():
            assert torch.equal(value, together[name][i])
    objective = FieldObjective("convection", made, ("interior", "initial", "periodic"))
    matrix = objective.hessian_product(thetas[0], torch.eye(network.size, dtype=torch.float64))
    close(matrix, matrix.T)
    for row, vector in zip(matrix, torch.eye(network.size, dtype=torch.float64), strict=True):
        assert torch.equal(objective.hessian_product(thetas[0], vector), row)
    assert objective.batch == 64


def test_whether_it_pays_depends_on_the_work_alone(tmp_path: Path) -> None:
    made = convection(Mlp(2, 1, 5, 2), Compiler(tmp_path, 10), interior=20, boundary=6)
    assert set(made.natives) == {None}
    assert not list(tmp_path.iterdir())


def test_a_local_expression_that_differs_on_symbols_is_refused() -> None:
    def two_faced(p, u, f):
        return u.t - (2.0 if isinstance(u.value, torch.Tensor) else 2.000001) * u

    with pytest.raises(ProblemError) as caught:
        Assembly(Mlp(2, 1, 4, 1), XT, [Term("decay", "squared", two_faced, points())])
    said = re.fullmatch(
        r"tests/losses/test_native_terms.py: term decay: gives (\S+) with symbols where it gives (\S+) with tensors; it must do the same with both",
        str(caught.value),
    )
    assert said is not None
    assert 1e-9 < abs(float(said[1]) / float(said[2]) - 1.0) < 1e-3


def test_symbols_of_parameters_may_come_from_elsewhere() -> None:
    import sympy

    def statement(beta):
        return lambda p, u, f: u.t + beta * u.x, lambda p, u, f: beta * u < 10.0

    local, exists = statement(3.0)
    at, network = points(), Mlp(2, 1, 4, 1)
    symbolic = statement(sympy.Symbol("beta", positive=True))
    terms = [Term("transport", "squared", local, at, 1.0, exists, lambda: symbolic)]
    made = Assembly(network, XT, terms, parameters={"beta": 3.0})
    theta = random(network.size)
    plain = Assembly(network, XT, [Term("transport", "squared", lambda p, u, f: u.t + 3.0 * u.x, at)])
    close(made.measure(theta)["transport"], plain.measure(theta)["transport"])
    local, exists = statement(1.0)
    slow = Assembly(
        network, XT, [Term("transport", "squared", local, at, 1.0, exists, lambda: symbolic)], parameters={"beta": 1.0}
    )
    plain = Assembly(network, XT, [Term("transport", "squared", lambda p, u, f: u.t + u.x, at)])
    close(slow.measure(theta)["transport"], plain.measure(theta)["transport"])
    unknown = [Term("transport", "squared", local, at, 1.0, None, lambda: (statement(sympy.Symbol("gamma"))[0], None))]
    assert not Assembly(network, XT, unknown, parameters={"beta": 3.0}).groups[0].derived
