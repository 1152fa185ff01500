"""Symbolic derivation of local expressions: the derivatives of the unknown that they need, and the input of code generation.

A local expression is called once with SymPy symbols. The free symbols of the result are the derivatives that it needs, so that
derivatives that cancel are never computed. If the second derivatives in space occur only as their sum, they are replaced by a
single symbol, the Laplacian.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from pinnscape.losses.terms import Local, Values, called
from pinnscape.networks.streams import Monomial, Streams, degree, divisors, unit, variables
from pinnscape.problems.field import Field, Point, Unknowns
from pinnscape.problems.symbols import NOT_SYMBOLIC, symbol


class NotDerivable(Exception):
    """A local expression cannot be derived symbolically; the message is one line."""


@dataclass(frozen=True)
class Symbols:
    """The symbols in which a local expression is written.

    Attributes:
        unknowns: names of the variables and of the components of the unknown.
        sites: number of places at which the expression is evaluated at once: 2 for periodic conditions, otherwise 1.
        columns: names of the data columns.
        parameters: names of the parameters of the problem.
    """

    unknowns: Unknowns
    sites: int = 1
    columns: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def coordinate(self, site: int, i: int) -> Any:
        return symbol(f"x_{i}{_at(site)}")

    def derivative(self, site: int, component: int, monomial: Monomial) -> Any:
        letter = ("u", "p", "h")[degree(monomial)] if degree(monomial) < 3 else "d"
        return symbol("_".join([letter, *map(str, (component, *variables(monomial)))]) + _at(site))

    def laplacian(self, site: int, component: int) -> Any:
        return symbol(f"l_{component}{_at(site)}")

    @cached_property
    def values(self) -> Values:
        """Symbols of the data columns and parameters, the third argument of a local expression."""
        return Values(
            {name: symbol(f"f_{name}") for name in self.columns}, {name: symbol(f"q_{name}") for name in self.parameters}
        )

    def points(self) -> list[Point]:
        dimension = len(self.unknowns.variables)
        return [self.unknowns.point([self.coordinate(s, i) for i in range(dimension)]) for s in range(self.sites)]

    def fields(self) -> list[Field]:
        """The unknown as a symbolic field at each site, the second argument of a local expression."""
        return [self.unknowns.field(partial(self.derivative, site)) for site in range(self.sites)]

    def known(self, expression: Any) -> set[Any]:
        """All symbols of coordinates, columns and parameters, and those of the unknown that occur in an expression."""
        coordinates = (self.coordinate(s, i) for s in range(self.sites) for i in range(len(self.unknowns.variables)))
        return {*coordinates, *self.of_unknown([expression]), *self.values.values()}

    def of_unknown(self, expressions: Iterable[Any]) -> dict[Any, tuple[int, int, Monomial]]:
        """Site, component and monomial of each derivative of the unknown that occurs in the expressions, by symbol."""
        found = {symbol for expression in expressions for symbol in expression.free_symbols}
        return {symbol: place for symbol in sorted(found, key=str) if (place := self._place(symbol)) is not None}

    def _place(self, symbol: Any) -> tuple[int, int, Monomial] | None:
        name, _, site = str(symbol).partition("_s")
        letter, *indices = name.split("_")
        if letter not in ("u", "p", "h", "d") or not all(index.isdigit() for index in indices):
            return None
        component, *among = map(int, indices)
        place = int(site or 0), component, unit(len(self.unknowns.variables), *among)
        return place if self.derivative(*place) == symbol else None


def _at(site: int) -> str:
    return f"_s{site}" if site else ""


@dataclass(frozen=True)
class Direction:
    """A directional derivative q = Σ v_i ∂_i u that replaces all first derivatives; the direction v does not depend on u.

    Attributes:
        slopes: components v_i of the direction, as expressions, by the variable i.
        output: the local expression in terms of u and q.
        symbol: symbol of q.
    """

    slopes: dict[int, Any]
    output: Any
    symbol: Any


@dataclass(frozen=True)
class Expressions:
    """A local expression as SymPy expressions.

    Attributes:
        symbols: the symbols of the expressions.
        outputs: the energy density, or the residuals.
        exists: comparison that holds where the local expression exists; None if it exists everywhere.
        streams: the derivatives of the unknown that occur, and the lower derivatives that they require.
    """

    symbols: Symbols
    outputs: tuple[Any, ...]
    exists: Any
    streams: Streams

    @cached_property
    def direction(self) -> Direction | None:
        """The directional derivative that replaces the first derivatives; None if there is none or it saves no streams.

        There is one for a single expression of first order in one component that is linear in the first derivatives, with
        coefficients that do not depend on the unknown.
        """
        import sympy

        places = self.symbols.of_unknown(self.outputs)
        firsts = {place[2].index(1): symbol for symbol, place in places.items() if degree(place[2]) == 1}
        one = len(self.outputs) == self.symbols.sites == len(self.symbols.unknowns.components) == 1
        if not one or self.exists is not None or self.streams.order != 1 or self.streams.count < 3:
            return None
        slopes = {i: sympy.diff(self.outputs[0], symbol) for i, symbol in firsts.items()}
        if any(slope.free_symbols & set(places) for slope in slopes.values()):
            return None
        q = symbol("p_along")
        return Direction(slopes, self.outputs[0].subs(dict.fromkeys(firsts.values(), 0)) + q, q)


def derive(local: Local, symbols: Symbols, exists: Local | None = None) -> Expressions:
    """Derive a local expression symbolically.

    Args:
        local: the local expression.
        symbols: the symbols with which it is called.
        exists: condition for the existence of the expression, if it does not exist everywhere.

    Raises:
        NotDerivable: the expression or the condition uses an operation that SymPy symbols do not support.
    """
    outputs = _expressions(local, symbols)
    condition = None if exists is None else _condition(exists, symbols)
    conditions = [] if condition is None else [condition]
    needed = [place[2] for place in symbols.of_unknown([*outputs, *conditions]).values()]
    needed.append((0,) * len(symbols.unknowns.variables))
    found = Expressions(symbols, outputs, condition, Streams.of(needed))
    return _with_laplacian(found, needed) or found


def _expressions(local: Local, symbols: Symbols) -> tuple[Any, ...]:
    import sympy

    try:
        outputs = tuple(sympy.sympify(output) for output in called(local, symbols.points(), symbols.fields(), symbols.values))
    except NOT_SYMBOLIC as error:
        raise NotDerivable(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    outputs = tuple(_renamed(output, symbols) for output in outputs)
    for output in outputs:
        if not isinstance(output, sympy.Expr):
            raise NotDerivable(f"gives {type(output).__name__} on symbols and no expression")
        if output.has(sympy.nan, sympy.zoo, sympy.oo):
            raise NotDerivable(f"gives {output} on symbols")
    return outputs


def _renamed(expression: Any, symbols: Symbols) -> Any:
    """An expression in which symbols with the name of a parameter are replaced by the symbol of that parameter.

    Raises:
        NotDerivable: unknown symbols remain.
    """
    if not hasattr(expression, "xreplace"):
        return expression
    named = {str(symbol): symbol for symbol in expression.free_symbols}
    found = expression.xreplace({named[name]: q for name, q in symbols.values.parameters.items() if name in named})
    if unknown := sorted(map(str, found.free_symbols - symbols.known(found))):
        raise NotDerivable(f"contains symbols that are no parameters: {', '.join(unknown)}")
    return found


def _condition(exists: Local, symbols: Symbols) -> Any:
    """The existence condition as a comparison; None if it always holds.

    Raises:
        NotDerivable: the condition cannot be evaluated with symbols, or is not a single comparison.
    """
    import sympy

    try:
        (found,) = called(exists, symbols.points(), symbols.fields(), symbols.values)
        condition = _renamed(sympy.sympify(found), symbols)
    except NOT_SYMBOLIC as error:
        raise NotDerivable(f"where it exists cannot be found on symbols ({error})") from error
    if condition == sympy.true:
        return None
    if getattr(condition, "rel_op", None) not in ("<", "<=", ">", ">="):
        raise NotDerivable("where it exists is no comparison")
    return condition


def _with_laplacian(e: Expressions, needed: Sequence[Monomial]) -> Expressions | None:
    """The expressions with the second derivatives in space replaced by Laplacians.

    Returns:
        The new expressions; None if no pure second derivative in space occurs, if the second derivatives do not occur as their
        sum alone, or if higher derivatives require them as well.
    """
    space, dimension = e.symbols.unknowns.space, e.streams.dimension
    squares = {unit(dimension, i, i) for i in space}
    seconds = {unit(dimension, i, j) for i in space for j in space}
    others = [monomial for monomial in needed if monomial not in squares]
    higher = {divisor for monomial in others for divisor in divisors(monomial)}
    if not squares & set(needed) or seconds & higher:
        return None
    places = e.symbols.of_unknown(e.outputs)
    pairs = sorted({(site, component) for site, component, _ in places.values()})
    if e.exists is not None and any(place[2] in squares for place in e.symbols.of_unknown([e.exists]).values()):
        return None
    outputs = list(e.outputs)
    for site, component in pairs:
        entries = [e.symbols.derivative(site, component, unit(dimension, i, i)) for i in space]
        if not all(_alike(output, entries) for output in outputs):
            return None
        traced = dict.fromkeys(entries[1:], 0) | {entries[0]: e.symbols.laplacian(site, component)}
        outputs = [output.subs(traced) for output in outputs]
    return replace(e, outputs=tuple(outputs), streams=Streams.of(others, space))


def _alike(expression: Any, entries: Sequence[Any]) -> bool:
    """Whether an expression depends on these symbols only through their sum, that is, all its derivatives in them are equal."""
    import sympy

    first, *rest = (sympy.diff(expression, entry) for entry in entries)
    return all(sympy.simplify(first - slope) == 0 for slope in rest)
