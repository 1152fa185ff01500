"""Euler-Lagrange operators on symbols against closed forms, and on tensors by both routes."""

import pytest
import sympy
import torch

from pinnscape.common.errors import ProblemError
from pinnscape.losses.euler_lagrange import EulerLagrange
from pinnscape.losses.evaluation import _Source
from pinnscape.losses.expressions import NotDerivable, Symbols, derive
from pinnscape.losses.formulas import ON_TENSORS, Derivation
from pinnscape.losses.sites import Components, Point, TensorField, Unknowns, Values
from pinnscape.networks.forward import function_streams
from pinnscape.networks.streams import Streams
from pinnscape.problems.functions import exp, log, sin, sqrt

X, XY, PAIR = Unknowns(("x",)), Unknowns(("x", "y")), Unknowns(("x", "y"), ("a", "b"))


def on_functions(density, unknowns: Unknowns, parameters: tuple[str, ...] = ()):
    """EL[e] of unknown functions of x, as SymPy writes it."""
    symbols = Symbols(unknowns, parameters=parameters)
    found = EulerLagrange(density)(symbols.points()[0], symbols.fields()[0], symbols.values)
    x = sympy.symbols(unknowns.variables, real=True)
    functions = [sympy.Function(name)(*x) for name in unknowns.components]
    places = symbols.of_unknown(found)
    values = {}
    for symbol, (_, c, monomial) in places.items():
        orders = [(v, n) for v, n in zip(x, monomial, strict=True) if n]
        values[symbol] = functions[c].diff(*orders) if orders else functions[c]
    values |= {symbols.coordinate(0, i): v for i, v in enumerate(x)}
    return [sympy.sympify(r).subs(values) for r in found], x, functions


def test_a_beam_has_the_fourth_derivative():
    (r,), (x,), (u,) = on_functions(lambda p, u, f: u.xx**2 / 2 + u**4 / 4, X)
    assert sympy.expand(r - u.diff(x, 4) - u**3) == 0


def test_a_beam_of_varying_stiffness():
    (r,), (x,), (u,) = on_functions(lambda p, u, f: (1 + p.x) ** 2 * u.xx**2 / 2, X)
    assert sympy.expand(r - ((1 + x) ** 2 * u.diff(x, 2)).diff(x, 2)) == 0


def test_a_plate_has_the_biharmonic_operator_from_the_laplacian_and_from_mixed_derivatives():
    squared, (x, y), (u,) = on_functions(lambda p, u, f: u.laplacian**2 / 2, XY)
    mixed, _, _ = on_functions(lambda p, u, f: (u.xx**2 + 2 * u.xy**2 + u.yy**2) / 2, XY)
    biharmonic = u.diff(x, 4) + 2 * u.diff(x, 2, y, 2) + u.diff(y, 4)
    assert sympy.expand(squared[0] - biharmonic) == 0
    assert sympy.expand(mixed[0] - biharmonic) == 0
    null, _, _ = on_functions(lambda p, u, f: u.xx * u.yy - u.xy**2, XY)  # the Monge-Ampère form is a divergence
    assert sympy.expand(null[0]) == 0


def test_sympy_agrees_for_a_nonlinear_density_of_two_components():
    def density(p, u, f):
        a, b = u
        return f["mu"] * a.x**2 * b.y + exp(a) * b.x + p.x * a.xy * b + b.yy**2 * a

    found, (x, y), (a, b) = on_functions(density, PAIR, ("mu",))
    mu = sympy.Symbol("q_mu", real=True)
    energy = mu * a.diff(x) ** 2 * b.diff(y) + sympy.exp(a) * b.diff(x) + x * a.diff(x, y) * b + b.diff(y, 2) ** 2 * a
    for r, equation in zip(found, sympy.calculus.euler_equations(energy, [a, b], [x, y]), strict=True):
        assert sympy.expand(r - equation.lhs.doit()) == 0


DENSITIES = {
    "minimal surface": (XY, lambda p, u, f: sqrt(1.0 + u.x * u.x + u.y * u.y) + p.x * u**3),
    "beam": (X, lambda p, u, f: exp(p.x) * u.xx**2 + log(2.0 + u.x**2) + sin(u)),
    "coupled": (PAIR, lambda p, u, f: u[0].x ** 2 * u[1].y + f["mu"] * u["a"].laplacian ** 2 + u[1].xy * u[0]),
    "linear": (XY, lambda p, u, f: 3.0 * u + p.x * u.x),
}


def fields(unknowns: Unknowns, batch: tuple[int, ...] = (2,)):
    """Points, and smooth functions of them with derivatives up to the fourth, which depend on a parameter."""
    d = len(unknowns.variables)
    streams = Streams.of([(4,) * d])
    x = torch.tensor([[0.2, 0.7], [0.5, 0.1], [0.9, 0.4]], dtype=torch.float64)[:, :d]
    theta = torch.ones(*batch, 1, dtype=torch.float64, requires_grad=True)
    made = []
    for c, _ in enumerate(unknowns.components):
        values = function_streams(lambda x, c=c: torch.sin(x.sum(-1, keepdim=True) * (1 + c)) + x[:, :1] ** 3, x, streams)
        u = theta.unsqueeze(-1) * values[:, :, 0]
        made.append(TensorField.of(_Source(unknowns, streams, u[..., None, :, None], 0, 0)))
    return Point(unknowns.variables, x.unbind(-1)), Components.of(unknowns.components, made), theta


@pytest.mark.parametrize("name", DENSITIES)
def test_automatic_differentiation_gives_the_numbers_of_the_expression(name):
    unknowns, density = DENSITIES[name]
    p, u, theta = fields(unknowns)
    f, operator = Values(parameters={"mu": 0.7}), EulerLagrange(density)
    found = derive(operator, Symbols(unknowns, parameters=("mu",)))
    formula = Derivation.of(found).formula
    components = u if isinstance(u, Components) else (u,)

    def value(argument):
        if argument.kind in ("coordinate", "value"):
            return p[argument.position] if argument.kind == "coordinate" else f[argument.name]
        source = components[argument.position].source
        return source.laplacian() if argument.kind == "laplacian" else source.derivative(argument.monomial)

    values = [value(argument) for argument in formula.arguments]
    results = []
    for outputs in (operator(p, u, f), formula.function(ON_TENSORS)(*values)):
        full = torch.stack([r + torch.zeros(2, 3, dtype=torch.float64) for r in outputs])
        total = (full * full).sum()
        gradient = torch.autograd.grad(total, theta, retain_graph=True)[0] if total.requires_grad else torch.zeros_like(theta)
        results.append((full.detach(), gradient))
    assert len(results[0][0]) == len(unknowns.components)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_a_density_that_symbols_cannot_do_is_differentiated_automatically():
    operator = EulerLagrange(lambda p, u, f: torch.cosh(u.x) + 0.5 * u * u)
    p, u, _ = fields(X)
    (found,) = operator(p, u, Values())
    torch.testing.assert_close(found, u - torch.cosh(u.x) * u.xx, rtol=1e-12, atol=1e-12)
    with pytest.raises(NotDerivable, match="TypeError: cosh"):
        derive(operator, Symbols(X))


def test_a_density_cannot_use_data_columns():
    operator = EulerLagrange(lambda p, u, f: f["stiffness"] * u.x**2)
    p, u, _ = fields(X)
    text = r"^a density cannot use the data column 'stiffness', whose derivatives are not known"
    with pytest.raises(ProblemError, match=text):
        operator(p, u, Values({"stiffness": torch.ones(3, dtype=torch.float64)}))
    with pytest.raises(ProblemError, match=text):
        derive(operator, Symbols(X, columns=("stiffness",)))
