"""A problem's energy density and residual as C++, with their derivatives, from the expressions that ``variation`` derives."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pinnscape.networks.mlp import Network
from pinnscape.problems.euler_lagrange import Expressions

ACTIVATIONS = ("tanh", "sin", "swish", "softplus")  # in the order of network.hpp


class NotCompilable(Exception):
    """What the generator does not know; one line."""


def sizes(network: Network) -> str:
    """The constants of a network."""
    if network.activation not in ACTIVATIONS:
        raise NotCompilable(f"there is no machine code for the activation {network.activation}")
    constants = {
        "D": network.inputs,
        "C": network.outputs,
        "WIDTH": network.width,
        "DEPTH": network.depth,
        "ACTIVATION": ACTIVATIONS.index(network.activation),
    }
    return "".join(f"constexpr int {name} = {value};\n" for name, value in constants.items())


def functions(expressions: Expressions, problem: Any) -> str:
    """The problem's own functions, as losses.hpp calls them.

    Args:
        expressions: of its energy density.
        problem: whose ``infeasible`` is evaluated on symbols.

    Raises:
        NotCompilable: an expression has functions that vector.hpp has not, or ``infeasible`` is no comparison.
    """
    import sympy  # late: takes half a second

    e = expressions
    bars = [sympy.Symbol(f"r_bar_{k}", real=True) for k in range(len(e.u))]
    work = sum((bar * r for bar, r in zip(bars, e.residual, strict=True)), sympy.Integer(0))
    first, all_of = "const Vec* x, const T* u, const T* p", "const Vec* x, const T* u, const T* p, const T* h"
    slopes = {"u_bar": _slopes(e.energy, e.u), "p_bar": _slopes(e.energy, e.p)}
    residual_slopes = {name: _slopes(work, s) for name, s in (("u_bar", e.u), ("p_bar", e.p), ("h_bar", e.second))}
    flag = "true" if e.isotropic else "false"
    return "\n".join(
        [
            f"constexpr bool ISOTROPIC = {flag};",
            f"template <class T> T energy({first}) {{",
            _body(e, {"": [e.energy]}, second=False),
            "}",
            f"template <class T> void energy_slopes({first}, T* u_bar, T* p_bar) {{",
            _body(e, slopes, second=False),
            "}",
            f"template <class T> void residual({all_of}, T* r) {{",
            _body(e, {"r": e.residual}),
            "}",
            f"template <class T> void residual_slopes({all_of}, const T* r_bar, T* u_bar, T* p_bar, T* h_bar) {{",
            *[f"const T {bar} = r_bar[{k}];" for k, bar in enumerate(bars)],
            _body(e, residual_slopes),
            "}",
            f"template <class T> Mask infeasible({first}) {{",
            _infeasible(e, problem),
            "}",
            "",
        ]
    )


def _slopes(expression: Any, symbols: Iterable[Any]) -> list[Any]:
    import sympy

    return [sympy.diff(expression, symbol) for symbol in symbols]


def _arguments(e: Expressions, kind: str, second: bool) -> list[str]:
    """Local names for the entries of the arrays."""
    wrap = "value_of({})" if kind == "Vec" else "{}"
    lines = [f"const Vec {symbol} = x[{i}];" for i, symbol in enumerate(e.x)]
    for array, symbols in (("u", e.u), ("p", e.p), ("h", e.second if second else ())):
        lines += [f"const {kind} {symbol} = {wrap.format(f'{array}[{i}]')};" for i, symbol in enumerate(symbols)]
    return lines


def _body(e: Expressions, outputs: Mapping[str, Sequence[Any]], second: bool = True, kind: str = "T") -> str:
    """Statements that compute expressions, common parts once; the output without a name is returned."""
    import sympy

    flat = [expression for group in outputs.values() for expression in group]
    shared, results = sympy.cse(flat, symbols=sympy.numbered_symbols("c_"))
    lines = _arguments(e, kind, second)
    # Zero makes numbers of the right kind even of parts that are constant.
    lines += [f"const {kind} {symbol} = {kind}{{}} + ({_printed(value)});" for symbol, value in shared]
    remaining = iter(results)
    for name, group in outputs.items():
        for i, _ in enumerate(group):
            target = f"{name}[{i}] =" if name else "return"
            lines.append(f"{target} {kind}{{}} + ({_printed(next(remaining))});")
    return "\n".join(f"    {line}" for line in lines)


def _infeasible(e: Expressions, problem: Any) -> str:
    import sympy

    condition = _condition(e, problem)
    if condition is None:
        return "    return Mask{};"
    shared, (margin,) = sympy.cse([condition.lhs - condition.rhs], symbols=sympy.numbered_symbols("c_"))
    lines = _arguments(e, "Vec", second=False)
    lines += [f"const Vec {symbol} = Vec{{}} + ({_printed(value)});" for symbol, value in shared]
    return "\n".join(f"    {line}" for line in [*lines, f"return (Vec{{}} + ({_printed(margin)})) {condition.rel_op} 0.0;"])


def _condition(e: Expressions, problem: Any) -> Any:
    """Where the energy does not exist, as a comparison of expressions; None where it always does.

    Raises:
        NotCompilable: it is something else.
    """
    import sympy

    x, u = np.array(e.x, dtype=object), np.array(e.u, dtype=object)
    p = np.array(e.p, dtype=object).reshape(len(u), len(x))
    try:
        found = problem.infeasible(u, p)
        condition: Any = None if found is None else sympy.sympify(np.asarray(found, dtype=object).item())
    except (TypeError, AttributeError, ValueError, IndexError, NameError, RuntimeError) as error:
        raise NotCompilable(f"where the energy exists cannot be found by hand ({error})") from error
    if condition is None or condition == sympy.false:
        return None
    if getattr(condition, "rel_op", None) not in ("<", "<=", ">", ">="):
        raise NotCompilable("where the energy exists is no comparison")
    return condition


def _printed(expression: Any) -> str:
    return _printer().doprint(expression)


def _printer() -> Any:
    from sympy.printing.cxx import CXX17CodePrinter

    class Printer(CXX17CodePrinter):
        """Numbers are doubles, powers those of vector.hpp, functions found by their arguments."""

        def _print_Pow(self, expr: Any) -> str:
            base, exponent = self._print(expr.base), expr.exp
            if exponent.is_Integer:
                return f"power({base}, {int(exponent)})"
            if str(exponent) == "1/2":
                return f"sqrt({base})"
            if not exponent.is_number:
                raise NotCompilable(f"there is no machine code for the power {expr}")
            return f"power({base}, {float(exponent)!r})"

        def _print_Integer(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Float(self, flt: Any) -> str:
            return repr(float(flt))

        def _print_Rational(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_NumberSymbol(self, expr: Any) -> str:
            return repr(float(expr))

        def _print_Function(self, expr: Any) -> str:
            name = expr.func.__name__
            if name not in ("exp", "log", "sin", "cos", "tanh"):
                raise NotCompilable(f"there is no machine code for the function {name}")
            return f"{name}({self._print(expr.args[0])})"

        _print_exp = _print_log = _print_sin = _print_cos = _print_tanh = _print_Function

    return Printer()
