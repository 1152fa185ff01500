"""The Euler-Lagrange operator: by hand against automatic, both against total derivatives, SymPy and paper."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import sympy
import torch
from naive import assert_close, euler_lagrange, forward, random_points, random_theta
from sympy.calculus.euler import euler_equations

from pinnscape.losses.objective import Discretization, Objective
from pinnscape.networks.jets import Jet, function_jet, network_jet
from pinnscape.networks.mlp import Network
from pinnscape.problems import functions
from pinnscape.problems.catalog import CATALOG, problem
from pinnscape.problems.euler_lagrange import EulerLagrange, automatic, derive, explicit, written
from pinnscape.problems.functions import cos, exp, log, sin, sqrt, tanh
from pinnscape.problems.quadrature import rule


def squares(du):
    return (du * du).sum((-2, -1))


@dataclass(frozen=True)
class Case:
    """A density with its numbers of variables and components, and what ``principal`` is."""

    name: str
    dimension: int
    components: int
    principal: str
    density: Callable


OF_PROBLEMS = [
    Case(name, entry.dimension, entry.components, "hessian" if name == "neo_hookean2d" else "laplacian", problem(name).density)
    for name, entry in CATALOG.items()
]
CASES = [
    *OF_PROBLEMS,
    Case("poisson3d", 3, 1, "laplacian", lambda x, u, du: 0.5 * squares(du)),
    Case("variable", 1, 1, "laplacian", lambda x, u, du: 0.5 * (1 + x[..., 0] ** 2) * squares(du)),
    Case("variable2d", 2, 1, "laplacian", lambda x, u, du: 0.5 * exp(sin(x[..., 0]) * x[..., 1]) * squares(du)),
    Case("quasilinear", 2, 1, "laplacian", lambda x, u, du: 0.5 * exp(u[..., 0]) * squares(du) + cos(3.0 * u[..., 0])),
    Case("drift", 2, 1, "laplacian", lambda x, u, du: 0.5 * squares(du) + u[..., 0] * x[..., 1] * du[..., 0, 0]),
    Case("potential", 1, 1, "laplacian", lambda x, u, du: 0.5 * squares(du) + tanh(u[..., 0]) * log(2 + x[..., 0])),
    Case("anisotropic", 2, 1, "hessian", lambda x, u, du: 0.5 * (du[..., 0, 0] ** 2 + 3.0 * du[..., 0, 1] ** 2)),
    Case("sheared", 2, 1, "hessian", lambda x, u, du: 0.5 * squares(du) + 0.3 * du[..., 0, 0] * du[..., 0, 1]),
    Case("layered", 2, 1, "hessian", lambda x, u, du: 0.5 * (du[..., 0, 0] ** 2 + (1 + x[..., 0]) * du[..., 0, 1] ** 2)),
    Case("minimal surface", 2, 1, "hessian", lambda x, u, du: sqrt(1 + squares(du))),
    Case("p-laplacian", 2, 1, "hessian", lambda x, u, du: squares(du) ** 2 / 4),
    Case("p-laplacian1d", 1, 1, "laplacian", lambda x, u, du: squares(du) ** 2 / 4),
    Case("coupled", 2, 2, "laplacian", lambda x, u, du: squares(du) + (du[..., 0, :] * du[..., 1, :]).sum(-1) * u[..., 0]),
    Case("one of two", 2, 2, "laplacian", lambda x, u, du: 0.5 * (du[..., 0, :] ** 2).sum(-1) + u[..., 1] * x[..., 0]),
    Case("elasticity", 2, 2, "hessian", lambda x, u, du: squares(du) + 0.5 * (du[..., 0, 0] + du[..., 1, 1]) ** 2),
    Case("null lagrangian", 2, 2, "hessian", lambda x, u, du: du[..., 0, 0] * du[..., 1, 1] - du[..., 0, 1] * du[..., 1, 0]),
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
ALMOST = 1e-12


def arbitrary_jet(case: Case, batch: tuple[int, ...] = (), points: int = 7) -> Jet:
    """Values, gradients (small enough that det(I + ∇u) > 0) and symmetric Hessians that have nothing to do with each other."""
    generator = np.random.default_rng(7)
    shape = (*batch, points, case.components)
    second = generator.normal(size=(*shape, case.dimension, case.dimension))
    second = torch.tensor(second + np.swapaxes(second, -1, -2))
    gradient = torch.tensor(0.3 * generator.uniform(-1, 1, (*shape, case.dimension)))
    return Jet(torch.tensor(generator.normal(size=shape)), gradient, hessian=second)


@cases
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_the_operator_derived_by_hand_equals_the_automatic_one(case, batch):
    x, jet = random_points(7, case.dimension), arbitrary_jet(case, batch)
    by_hand = explicit(written(derive(case.density, case.dimension, case.components)), case.dimension, case.components)(x, jet)
    assert by_hand.shape == jet.value.shape
    assert_close(by_hand, automatic(case.density, x, jet), ALMOST)


@cases
def test_the_second_derivatives_that_the_operator_needs_are_recognised(case):
    assert EulerLagrange(case.density, case.dimension, case.components).principal == case.principal


@pytest.mark.parametrize("case", [case for case in CASES if case.principal == "laplacian"], ids=lambda case: case.name)
def test_where_the_laplacian_is_enough_it_gives_the_same_as_the_hessian(case):
    operator = EulerLagrange(case.density, case.dimension, case.components)
    x, full = random_points(7, case.dimension), arbitrary_jet(case)
    laplacian = torch.einsum("...ii->...", full.hessian)
    assert_close(operator(x, Jet(full.value, full.gradient, laplacian)), operator(x, full), 1e-14)


@cases
def test_the_operator_is_the_total_derivative_of_the_flux_along_a_network(case):
    network = Network(case.dimension, case.components, 4, 2)
    theta, x = random_theta(network, scale=0.4), random_points(6, case.dimension)
    jet = network_jet(network, theta, x, "hessian")
    expected = euler_lagrange(case.density, lambda x: forward(network, theta, x), x)
    assert_close(automatic(case.density, x, jet), expected, ALMOST)
    assert_close(EulerLagrange(case.density, case.dimension, case.components)(x, jet), expected, ALMOST)


@pytest.mark.parametrize("case", [case for case in CASES if case.components == 1], ids=lambda case: case.name)
def test_the_operator_is_the_euler_equation_of_sympy(case):
    x = sympy.symbols(f"x:{case.dimension}", real=True)
    u = sympy.Function("u")(*x)
    slope = np.array([[u.diff(variable) for variable in x]], dtype=object)
    energy = case.density(np.array(x, dtype=object), np.array([u], dtype=object), slope)
    (equation,) = euler_equations(sympy.sympify(energy), [u], x)
    left = equation.lhs
    # Along u = (1/4) sin(x0 + x1 / 2 + x2 / 3) + x0^2 / 9.
    trial = sympy.sin(sum(variable / (k + 1) for k, variable in enumerate(x))) / 4 + x[0] ** 2 / 9
    value = left.subs(u, trial).doit()
    points = random_points(5, case.dimension, 3)
    expected = torch.tensor([[float(value.subs(dict(zip(x, p, strict=True))))] for p in points.tolist()], dtype=torch.float64)
    divisors = torch.arange(1.0, case.dimension + 1, dtype=torch.float64)
    jet = function_jet(lambda x: torch.sin((x / divisors).sum(-1, keepdim=True)) / 4 + x[..., :1] ** 2 / 9, points)
    assert_close(EulerLagrange(case.density, case.dimension, 1)(points, jet), expected, ALMOST)


def test_the_operator_of_a_variable_coefficient_on_paper():
    """e = ½(1 + x²)u'² gives -((1 + x²)u')' = -2x u' - (1 + x²)u''."""
    case = next(case for case in CASES if case.name == "variable")
    x, jet = random_points(7, 1), arbitrary_jet(case)
    expected = -2 * x * jet.gradient[..., 0] - (1 + x**2) * jet.hessian[..., 0, 0]
    assert_close(EulerLagrange(case.density, 1, 1)(x, jet), expected, 1e-14)


def test_the_operator_of_a_density_that_depends_on_u_du_and_x_together_on_paper():
    """e = ½e^u|∇u|² + x u gives ½e^u|∇u|² + x - ∇·(e^u∇u) = x - e^u(½|∇u|² + Δu)."""
    case = Case("", 2, 1, "laplacian", lambda x, u, du: 0.5 * exp(u[..., 0]) * squares(du) + x[..., 0] * u[..., 0])
    x, jet = random_points(7, 2), arbitrary_jet(case)
    laplacian = torch.einsum("...ii->...", jet.hessian)
    expected = x[:, :1] - torch.exp(jet.value) * (0.5 * squares(jet.gradient).unsqueeze(-1) + laplacian)
    assert_close(EulerLagrange(case.density, 2, 1)(x, jet), expected, 1e-14)


def test_a_null_lagrangian_has_no_euler_equation():
    case = CASES[-1]
    operator = EulerLagrange(case.density, 2, 2)
    assert torch.equal(operator(random_points(7, 2), arbitrary_jet(case)), torch.zeros(7, 2, dtype=torch.float64))


RAW = {
    "method of a tensor": lambda x, u, du: 0.5 * du.square().sum((-2, -1)),
    "torch function": lambda x, u, du: 0.5 * squares(du) + torch.exp(u[..., 0]),
    "case distinction": lambda x, u, du: 0.5 * squares(du) + torch.where(u[..., 0] > 0, u[..., 0] ** 3, 0.0),
    "einsum": lambda x, u, du: 0.5 * torch.einsum("...ki,...ki->...", du, du),
    "column of points": lambda x, u, du: 0.5 * (1 + x[:, 0]) * squares(du),
    "absolute value": lambda x, u, du: 0.5 * squares(du) + abs(u[..., 0]) ** 3,
    "root of a square": lambda x, u, du: squares(du) ** 1.5,
    "constant that SymPy leaves as it is": lambda x, u, du: 0.5 * squares(du) + 2 ** u[..., 0],
}


@pytest.mark.parametrize("name", RAW)
def test_a_density_that_symbols_do_not_pass_through_is_differentiated_automatically(name, caplog):
    with caplog.at_level(logging.INFO, "pinnscape.problems.euler_lagrange"):
        operator = EulerLagrange(RAW[name], 1, 1)
    assert operator.principal == "hessian"
    assert "cannot be differentiated by hand" in caplog.text
    x, jet = random_points(7, 1), arbitrary_jet(Case(name, 1, 1, "hessian", RAW[name]))
    assert_close(operator(x, jet), automatic(RAW[name], x, jet), ALMOST)
    assert_close(operator(x, jet), euler_lagrange_1d(RAW[name], x, jet), 1e-10)


def euler_lagrange_1d(density: Callable, x: torch.Tensor, jet: Jet) -> torch.Tensor:
    """e_u - e_px - e_pu p - e_pp h, from the Hessian of e in (x, u, p) at each point."""
    rows = []
    for z, h in zip(torch.cat([x, jet.value, jet.gradient[..., 0]], -1), jet.hessian[..., 0, 0], strict=True):

        def e(z):
            return density(z[None, :1], z[None, 1:2], z[None, 2:, None]).sum()

        first, second = torch.autograd.functional.jacobian(e, z), torch.autograd.functional.hessian(e, z)
        rows.append(first[1] - second[2, 0] - second[2, 1] * z[2] - second[2, 2] * h)
    return torch.stack(rows)


def test_the_plain_route_gives_the_numbers_of_the_explicit_one():
    plain = EulerLagrange(lambda x, u, du: 0.5 * torch.exp(u[..., 0]) * du.square().sum((-2, -1)), 2, 1)
    explicit = EulerLagrange(lambda x, u, du: 0.5 * exp(u[..., 0]) * squares(du), 2, 1)
    assert (plain.principal, explicit.principal) == ("hessian", "laplacian")
    x, jet = random_points(7, 2), arbitrary_jet(Case("", 2, 1, "", lambda *_: None), (3,))
    assert_close(plain(x, jet), explicit(x, jet), ALMOST)


def test_the_automatic_route_asks_for_a_hessian():
    jet = Jet(torch.zeros(3, 1), torch.zeros(3, 1, 2), laplacian=torch.zeros(3, 1))
    with pytest.raises(ValueError, match="the jet has no hessian; ask for order 'hessian'"):
        automatic(lambda x, u, du: 0.5 * squares(du), torch.zeros(3, 2), jet)


def test_residual_components_that_are_constant_or_depend_on_x_alone_fill_the_batch():
    operator = EulerLagrange(lambda x, u, du: 3.0 * u[..., 0] + x[..., 1] * u[..., 1], 2, 2)
    x = random_points(5, 2)
    residual = operator(x, Jet(torch.zeros(4, 5, 2, dtype=torch.float64), torch.zeros(4, 5, 2, 2), torch.zeros(4, 5, 2)))
    assert torch.equal(residual, torch.stack([torch.full((5,), 3.0, dtype=torch.float64), x[:, 1]], -1).expand(4, 5, 2))


@pytest.mark.parametrize("name", CATALOG)
def test_gradients_and_hessian_products_in_the_parameters_agree_through_both_routes(name, monkeypatch):
    entry = CATALOG[name]
    network, points = Network(entry.dimension, entry.components, 4, 2), rule("gauss-legendre", 4, entry.dimension)
    theta = 0.5 * random_theta(network, 2)
    vectors = torch.stack([random_theta(network, seed) for seed in (3, 4)])
    explicit = Objective(Discretization(problem(name), network, points), "strong-form")
    monkeypatch.setattr("pinnscape.problems.euler_lagrange.derive", refuse)
    monkeypatch.setattr("pinnscape.losses.derivations._MEMORY", {})
    plain = Objective(Discretization(problem(name), network, points), "strong-form")
    assert plain.discretization.second == "hessian"
    assert_close(plain(theta), explicit(theta), ALMOST)
    assert_close(plain.gradient(theta), explicit.gradient(theta), 1e-11)
    assert_close(plain.hessian_product(theta, vectors), explicit.hessian_product(theta, vectors), 1e-11)


def refuse(*_):
    raise TypeError("not by hand")


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "tanh", "sqrt"])
def test_functions_take_tensors_symbols_and_arrays_of_symbols(name):
    function, z = getattr(functions, name), sympy.Symbol("z")
    tensor = torch.tensor([0.3, 0.7], dtype=torch.float64)
    np.testing.assert_allclose(function(tensor), [getattr(math, name)(v) for v in tensor.tolist()], rtol=1e-15)
    assert function(z) == getattr(sympy, name)(z)
    array = function(np.array([z, 2 * z], dtype=object))
    assert list(array) == [getattr(sympy, name)(z), getattr(sympy, name)(2 * z)]
