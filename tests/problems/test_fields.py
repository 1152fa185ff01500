"""Points, fields, parameters and elementary functions, with tensors, arrays, symbols and numbers."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch
from naive import derivatives

from pinnscape.problems import autograd, functions
from pinnscape.problems.domains.boxes import SpaceTime, cube
from pinnscape.problems.field import Field, Point, Unknowns, name_of, order_of
from pinnscape.problems.functions import FUNCTIONS, exp, sin
from pinnscape.problems.parameter import Parameter
from pinnscape.problems.problem import Problem
from pinnscape.problems.symbols import Derived, Symbols

X = torch.linspace(0.1, 0.9, 7, dtype=torch.float64)


def named(*components: str, variables: tuple[str, ...] = ("x", "t"), time: str | None = "t") -> Field:
    """A field whose derivatives are their own names."""
    return Field(variables, lambda k, order: f"{components[k]}:{name_of(order, variables)}", components, time)


def test_a_point_has_its_coordinates_by_name_and_in_order() -> None:
    p = Point(("x", "t"), (1.0, 2.0))
    assert (p.x, p.t) == tuple(p) == (1.0, 2.0)
    assert len(p) == 2
    with pytest.raises(AttributeError, match=r"^p\.y: no such variable; there is x, t$"):
        p.y  # noqa: B018
    with pytest.raises(ValueError, match=r"^a point in the variables x, t has 2 values, not 1$"):
        Point(("x", "t"), (1.0,))


def test_derivatives_have_the_names_of_their_variables_in_any_order() -> None:
    u = named("u")
    assert (u.value, u.x, u.t, u.xx, u.xt, u.tx, u.xxxx) == ("u:", "u:x", "u:t", "u:xx", "u:xt", "u:xt", "u:xxxx")
    assert u.gradient == ["u:x", "u:t"]
    assert order_of("txx", ("x", "t")) == (2, 1)
    with pytest.raises(AttributeError, match=r"^u\.z: no such derivative; name the variables \(x, t\), as in u\.x or u\.xx$"):
        u.z  # noqa: B018


def test_long_names_of_variables_are_told_apart() -> None:
    variables = tuple(f"x{i}" for i in range(1, 12))
    assert order_of("x11x1", variables) == tuple(int(i in (1, 11)) for i in range(1, 12))
    assert name_of(order_of("x1x1x2", variables), variables) == "x1x1x2"


def test_the_laplacian_leaves_time_out() -> None:
    x, y, t = sympy.symbols("x y t")
    value = x**3 * y**2 * t**4

    def derivative(_, order):
        found = value
        for variable, count in zip((x, y, t), order, strict=True):
            found = sympy.diff(found, variable, count) if count else found
        return found

    assert Field(("x", "y", "t"), derivative, time="t").laplacian == 6 * x * y**2 * t**4 + 2 * x**3 * t**4
    assert (
        sympy.expand(
            Field(("x", "y", "t"), derivative).laplacian - 6 * x * y**2 * t**4 - 2 * x**3 * t**4 - 12 * x**3 * y**2 * t**2
        )
        == 0
    )


def test_components_unpack_and_have_names() -> None:
    u = named("v", "q")
    v, q = u
    assert (v.x, q.tt, u["q"].t, len(u)) == ("v:x", "q:tt", "q:t", 2)
    (only,) = named("w")
    assert only.x == "w:x"
    with pytest.raises(
        TypeError, match=r"^u has the components v, q: name one to get its derivative x, as in `v, q = u` or u\['v'\]$"
    ):
        u.x  # noqa: B018
    with pytest.raises(TypeError, match="to get its value"):
        u + 1
    with pytest.raises(KeyError, match="u has no component 'w'; it has v, q"):
        u["w"]


@pytest.mark.parametrize(
    "value", [X, X.numpy(), sympy.Symbol("u", real=True), 1.7], ids=["tensor", "array", "symbol", "number"]
)
def test_in_arithmetic_a_field_is_its_value(value) -> None:
    u = Field(("x",), lambda k, order: value)
    for found, expected in (
        (u + 2.0, value + 2.0), (2.0 - u, 2.0 - value), (3 * u * u, 3 * value * value), (1 / (1 + u**2), 1 / (1 + value**2)),
        (-u, -value), (2**u, 2**value), (value * u, value * value), (value - u, value - value), (u / value, value / value), (abs(u), abs(value)),
        (sin(u), sin(value)), (exp(u * u), exp(value * value)), (np.float64(2.0) * u, 2.0 * value), (u > 0.5, value > 0.5),
    ):  # fmt: skip
        same = found == expected
        assert bool(same.all() if hasattr(same, "all") else same)


def test_functions_of_torch_take_fields_of_tensors() -> None:
    u = Field(("x",), lambda k, order: X)
    assert torch.equal(torch.sin(u), torch.sin(X))
    assert torch.equal(torch.where(u > 0.5, u, 0.0), torch.where(X > 0.5, X, 0.0))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "atan2"])
def test_functions_take_tensors_arrays_symbols_and_numbers(name: str) -> None:
    function, expected = FUNCTIONS[name], [getattr(math, name)(v) for v in X.tolist()]
    assert function is getattr(functions, name)
    np.testing.assert_allclose(function(X).numpy(), expected, rtol=1e-15)
    np.testing.assert_allclose(function(X.numpy()), expected, rtol=1e-15)
    assert function(0.3) == getattr(math, name)(0.3)
    z = sympy.Symbol("z")
    assert function(z) == getattr(sympy, name)(z)


def test_angles_take_two_arguments_of_any_kind() -> None:
    z = sympy.Symbol("z", real=True)
    assert functions.atan2(1.0, -1.0) == math.atan2(1.0, -1.0)
    assert functions.atan2(z, 1) == sympy.atan2(z, 1)
    np.testing.assert_allclose(functions.atan2(X, -X).numpy(), 0.75 * math.pi)
    np.testing.assert_allclose(functions.atan2(1.0, X).numpy(), np.arctan2(1.0, X.numpy()))
    np.testing.assert_allclose(functions.atan2(X.numpy(), 1.0), np.arctan(X.numpy()))


def test_nested_differentiation_gives_derivatives_of_any_order() -> None:
    points = torch.rand(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    domain = SpaceTime(x=(0, 1), t=(0, 1))
    p, u = autograd.differentiable(lambda p: (sin(2 * p.x) * exp(p.t * p.x), p.t**3), domain, points, ("a", "b"))
    assert torch.equal(torch.stack(list(p), -1).detach(), points)
    value, slope, hessian = derivatives(
        lambda z: torch.stack([torch.sin(2 * z[:, 0]) * torch.exp(z[:, 0] * z[:, 1]), z[:, 1] ** 3], 1), points
    )
    for k, component in enumerate(u):
        torch.testing.assert_close(component.value, value[:, k])
        torch.testing.assert_close(torch.stack(component.gradient, 1), slope[:, k])
        torch.testing.assert_close(component.xt, hessian[:, k, 0, 1])
        torch.testing.assert_close(component.tt, hessian[:, k, 1, 1])
    x, t = sympy.symbols("x t")
    fifth = sympy.lambdify((x, t), sympy.diff(sympy.sin(2 * x) * sympy.exp(t * x), x, 3, t, 2), "numpy")(*points.numpy().T)
    np.testing.assert_allclose(u["a"].xxxtt.detach().numpy(), fifth, rtol=1e-12)
    assert (u["b"].x == 0.0).all()
    with pytest.raises(ValueError, match=r"^gives 1 values for the components a, b$"):
        autograd.differentiable(lambda p: p.x, domain, points, ("a", "b"))


def test_symbols_of_derivatives_are_those_that_an_expression_names() -> None:
    symbols = Symbols(Unknowns(("x", "t"), ("u", "v"), "t"))
    u, v = symbols.field
    expression = u.xt * v + symbols.point.x * u.tx
    assert {str(s) for s in symbols.named([expression]).values()} == {"u_xt", "v"}
    assert symbols.named([expression]).keys() == {(0, (1, 1)), (1, (0, 0))}
    assert not symbols.named([0 * u.xx])  # asked for, and gone from the result
    total = symbols.total(expression, 0)
    assert sympy.expand(total - (u.xxt * v.value + u.xt * v.x + u.xt + symbols.point.x * u.xxt)) == 0


def test_derived_expressions_take_symbols_arrays_and_tensors() -> None:
    symbols, k = Symbols(Unknowns(("x",))), sympy.Symbol("k", real=True)
    u = symbols.field
    derived = Derived.of(symbols, [k * u.xx + sympy.sin(symbols.point.x) * u, sympy.Integer(3)], {"k": k})
    assert list(derived.derivatives) == [(0, (0,)), (0, (2,))]
    value = {(0,): X, (2,): X**2}
    tensors = derived(Point(("x",), (X,)), Field(("x",), lambda _, order: value[order]), {"k": 2.0})
    torch.testing.assert_close(tensors[0], 2.0 * X**2 + torch.sin(X) * X)
    assert tensors[1] == 3
    arrays = derived(Point(("x",), (X.numpy(),)), Field(("x",), lambda _, order: value[order].numpy()), {"k": 2.0})
    np.testing.assert_allclose(arrays[0], tensors[0].numpy(), rtol=1e-15)
    a, b, c = sympy.symbols("a b c")
    other = derived.replaced(Point(("x",), (a,)), Field(("x",), lambda _, order: b if order == (0,) else c), {"k": a})
    assert other == [a * c + sympy.sin(a) * b, 3]
    read = Derived.from_json(symbols.unknowns, json.loads(json.dumps(derived.to_json())))
    assert read == derived
    assert torch.equal(read(Point(("x",), (X,)), Field(("x",), lambda _, order: value[order]), {"k": 2.0})[0], tensors[0])


class Oscillator(Problem):
    domain = SpaceTime(x=(0, 1), t=(0, 1))
    stiffness = Parameter(2.0, above=0.0, text="spring constant")
    lambda_ = Parameter(0.5, at_least=0.0, below=1.0)
    shift = Parameter(0.0)


class Heavier(Oscillator):
    mass = Parameter(1.0, above=0.0)
    stiffness = Parameter(7.0, above=0.0)


def test_an_object_has_the_values_of_its_parameters() -> None:
    problem = Oscillator(stiffness=3)
    assert (problem.stiffness, problem.lambda_, problem.parameters) == (
        3.0,
        0.5,
        {"stiffness": 3.0, "lambda": 0.5, "shift": 0.0},
    )
    assert isinstance(problem.stiffness, float)
    assert Oscillator(**{"lambda": 0.25}).lambda_ == Oscillator(lambda_=0.25).lambda_ == 0.25
    assert Heavier().parameters == {"stiffness": 7.0, "lambda": 0.5, "shift": 0.0, "mass": 1.0}
    assert isinstance(Oscillator.stiffness, Parameter)
    problem.shift = -4
    assert problem.shift == -4.0


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"beta": 1.0}, "Oscillator has no parameter `beta`; it has stiffness, lambda, shift"),
        ({"stiffness": 0.0}, "Oscillator: `stiffness`, the spring constant, must be a number above 0, not 0.0"),
        ({"lambda": 1.0}, "Oscillator: `lambda` must be a number at least 0 and below 1, not 1.0"),
        ({"shift": "1"}, "Oscillator: `shift` must be a number, not '1'"),
        ({"shift": True}, "Oscillator: `shift` must be a number, not True"),
        ({"shift": math.inf}, "Oscillator: `shift` must be a number, not inf"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(parameters: dict, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        Oscillator(**parameters)
    assert str(caught.value) == said


def test_a_problem_without_parameters_says_so() -> None:
    class Plain(Problem):
        domain = cube(1)

    with pytest.raises(ValueError, match=r"^Plain has no parameter `a`; it has none$"):
        Plain(a=1.0)


def test_parameters_can_be_symbols() -> None:
    problem = Oscillator(stiffness=3.0)
    symbolic = problem.symbolic()
    assert symbolic.stiffness == sympy.Symbol("stiffness", real=True, positive=True)
    assert symbolic.lambda_ == sympy.Symbol("lambda", real=True)
    assert problem.stiffness == 3.0


def test_a_problem_can_be_stated_without_torch_and_sympy() -> None:
    code = """
import sys
import pinnscape.problems.language
from pinnscape.problems.registry import PROBLEMS, problem_class
for name in PROBLEMS:
    problem_class(name)()
print(sorted({"torch", "sympy", "scipy"} & set(sys.modules)))
"""
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "workflow")}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == "[]"
