"""Local expressions on symbols: which derivatives they need."""

import pytest
import sympy
import torch

from pinnscape.losses.expressions import NotDerivable, Symbols, derive
from pinnscape.losses.terms import Values
from pinnscape.networks.streams import Streams, unit
from pinnscape.problems.field import Unknowns
from pinnscape.problems.functions import exp, log, sin

XY, XT, X = Unknowns(("x", "y")), Unknowns(("x", "t"), time="t"), Unknowns(("x",))
PAIR = Unknowns(("x", "y"), ("a", "b"))


@pytest.mark.parametrize(
    ("unknowns", "local", "expected"),
    [
        (XT, lambda p, u, f: u - sin(p.x), Streams.of([(0, 0)])),
        (XT, lambda p, u, f: u.t + u.x, Streams.of([(1, 0), (0, 1)])),
        (XT, lambda p, u, f: u.t + 6 * u * u.x + u.xxx, Streams.of([(0, 1), (3, 0)])),
        (XT, lambda p, u, f: u.t + 0 * u.xxxx, Streams.of([(0, 1)])),
        (XT, lambda p, u, f: u.t + u.xx - u.xx, Streams.of([(0, 1)])),
        (XT, lambda p, u, f: u.t - u.xx, Streams.of([(0, 1)], (0,))),
        (XT, lambda p, u, f: u.tt - u.laplacian, Streams.of([(0, 2)], (0,))),
        (XY, lambda p, u, f: u.xx + u.yy, Streams.of([(0, 0)], (0, 1))),
        (XY, lambda p, u, f: u.laplacian**2 + u.x, Streams.of([(0, 0)], (0, 1))),
        (XY, lambda p, u, f: (1 + p.x) * u.xx + u.yy * (1 + p.x), Streams.of([(0, 0)], (0, 1))),
        (XY, lambda p, u, f: u.xx + 2 * u.yy, Streams.of([(2, 0), (0, 2)])),
        (XY, lambda p, u, f: u.xx, Streams.of([(2, 0)])),
        (XY, lambda p, u, f: u.laplacian + u.xy, Streams.of([(2, 0), (1, 1), (0, 2)])),
        (XY, lambda p, u, f: u.laplacian + u.xxx, Streams.of([(3, 0), (0, 2)])),
        (X, lambda p, u, f: u.xx - 1, Streams.of([(0,)], (0,))),
        (X, lambda p, u, f: u.xxxx - 1, Streams.of([(4,)])),
        (PAIR, lambda p, u, f: (u["a"].laplacian, u["b"] * u["b"].laplacian), Streams.of([(0, 0)], (0, 1))),
        (PAIR, lambda p, u, f: (u["a"].laplacian, u["b"].xx), Streams.of([(2, 0), (0, 2)])),
    ],
)
def test_the_derivatives_that_are_needed_are_found(unknowns, local, expected):
    assert derive(local, Symbols(unknowns)).streams == expected


def test_a_field_of_symbols_counts_as_its_value_and_gives_derivatives_by_name():
    symbols = Symbols(Unknowns(("x", "y", "t"), ("v", "q"), "t"))
    (both,) = symbols.fields()
    v, q = both
    p = symbols.points()[0]
    a, a_x, a_xt = (symbols.derivative(0, 0, m) for m in ((0, 0, 0), (1, 0, 0), (1, 0, 1)))
    for found, expected in (
        (2 * v + 1, 2 * a + 1),
        (v**2 / 3 - v, a**2 / 3 - a),
        (2 / v - abs(v), 2 / a - sympy.Abs(a)),
        (p.x * v, symbols.coordinate(0, 0) * a),
        (v * q, a * symbols.derivative(0, 1, (0, 0, 0))),
        (sin(v) + exp(v.x), sympy.sin(a) + sympy.exp(a_x)),
        (v.xt, a_xt),
        (v.tx, a_xt),
        (both["v"].x, a_x),
        (v.laplacian, sum(symbols.derivative(0, 0, unit(3, i, i)) for i in (0, 1))),
        (v.gradient[2], symbols.derivative(0, 0, (0, 0, 1))),
        (v > 0.5, sympy.StrictGreaterThan(a, 0.5)),
    ):
        assert found == expected
    assert symbols.unknowns.space == (0, 1)


def test_values_hold_columns_and_parameters():
    f = Values({"load": 1.0}, {"beta": 2.0})
    assert (f["load"], f["beta"], list(f), "beta" in f, "x" in f) == (1.0, 2.0, ["load", "beta"], True, False)
    with pytest.raises(KeyError, match="there is no data column and no parameter 'nu'; there are load, beta"):
        _ = f["nu"]


def test_the_laplacian_is_one_symbol():
    symbols = Symbols(XY)
    found = derive(lambda p, u, f: u.xx + u.yy + u.laplacian**2 - sin(u), symbols)
    trace = symbols.laplacian(0, 0)
    assert found.outputs == (trace + trace**2 - sympy.sin(symbols.derivative(0, 0, (0, 0))),)


def test_all_sites_share_their_streams():
    symbols = Symbols(XT, 2)
    found = derive(lambda p, u, f: (u[0] - u[1], u[0].x - u[1].x), symbols)
    assert found.streams == Streams.of([(1, 0)])
    assert found.outputs[0] == symbols.derivative(0, 0, (0, 0)) - symbols.derivative(1, 0, (0, 0))


@pytest.mark.parametrize(
    ("unknowns", "local", "slopes"),
    [
        (XT, lambda p, u, f: u.t + f["beta"] * u.x - u, {0: "q_beta", 1: "1"}),
        (XY, lambda p, u, f: p.x * u.x + p.y * u.y - f["load"] * u**2, {0: "x_0", 1: "x_1"}),
        (XT, lambda p, u, f: u.t + u * u.x, None),
        (XT, lambda p, u, f: u.t + u.x**2, None),
        (XT, lambda p, u, f: u.t - u, None),
        (XT, lambda p, u, f: u.t + u.x - u.xx, None),
        (XT, lambda p, u, f: (u.t, u.x), None),
    ],
)
def test_a_direction_that_does_not_depend_on_the_unknown_is_found(unknowns, local, slopes):
    found = derive(local, Symbols(unknowns, columns=("load",), parameters=("beta",))).direction
    if slopes is None:
        assert found is None
        return
    assert found is not None
    assert {i: str(slope) for i, slope in found.slopes.items()} == slopes
    assert str(found.output).startswith(("p_along", "-f_load*u_0**2 + p_along"))


@pytest.mark.parametrize(
    ("local", "text"),
    [
        (lambda p, u, f: torch.sin(u), "TypeError: sin"),
        (lambda p, u, f: u.x if u > 0 else u, "TypeError: cannot determine truth value of Relational"),
        (lambda p, u, f: u.clamp(0.0), "AttributeError: u.clamp: no such derivative"),
        (lambda p, u, f: u / 0, "gives zoo"),
        (lambda p, u, f: u > 0, "gives .* on symbols and no expression"),
        (lambda p, u, f: "u", "gives"),
    ],
)
def test_what_symbols_cannot_do_is_named(local, text):
    if text == "gives":
        local = lambda p, u, f: [[u]]
    with pytest.raises(NotDerivable, match=text):
        derive(local, Symbols(XT))


def test_conditions_are_comparisons():
    local = lambda p, u, f: log(u)
    assert str(derive(local, Symbols(XT), lambda p, u, f: u.x > 0).exists) == "p_0_0 > 0"
    assert derive(local, Symbols(XT), lambda p, u, f: u.x > 0).streams == Streams.of([(1, 0)])
    assert derive(local, Symbols(XT), lambda p, u, f: True).exists is None
    with pytest.raises(NotDerivable, match="where it exists is no comparison"):
        derive(local, Symbols(XT), lambda p, u, f: u.x)
    with pytest.raises(NotDerivable, match="where it exists cannot be found on symbols"):
        derive(local, Symbols(XT), lambda p, u, f: torch.all(u > 0))
