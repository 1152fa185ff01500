"""Translation of SymPy expressions to C++ statements that use vector.hpp, with common subexpressions computed once."""

from collections.abc import Mapping
from typing import Any

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh")


class NotCompilable(Exception):
    """An expression cannot be translated to native code; the message is one line."""


def literal(number: float) -> str:
    """A number as a C++ double literal."""
    return repr(float(number))


def statements(outputs: Mapping[str, Any], late: frozenset[Any] = frozenset(), kind: str = "T") -> list[str]:
    """C++ statements that compute expressions.

    Args:
        outputs: expression that is assigned to each variable, by name; an expression with an empty name is returned.
        late: symbols of data columns. Summands that contain them are added last, one by one.
        kind: C++ type of the numbers.

    Raises:
        NotCompilable: an expression contains a function that vector.hpp does not provide.
    """
    import sympy

    parts = [_split(expression, late) for expression in outputs.values()]
    for main, summands in parts:
        for expression in (main, *summands):
            check(expression)
    shared, results = sympy.cse([main for main, _ in parts], symbols=sympy.numbered_symbols("c_"))
    # Adding zero of this type converts constant expressions to the type.
    lines = [f"const {kind} {symbol} = {kind}{{}} + ({printed(value)});" for symbol, value in shared]
    for target, main, (_, summands) in zip(outputs, results, parts, strict=True):
        lines.append(f"{target or f'{kind} result'} = {kind}{{}} + ({printed(main)});")
        lines += [_added(target or "result", summand) for summand in summands]
        lines += [] if target else ["return result;"]
    return lines


def _split(expression: Any, late: frozenset[Any]) -> tuple[Any, list[Any]]:
    """An expression without the summands that contain data columns, and the list of these summands."""
    import sympy

    summands = sympy.Add.make_args(expression)
    data = [summand for summand in summands if summand.free_symbols & late]
    return sympy.Add(*[s for s in summands if s not in data]), sorted(data, key=sympy.default_sort_key)


def _added(target: str, summand: Any) -> str:
    sign, size = ("-", -summand) if summand.could_extract_minus_sign() else ("+", summand)
    return f"{target} = {target} {sign} ({printed(size)});"


def check(expression: Any) -> None:
    """Check that vector.hpp provides all functions and operations of an expression.

    Raises:
        NotCompilable: the expression contains another function or operation.
    """
    import sympy

    allowed = (sympy.Add, sympy.Mul, sympy.Pow, sympy.Symbol, sympy.Number, sympy.NumberSymbol)
    for node in sympy.preorder_traversal(expression):
        name = type(node).__name__
        if not isinstance(node, allowed) and name not in FUNCTIONS:
            raise NotCompilable(f"there is no native code for {name} in {node}")


def printed(expression: Any) -> str:
    """An expression as C++; ``check`` must have accepted it.

    Raises:
        NotCompilable: an exponent is neither a number nor an expression of parameters of the problem.
    """
    return _printer().doprint(expression)


def _printer() -> Any:
    from sympy.printing.cxx import CXX17CodePrinter

    class Printer(CXX17CodePrinter):
        """Prints numbers as doubles, powers as calls of ``power``, and functions without namespace, to be overloaded."""

        def _print_Pow(self, expr: Any) -> str:
            base, exponent = self._print(expr.base), expr.exp
            if exponent.is_Integer:
                return f"power({base}, {int(exponent)})"
            if str(exponent) == "1/2":
                return f"sqrt({base})"
            if exponent.is_number:
                return f"power({base}, {float(exponent)!r})"
            if all(str(symbol).startswith("q_") for symbol in exponent.free_symbols):
                return f"power({base}, Vec{{}} + ({self._print(exponent)}))"
            raise NotCompilable(f"there is no native code for the power {expr}")

        def _print_Integer(self, expr: Any) -> str:
            return literal(expr)

        def _print_Float(self, flt: Any) -> str:
            return literal(flt)

        def _print_Rational(self, expr: Any) -> str:
            return literal(expr)

        def _print_NumberSymbol(self, expr: Any) -> str:
            return literal(expr)

        def _print_Function(self, expr: Any) -> str:
            return f"{expr.func.__name__}({self._print(expr.args[0])})"

        _print_exp = _print_log = _print_sin = _print_cos = _print_tanh = _print_Function

    return Printer()
