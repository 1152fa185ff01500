"""SymPy expressions as C++: statements that compute them with the functions of vector.hpp, common parts once."""

from collections.abc import Mapping
from typing import Any

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh")


class NotCompilable(Exception):
    """What there is no native code for; one line."""


def literal(number: float) -> str:
    """A number as a double."""
    return repr(float(number))


def statements(outputs: Mapping[str, Any], late: frozenset[Any] = frozenset(), kind: str = "T") -> list[str]:
    """Statements that compute expressions.

    Args:
        outputs: what is assigned to each variable; what has no name is returned.
        late: symbols of data. Summands that contain them are added one by one after all else.
        kind: of the numbers.

    Raises:
        NotCompilable: an expression has functions that vector.hpp has not.
    """
    import sympy

    parts = [_split(expression, late) for expression in outputs.values()]
    for main, summands in parts:
        for expression in (main, *summands):
            check(expression)
    shared, results = sympy.cse([main for main, _ in parts], symbols=sympy.numbered_symbols("c_"))
    # Zero makes numbers of the right kind even of parts that are constant.
    lines = [f"const {kind} {symbol} = {kind}{{}} + ({printed(value)});" for symbol, value in shared]
    for target, main, (_, summands) in zip(outputs, results, parts, strict=True):
        lines.append(f"{target or f'{kind} result'} = {kind}{{}} + ({printed(main)});")
        lines += [_added(target or "result", summand) for summand in summands]
        lines += [] if target else ["return result;"]
    return lines


def _split(expression: Any, late: frozenset[Any]) -> tuple[Any, list[Any]]:
    """An expression without the summands that contain data, and these."""
    import sympy

    summands = sympy.Add.make_args(expression)
    data = [summand for summand in summands if summand.free_symbols & late]
    return sympy.Add(*[s for s in summands if s not in data]), sorted(data, key=sympy.default_sort_key)


def _added(target: str, summand: Any) -> str:
    sign, size = ("-", -summand) if summand.could_extract_minus_sign() else ("+", summand)
    return f"{target} = {target} {sign} ({printed(size)});"


def check(expression: Any) -> None:
    """Refuse what vector.hpp does not have.

    Raises:
        NotCompilable: the expression contains such a function or operation.
    """
    import sympy

    allowed = (sympy.Add, sympy.Mul, sympy.Pow, sympy.Symbol, sympy.Number, sympy.NumberSymbol)
    for node in sympy.preorder_traversal(expression):
        name = type(node).__name__
        if not isinstance(node, allowed) and name not in FUNCTIONS:
            raise NotCompilable(f"there is no native code for {name} in {node}")


def printed(expression: Any) -> str:
    """An expression that ``check`` has passed."""
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
