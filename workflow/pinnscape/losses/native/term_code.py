"""Generation of C++ code for terms: energy densities or residuals with their derivatives, which terms.hpp calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pinnscape.losses.expressions import Expressions
from pinnscape.losses.native.algebra import Algebra
from pinnscape.losses.native.printing import check, printed, statements
from pinnscape.networks.streams import degree


@dataclass(frozen=True)
class Written:
    """A term to be written as a function of the streams of an algebra.

    Attributes:
        expressions: symbolic local expression of the term.
        kind: kind of the term.
        algebra: the streams that the term is computed from.
    """

    expressions: Expressions
    kind: Literal["energy", "squared"]
    algebra: Algebra

    @property
    def outputs(self) -> tuple[Any, ...]:
        """The local expression in terms of the streams of the algebra."""
        direction = self.expressions.direction if self.algebra.along is not None else None
        return self.expressions.outputs if direction is None else (direction.output,)

    def entries(self) -> dict[Any, str]:
        """The entry of the C++ array ``u`` of streams that each symbol of the unknown stands for."""
        symbols, streams = self.expressions.symbols, self.algebra.streams
        found: dict[Any, str] = {}
        for site in range(symbols.sites):
            for c in range(len(symbols.unknowns.components)):
                start = (site * len(symbols.unknowns.components) + c) * streams.count
                if self.algebra.along is not None:
                    found[symbols.derivative(site, c, (0,) * self.algebra.dimension)] = f"u[{start}]"
                    if self.expressions.direction is not None:
                        found[self.expressions.direction.symbol] = f"u[{start + 1}]"
                    continue
                found |= {symbols.derivative(site, c, m): f"u[{start + k}]" for k, m in enumerate(streams.monomials)}
                if streams.laplacian:
                    found[symbols.laplacian(site, c)] = f"u[{start + streams.count - 1}]"
        return found


def struct(name: str, algebra_name: str, written: Written, backwards: bool, slopes: bool = True) -> str:
    """C++ code of the type of a term.

    Args:
        name: name of the type.
        algebra_name: name of the type of its algebra.
        written: the term.
        backwards: whether the derivatives in x that its value needs are computed by reverse mode.
        slopes: whether the type also has derivatives of the term.

    Raises:
        NotCompilable: an expression contains a function that vector.hpp does not provide.
    """
    energy, outputs = written.kind == "energy", written.outputs
    lines = [f"struct {name} {{", f"    using Algebra = {algebra_name};"]
    lines.append(f"    static constexpr int RESIDUALS = {0 if energy else len(outputs)};")
    lines.append(f"    static constexpr bool BACKWARDS = {str(backwards).lower()};")
    late = frozenset(written.expressions.symbols.values.columns.values())
    if energy:
        lines += _function("T energy", "", written, outputs, statements({"": outputs[0]}, late))
    else:
        named = {f"r[{k}]": output for k, output in enumerate(outputs)}
        lines += _function("void residuals", ", T* r", written, outputs, statements(named, late))
    if slopes:
        lines += _slopes_of_energy(written, late) if energy else _slopes_of_residuals(written)
    lines += _function("Mask missing", "", written, _sides(written), _missing(written), kind="Vec")
    return "\n".join([*lines, "};", ""])


def _slopes_of_energy(written: Written, late: frozenset[Any]) -> list[str]:
    back = _slopes(written, written.outputs[0])
    return _function("void slopes", ", T* bar", written, back.values(), statements(back, late))


def _slopes_of_residuals(written: Written) -> list[str]:
    """Code of the derivatives of Σ r_bar r in the streams, which are the adjoints of the streams."""
    import sympy

    bars = [sympy.Symbol(f"r_bar_{k}", real=True) for k in range(len(written.outputs))]
    work = sum((bar * r for bar, r in zip(bars, written.outputs, strict=True)), sympy.Integer(0))
    back, read = _slopes(written, work), [f"const T {bar} = r_bar[{k}];" for k, bar in enumerate(bars)]
    return _function("void slopes", ", const T* r_bar, T* bar", written, back.values(), [*read, *statements(back)])


def _slopes(written: Written, expression: Any) -> dict[str, Any]:
    """The derivatives of an expression in all streams, ordered by the order of the stream: values, first derivatives, ..."""
    import sympy

    symbols, entries = written.expressions.symbols, written.entries()
    places = symbols.of_unknown(entries)

    def order(symbol: Any) -> int:
        return degree(places[symbol][2]) if symbol in places else written.algebra.streams.order

    return {entries[s].replace("u[", "bar["): sympy.diff(expression, s) for s in sorted(entries, key=order)}


def _function(head: str, more: str, written: Written, used: Iterable[Any], body: list[str], kind: str = "T") -> list[str]:
    """C++ code of a function of data, parameters and streams; it starts with declarations of the symbols that it uses."""
    kept, name = head.split()
    first = f"    static INLINE {kept} {name}(const Vec* data, const double* q, const T* u{more}) {{"
    lines = [*_names(written, used, kind), *body]
    return ["    template <class T>", first, *(f"        {line}" for line in lines), "    }"]


def _names(written: Written, used: Iterable[Any], kind: str) -> list[str]:
    """Declarations of the symbols that occur in expressions."""
    symbols, free = written.expressions.symbols, {symbol for expression in used for symbol in expression.free_symbols}
    declared: dict[Any, str] = {}
    for site in range(symbols.sites):
        for i in range(len(symbols.unknowns.variables)):
            declared[symbols.coordinate(site, i)] = f"const Vec {{}} = data[{site} * FIELDS + {i}];"
    for k, symbol in enumerate(symbols.values.columns.values()):
        declared[symbol] = f"const Vec {{}} = data[COLUMN + {k}];"
    for k, symbol in enumerate(symbols.values.parameters.values()):
        declared[symbol] = f"const Vec {{}} = broadcast(q[{k}]);"
    value = "value_of({})" if kind == "Vec" else "{}"
    for symbol, entry in {**_sums(written), **written.entries()}.items():
        declared[symbol] = f"const {kind} {{}} = {value.format(entry)};"
    return [line.format(symbol) for symbol, line in declared.items() if symbol in free]


def _sums(written: Written) -> dict[Any, str]:
    """Laplacians as sums of second derivatives, if the algebra has these as separate streams."""
    symbols, algebra = written.expressions.symbols, written.algebra
    summands = algebra.streams.summands(symbols.unknowns.space) if algebra.along is None else ()
    found: dict[Any, str] = {}
    for site in range(symbols.sites if summands else 0):
        for c in range(len(symbols.unknowns.components)):
            start = (site * len(symbols.unknowns.components) + c) * algebra.streams.count
            found[symbols.laplacian(site, c)] = " + ".join(f"u[{start + k}]" for k in summands)
    return found


def _sides(written: Written) -> list[Any]:
    """The left minus the right side of the existence condition, as a list; empty without condition."""
    condition = written.expressions.exists
    return [] if condition is None else [condition.lhs - condition.rhs]


def _missing(written: Written) -> list[str]:
    """Statements that return a mask of the points where the term does not exist, including those where the condition is NaN."""
    import sympy

    if written.expressions.exists is None:
        return ["return Mask{};"]
    check(_sides(written)[0])
    shared, (margin,) = sympy.cse(_sides(written), symbols=sympy.numbered_symbols("c_"))
    lines = [f"const Vec {symbol} = Vec{{}} + ({printed(value)});" for symbol, value in shared]
    return [*lines, f"return ~((Vec{{}} + ({printed(margin)})) {written.expressions.exists.rel_op} 0.0);"]
