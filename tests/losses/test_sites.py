"""What local expressions see: points and fields as tensors and as symbols."""

import pytest
import sympy
import torch
from torch import Tensor

from pinnscape.losses.expressions import Symbols
from pinnscape.losses.sites import Components, Point, TensorField, Unknowns, Values
from pinnscape.networks.streams import unit
from pinnscape.problems.functions import exp, sin

XYT = Unknowns(("x", "y", "t"), ("v", "q"))


class Polynomial:
    """All derivatives of x² y + t³ at some points."""

    def __init__(self, unknowns: Unknowns) -> None:
        self.unknowns = unknowns
        self.x = torch.linspace(0.1, 0.9, 15, dtype=torch.float64).reshape(5, 3)

    def derivative(self, monomial: tuple[int, ...]) -> Tensor:
        x, y, t = self.x.unbind(-1)
        i, j, k = monomial
        powers = x ** max(2 - i, 0) * (1, 2, 2)[i] * y ** (1 - j) if i < 3 and j < 2 else torch.zeros_like(x)
        first = powers if k == 0 else torch.zeros_like(x)
        second = (t**3, 3 * t**2, 6 * t, 6 * t**0)[k] if k < 4 and i == j == 0 else torch.zeros_like(x)
        return first + second

    def laplacian(self) -> Tensor:
        return self.derivative((2, 0, 0)) + self.derivative((0, 2, 0))


def field() -> tuple[TensorField, Tensor]:
    source = Polynomial(XYT)
    return TensorField.of(source), source.x


def test_a_field_of_tensors_counts_as_its_value_and_gives_derivatives_by_name():
    u, p = field()
    x, y, t = p.unbind(-1)
    value = x**2 * y + t**3
    for found, expected in (
        (2.0 * u, 2.0 * value),
        (u**2 - 1.0, value**2 - 1.0),
        (1.0 / u, 1.0 / value),
        (sin(u), torch.sin(value)),
        (torch.exp(u), torch.exp(value)),
        (u.x, 2 * x * y),
        (u.t, 3 * t**2),  # a method of tensors has this name
        (u.xy, 2 * x),
        (u.yx, 2 * x),
        (u.xxy, 2.0 + 0 * x),
        (u.xyx, 2.0 + 0 * x),
        (u.tt, 6 * t),
        (u.laplacian, 2 * y),
        (u.gradient[1], x**2),
        (u.gradient[2], 3 * t**2),
    ):
        assert type(found) is Tensor
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)
    assert len(u.gradient) == 3
    assert u.shape == (5,)
    assert (u > 0.0).all()


def test_a_field_is_differentiated_as_its_value_is():
    class Leaf(Polynomial):
        def derivative(self, monomial):
            return theta * 2.0 if monomial == (0, 0, 0) else theta * 3.0

    theta = torch.ones(5, dtype=torch.float64, requires_grad=True)
    u = TensorField.of(Leaf(XYT))
    (gradient,) = torch.autograd.grad((u * u.x).sum(), theta)
    torch.testing.assert_close(gradient, 12.0 * torch.ones_like(gradient))


def test_a_field_of_symbols_does_the_same():
    symbols = Symbols(XYT)
    (both,) = symbols.fields()
    v, q = both
    p = symbols.points()[0]
    a, a_x, a_xt = (symbols.derivative(0, 0, m) for m in ((0, 0, 0), (1, 0, 0), (1, 0, 1)))
    assert 2 * v + 1 == 2 * a + 1
    assert v**2 / 3 - v == a**2 / 3 - a
    assert 3 - v == 3 - a
    assert 2 / v == 2 / a
    assert -v == -a
    assert abs(v) == sympy.Abs(a)
    assert p.x * v == v * p.x == symbols.coordinate(0, 0) * a
    assert v * q == a * symbols.derivative(0, 1, (0, 0, 0))
    assert sin(v) + exp(v.x) == sympy.sin(a) + sympy.exp(a_x)
    assert v.xt == v.tx == a_xt
    assert both["v"].x == a_x
    assert v.laplacian == sum(symbols.derivative(0, 0, unit(3, i, i)) for i in (0, 1))
    assert v.gradient[2] == symbols.derivative(0, 0, (0, 0, 1))
    assert (v > 0.5) == sympy.StrictGreaterThan(a, 0.5)


def test_points_give_coordinates_by_name_and_in_order():
    p = Point(("x", "t"), (1.0, 2.0))
    x, t = p
    assert (x, t, p.x, p.t, p[0], len(p)) == (1.0, 2.0, 1.0, 2.0, 1.0, 2)
    with pytest.raises(AttributeError, match=r"^a point has no coordinate `y`; it has x, t$"):
        _ = p.y


def test_what_is_no_derivative_and_no_component_is_refused():
    u, _ = field()
    with pytest.raises(AttributeError, match=r"^`xz` is no derivative of the unknown: .* \(there are x, y, t\)"):
        _ = u.xz
    (both,) = Symbols(XYT).fields()
    with pytest.raises(AttributeError, match=r"^`w` is no derivative"):
        _ = both[0].w
    with pytest.raises(KeyError, match="the unknown has no component 'r'; it has v, q"):
        _ = both["r"]
    assert Components.of(("u",), [u]) is u


def test_values_hold_columns_and_parameters():
    f = Values({"load": 1.0}, {"beta": 2.0})
    assert (f["load"], f["beta"], list(f), "beta" in f, "x" in f) == (1.0, 2.0, ["load", "beta"], True, False)
    with pytest.raises(KeyError, match="there is no data column and no parameter 'nu'; there are load, beta"):
        _ = f["nu"]


def test_variables_with_longer_names():
    unknowns = Unknowns(("r", "phi"), time=None)
    assert unknowns.monomial("rphi") == unknowns.monomial("phir") == (1, 1)
    assert unknowns.monomial("rr") == (2, 0)
    assert unknowns.monomial("ph") is None
    assert unknowns.space == (0, 1)
    assert XYT.space == (0, 1)
