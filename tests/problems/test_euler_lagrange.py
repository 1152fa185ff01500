"""The Euler-Lagrange operator against closed forms, by SymPy and by torch, for densities with derivatives of any order."""

import pytest
import sympy
import torch

from pinnscape.problems import autograd
from pinnscape.problems.domains.boxes import Interval, cube
from pinnscape.problems.domains.domain import Domain
from pinnscape.problems.euler_lagrange import EulerLagrange, by_torch, operator
from pinnscape.problems.field import Field, Point
from pinnscape.problems.functions import exp, log, sin, sqrt
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem
from pinnscape.problems.registry import problem_class

x, y = sympy.symbols("x y", real=True)


def stated(energy, domain: Domain, names: tuple[str, ...] = ("u",)) -> Problem:
    """A problem with this density."""

    class Stated(Problem):
        components = names
        k = Parameter(1.3)

        def density(self, p, u):
            return energy(p, u, self.k)

    Stated.domain = domain
    return Stated()


def laplace(u):
    return sympy.diff(u, x, 2) + sympy.diff(u, y, 2)


FUNCTION = sympy.sin(2 * x + y) + x**3 * y**2 / 2 + sympy.exp(x * y) / 3
LINE = sympy.sin(3 * x) + x**5
# The density, its domain, and what EL is on paper, as a function of the expression u.
SCALAR = {
    "laplace": (lambda p, u, k: 0.5 * (u.x**2 + u.y**2), cube(2), lambda u: -laplace(u)),
    "mass": (lambda p, u, k: 0.5 * k * u**2 + u.x * u * 0 + 0.5 * u.y**2, cube(2), lambda u: 1.3 * u - sympy.diff(u, y, 2)),
    "coefficient": (
        lambda p, u, k: 0.5 * (1 + p.x * p.y) * (u.x**2 + u.y**2), cube(2),
        lambda u: -sympy.diff((1 + x * y) * sympy.diff(u, x), x) - sympy.diff((1 + x * y) * sympy.diff(u, y), y),
    ),
    "minimal_surface": (
        lambda p, u, k: sqrt(1 + u.x**2 + u.y**2), cube(2),
        lambda u: -sum(sympy.diff(sympy.diff(u, v) / sympy.sqrt(1 + sympy.diff(u, x) ** 2 + sympy.diff(u, y) ** 2), v) for v in (x, y)),
    ),
    "exponential": (lambda p, u, k: 0.5 * u.x**2 + 0.5 * u.y**2 - exp(u), cube(2), lambda u: -laplace(u) - sympy.exp(u)),
    "mixed": (lambda p, u, k: u.x * u.y, cube(2), lambda u: -2 * sympy.diff(u, x, y)),
    "null": (lambda p, u, k: u * u.x, cube(2), lambda u: sympy.Integer(0)),
    "plate": (lambda p, u, k: 0.5 * u.laplacian**2, cube(2), lambda u: laplace(laplace(u))),
    # u_xy and u_yx are one variable: ½ (u_xx² + 2 u_xy² + u_yy²) is the plate again.
    "plate_by_hessian": (lambda p, u, k: 0.5 * (u.xx**2 + 2 * u.xy**2 + u.yy**2), cube(2), lambda u: laplace(laplace(u))),
    "twist": (lambda p, u, k: 0.5 * u.xy**2, cube(2), lambda u: sympy.diff(u, x, 2, y, 2)),
    "determinant": (lambda p, u, k: u.xx * u.yy - u.xy**2, cube(2), lambda u: sympy.Integer(0)),
    "beam": (
        lambda p, u, k: 0.5 * (1 + p.x) * u.xx**2 + 0.25 * u.x**4 + u**3, Interval(0, 1),
        lambda u: sympy.diff((1 + x) * sympy.diff(u, x, 2), x, 2) - sympy.diff(sympy.diff(u, x) ** 3, x) + 3 * u**2,
    ),
    "third_order": (lambda p, u, k: 0.5 * u.xxx**2, Interval(0, 1), lambda u: -sympy.diff(u, x, 6)),
    "curvature": (
        lambda p, u, k: u.xx**2 / (1 + u.x**2), Interval(0, 1),
        lambda u: sympy.diff(2 * sympy.diff(u, x, 2) / (1 + sympy.diff(u, x) ** 2), x, 2)
        + sympy.diff(2 * sympy.diff(u, x, 2) ** 2 * sympy.diff(u, x) / (1 + sympy.diff(u, x) ** 2) ** 2, x),
    ),
}  # fmt: skip
scalar = pytest.mark.parametrize(("energy", "domain", "paper"), SCALAR.values(), ids=SCALAR)


def at_points(expression, domain: Domain, points: torch.Tensor) -> torch.Tensor:
    function = sympy.lambdify((x, y)[: len(domain.names)], expression, modules="torch")
    return torch.as_tensor(function(*points.unbind(-1)), dtype=torch.float64).expand(len(points))


def function_of(expression, domain: Domain):
    function = sympy.lambdify((x, y)[: len(domain.names)], expression, modules="torch")
    return lambda p: function(*p)


@scalar
def test_the_operator_is_that_on_paper_by_both_routes(energy, domain: Domain, paper) -> None:
    problem, expression = stated(energy, domain), FUNCTION if len(domain.names) == 2 else LINE
    points = torch.rand(9, len(domain.names), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p, u = autograd.differentiable(function_of(expression, domain), domain, points)
    expected = at_points(paper(expression), domain, points)
    made = EulerLagrange(problem)
    assert made.residual is not None
    size = 1.0 + float(expected.abs().max())
    for found in (made(p, u), by_torch(problem, p, u)):
        (value,) = autograd.columns(found, points[:, 0])
        assert (value - expected).abs().max() < 1e-11 * size


def test_the_operator_has_an_equation_for_each_component() -> None:
    """Linear elasticity, and what couples two components."""
    problem = stated(lambda p, w, k: elastic(w) + k * w["v"] * w["q"].xx, cube(2), ("v", "q"))
    v, q = sympy.sin(x + 2 * y), x**2 * y + sympy.cos(y)
    points = torch.rand(9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    functions = [function_of(e, problem.domain) for e in (v, q)]
    p, u = autograd.differentiable(lambda p: tuple(f(p) for f in functions), problem.domain, points, ("v", "q"))
    trace = sympy.diff(v, x) + sympy.diff(q, y)
    shear = sympy.diff(v, y) + sympy.diff(q, x)
    expected = (
        -sympy.diff(2 * sympy.diff(v, x) + trace, x) - sympy.diff(shear, y) + 1.3 * sympy.diff(q, x, 2),
        -sympy.diff(shear, x) - sympy.diff(2 * sympy.diff(q, y) + trace, y) + 1.3 * sympy.diff(v, x, 2),
    )
    for found in (operator(problem)(p, u), by_torch(problem, p, u)):
        for value, paper in zip(found, expected, strict=True):
            torch.testing.assert_close(value, at_points(paper, problem.domain, points), rtol=1e-12, atol=1e-12)


def test_the_operator_is_that_of_sympy_for_a_nonlinear_density_of_two_components() -> None:
    problem = stated(
        lambda p, u, k: (
            k * u["v"].x ** 2 * u["q"].y + exp(u["v"]) * u["q"].x + p.x * u["v"].xy * u["q"] + u["q"].yy ** 2 * u["v"]
        ),
        cube(2),
        ("v", "q"),
    ).symbolic()
    v, q = (sympy.Function(name)(x, y) for name in ("v", "q"))
    k = sympy.Symbol("k", real=True)
    energy = k * v.diff(x) ** 2 * q.diff(y) + sympy.exp(v) * q.diff(x) + x * v.diff(x, y) * q + q.diff(y, 2) ** 2 * v

    def derivative(component, order):
        orders = [(z, n) for z, n in zip((x, y), order, strict=True) if n]
        return (v, q)[component].diff(*orders) if orders else (v, q)[component]

    found = operator(problem)(Point(("x", "y"), (x, y)), Field(("x", "y"), derivative, ("v", "q")))
    for value, equation in zip(found, sympy.calculus.euler_equations(energy, [v, q], [x, y]), strict=True):
        assert sympy.expand(value - equation.lhs.doit()) == 0


def elastic(w):
    v, q = w
    return v.x**2 + q.y**2 + 0.5 * (v.y + q.x) ** 2 + 0.5 * (v.x + q.y) ** 2


def test_the_flux_is_the_slope_of_the_density_in_the_gradient() -> None:
    problem = stated(lambda p, w, k: elastic(w), cube(2), ("v", "q"))
    points = torch.rand(5, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    p, u = autograd.differentiable(lambda p: (torch.sin(p.x * p.y), p.x**2 - p.y), problem.domain, points, ("v", "q"))
    v, q = u
    expected = [[3 * v.x + q.y, v.y + q.x], [v.y + q.x, 3 * q.y + v.x]]
    torch.testing.assert_close(operator(problem).fluxes(p, u), expected)
    made = EulerLagrange(problem)
    made.flux = None
    torch.testing.assert_close(made.fluxes(p, u), expected)


def test_a_density_of_torch_alone_is_differentiated_by_torch() -> None:
    problem = stated(lambda p, u, k: 0.5 * u.x**2 + torch.exp(u.value) * k + 0.5 * u.xx**2, Interval(0, 1))
    made = EulerLagrange(problem)
    assert made.residual is None
    points = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)[:, None]
    p, u = autograd.differentiable(lambda p: torch.sin(2 * p.x), problem.domain, points)
    expected = 4 * torch.sin(2 * p.x) + 1.3 * torch.exp(torch.sin(2 * p.x)) + 16 * torch.sin(2 * p.x)
    torch.testing.assert_close(made(p, u), [expected])


def test_torch_keeps_batches_apart_and_the_graph_to_the_field() -> None:
    problem = stated(lambda p, u, k: 0.25 * u.x**4 + p.x * u**3, Interval(0, 1))
    points = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)
    jets = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    u = Field(("x",), lambda _, order: jets[:, order[0]], time=None)
    (found,) = by_torch(problem, Point(("x",), (points,)), u)
    expected = 3 * points * jets[:, 0] ** 2 - 3 * jets[:, 1] ** 2 * jets[:, 2]
    torch.testing.assert_close(found, expected)
    weights = torch.rand(4, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    ours, paper = (torch.autograd.grad((weights * value).sum(), jets)[0] for value in (found, expected))
    torch.testing.assert_close(ours, paper)


def test_symbols_go_in_and_expressions_come_out() -> None:
    problem = stated(lambda p, u, k: 0.5 * k * u.x**2 + sin(p.x) * u, Interval(0, 1))
    a, b, k = sympy.symbols("a b k", real=True)
    u = Field(("x",), lambda _, order: {(0,): a, (1,): a, (2,): b}[order])
    assert operator(problem)(Point(("x",), (x,)), u) == [sympy.sin(x) - 1.3 * b]
    (with_symbol,) = operator(problem.symbolic())(Point(("x",), (x,)), u)
    assert sympy.expand(with_symbol - sympy.sin(x) + k * b) == 0


def test_each_object_is_derived_once_with_its_own_parameters() -> None:
    stiff, soft = problem_class("neo_hookean2d")(mu=2.0), problem_class("neo_hookean2d")(mu=1.0)
    assert operator(stiff) is operator(stiff)
    points = torch.rand(5, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    p, u = autograd.differentiable(lambda p: (0.1 * torch.sin(p.x), 0.1 * p.y**2), stiff.domain, points, stiff.components)
    for problem in (stiff, soft):
        torch.testing.assert_close(operator(problem)(p, u), by_torch(problem, p, u), rtol=1e-12, atol=1e-13)
    assert (operator(stiff)(p, u)[0] - operator(soft)(p, u)[0]).abs().max() > 0.1
    soft.mu = 2.0
    torch.testing.assert_close(operator(soft)(p, u), operator(stiff)(p, u))


def test_logarithms_of_symbols_are_derived() -> None:
    problem = stated(lambda p, u, k: log(1 + u**2), Interval(0, 1))
    assert operator(problem).residual is not None
    assert operator(problem).order == 0
