"""Tables of derivatives against SymPy, and their transposes against automatic differentiation."""

import pytest
import sympy
import torch

from pinnscape.networks.streams import Streams, degree, divisors, unit, variables

X = sympy.symbols("x y z")
SETS = {
    "value": Streams.of([(0, 0)]),
    "gradient": Streams.of([(1, 0), (0, 1)]),
    "laplacian": Streams.of([(0, 0)], (0, 1)),
    "laplacian1": Streams.of([(0,)], (0,)),
    "hessian": Streams.of([(2, 0), (1, 1), (0, 2)]),
    "heat": Streams.of([(0, 0, 1)], (0, 1)),
    "wave": Streams.of([(0, 2)], (0,)),
    "kdv": Streams.of([(0, 1), (3, 0)]),
    "beam": Streams.of([(4,)]),
    "plate": Streams.of([(4, 0), (2, 2), (0, 4)]),
    "mixed": Streams.of([(1, 1, 2)]),
}


def derivative(expression: sympy.Expr, streams: Streams) -> list[sympy.Expr]:
    """All streams of an expression."""
    x = X[: streams.dimension]
    found = [sympy.diff(expression, *[x[i] for i in variables(m)]) if degree(m) else expression for m in streams.monomials]
    return found + [sum(sympy.diff(expression, x[i], 2) for i in streams.laplacian)] * bool(streams.laplacian)


def fields(dimension: int) -> tuple[sympy.Expr, sympy.Expr]:
    """Two polynomials in all variables, with coefficients that are not equal."""
    x = X[:dimension]
    a = sum((i + 2) * v for i, v in enumerate(x)) + sympy.prod(x) * 3 + x[0] ** 4 / 3 + x[-1] ** 3 * x[0]
    b = 1 + sum(v**4 / (i + 3) for i, v in enumerate(x)) - sympy.prod(v**2 for v in x) + x[0] * x[-1]
    return a, b


def test_the_closure_is_in_the_order_of_degree_and_variables():
    assert SETS["hessian"].monomials == ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    assert SETS["kdv"].monomials == ((0, 0), (1, 0), (0, 1), (2, 0), (3, 0))
    assert SETS["heat"].monomials == ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    counts = {name: streams.count for name, streams in SETS.items()}
    assert counts == {
        "value": 1,
        "gradient": 3,
        "laplacian": 4,
        "laplacian1": 3,
        "hessian": 6,
        "heat": 5,
        "wave": 5,
        "kdv": 5,
        "beam": 5,
        "plate": 13,
        "mixed": 12,
    }
    assert [SETS[name].order for name in ("value", "gradient", "laplacian", "kdv", "beam")] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("streams", SETS.values(), ids=SETS)
def test_every_divisor_is_there(streams):
    assert all(set(divisors(m)) <= set(streams.monomials) for m in streams.monomials)
    assert all(unit(streams.dimension, i) in streams.position for i in streams.laplacian)


def test_a_set_that_is_not_closed_is_refused():
    with pytest.raises(
        ValueError, match=r"^`monomials` must contain all divisors of each; \[\(0, 1\), \(1, 0\)\] are missing$"
    ):
        Streams(((0, 0), (1, 1)))
    with pytest.raises(ValueError, match="`needed` must be monomials in the same variables, at least one"):
        Streams.of([(0, 0), (1,)])
    with pytest.raises(ValueError, match="`needed` must be monomials in the same variables, at least one"):
        Streams.of([])


def test_unions_keep_one_laplacian_and_else_write_it_out():
    assert Streams.union([SETS["gradient"], SETS["laplacian"]]) == SETS["laplacian"]
    assert Streams.union([SETS["hessian"], SETS["laplacian"]]) == SETS["hessian"]
    both = Streams.union([Streams.of([(0, 0)], (0,)), SETS["laplacian"]])
    assert both == Streams.of([(2, 0), (0, 2)])
    for name in ("laplacian", "hessian", "gradient", "value"):
        assert SETS["hessian"].includes(SETS[name])
    assert not SETS["gradient"].includes(SETS["laplacian"])
    assert both.includes(SETS["laplacian"])
    assert both.summands((0, 1)) == (3, 4)


@pytest.mark.parametrize("streams", SETS.values(), ids=SETS)
def test_products_are_those_of_leibniz(streams):
    a, b = fields(streams.dimension)
    product = streams.product(derivative(a, streams), derivative(b, streams))
    for found, expected in zip(product, derivative(a * b, streams), strict=True):
        assert sympy.expand(sympy.nsimplify(found - expected)) == 0


@pytest.mark.parametrize("streams", SETS.values(), ids=SETS)
def test_compositions_are_those_of_faa_di_bruno(streams):
    z, _ = fields(streams.dimension)
    w = sympy.Symbol("w")
    symbols = sympy.symbols(f"s0:{streams.order + 1}")
    found = streams.compose(symbols, derivative(z, streams))
    s = w**5 / 3 + w**4
    values = {symbol: sympy.diff(s, w, n).subs(w, z) for n, symbol in enumerate(symbols)}
    for stream, expected in zip(found, derivative(s.subs(w, z), streams), strict=True):
        assert sympy.expand(sympy.nsimplify(stream).subs(values) - expected) == 0


def random(count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(count, 5, generator=generator, dtype=torch.float64).unbind())


@pytest.mark.parametrize("streams", SETS.values(), ids=SETS)
def test_the_transposes_are_those_of_automatic_differentiation(streams):
    z, b, adjoint = (random(streams.count, seed) for seed in range(3))
    leaves = [stream.clone().requires_grad_() for stream in z]
    slopes = [torch.sin(leaves[0] + 0.5 * torch.pi * n) for n in range(streams.order + 2)]
    for outputs, back in (
        (streams.product(leaves, b), streams.product_back(b, adjoint)),
        (streams.product(b, leaves), streams.product_back(b, adjoint)),
        (streams.compose(slopes, leaves), streams.compose_back([s.detach() for s in slopes], z, adjoint, 0.0)),
    ):
        expected = torch.autograd.grad(outputs, leaves, adjoint, retain_graph=True)
        for found, gradient in zip(back, expected, strict=True):
            torch.testing.assert_close(found, gradient, rtol=1e-13, atol=1e-13)
