"""Euler-Lagrange operators on symbols against closed forms, and on tensors by both routes."""

import logging

import pytest
import sympy
import torch

from pinnscape.common.errors import ProblemError
from pinnscape.losses.euler_lagrange import EulerLagrange
from pinnscape.losses.evaluation import _Source
from pinnscape.losses.expressions import Symbols
from pinnscape.losses.kept import Kept
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
def test_automatic_differentiation_gives_the_numbers_of_the_formula(name, monkeypatch):
    unknowns, density = DENSITIES[name]
    f = Values(parameters={"mu": 0.7})
    results = []
    for refuse in (False, True):
        operator = EulerLagrange(density)
        if refuse:
            monkeypatch.setattr(operator, "explicit", lambda *_: None)
        p, u, theta = fields(unknowns)
        outputs = [r + torch.zeros(2, 3, dtype=torch.float64) for r in operator(p, u, f)]
        total = sum((r * r).sum() for r in outputs)
        (gradient,) = torch.autograd.grad(total, theta) if total.requires_grad else (torch.zeros_like(theta),)
        results.append((torch.stack(outputs), gradient))
    assert len(results[0][0]) == len(unknowns.components)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_a_density_that_symbols_cannot_do_is_differentiated_automatically_and_says_so(caplog):
    operator = EulerLagrange(lambda p, u, f: torch.cosh(u.x) + 0.5 * u * u)
    p, u, _ = fields(X)
    with caplog.at_level(logging.INFO, logger="pinnscape.losses.euler_lagrange"):
        for _ in range(2):
            (found,) = operator(p, u, Values())
    (record,) = caplog.records
    assert record.getMessage().startswith("the energy density cannot be differentiated symbolically (TypeError: cosh")
    torch.testing.assert_close(found, u - torch.cosh(u.x) * u.xx, rtol=1e-12, atol=1e-12)


def test_a_density_cannot_use_data_columns():
    operator = EulerLagrange(lambda p, u, f: f["stiffness"] * u.x**2)
    p, u, _ = fields(X)
    with pytest.raises(
        ProblemError, match=r"^a density cannot use the data column 'stiffness', whose derivatives are not known"
    ):
        operator(p, u, Values({"stiffness": torch.ones(3, dtype=torch.float64)}))


def test_formulas_are_kept(tmp_path, monkeypatch):
    p, u, _ = fields(XY)
    density = DENSITIES["minimal surface"][1]
    first = EulerLagrange(density, Kept(tmp_path, "key"))(p, u, Values())
    assert len(list(tmp_path.glob("*.json"))) == 1
    monkeypatch.setattr("pinnscape.losses.euler_lagrange.derive", lambda *_: pytest.fail("derived again"))
    again = EulerLagrange(density, Kept(tmp_path, "key"))(p, u, Values())
    assert torch.equal(first[0], again[0])
    with pytest.raises(pytest.fail.Exception, match="derived again"):
        EulerLagrange(density, Kept(tmp_path, "another"))(p, u, Values())
    for path in tmp_path.glob("*.json"):
        path.write_text(path.read_text().replace("return", "retrun"))
    with pytest.raises(pytest.fail.Exception, match="derived again"):
        EulerLagrange(density, Kept(tmp_path, "key"))(p, u, Values())
