"""Local expressions on symbols: which derivatives of the unknown they need, and what native code is written from.

A local expression is run once on symbols. The derivatives that it needs are the free symbols of the result, so that what cancels costs nothing.
Where the second derivatives in space enter only through their sum, they are written as one symbol, the Laplacian.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from pinnscape.losses.terms import Local, Values, called
from pinnscape.networks.streams import Monomial, Streams, degree, divisors, unit, variables
from pinnscape.problems.field import Field, Point, Unknowns

# What an expression raises that arithmetic and ``functions`` alone do not make up, on symbols.
NOT_ON_SYMBOLS = (
    TypeError,
    AttributeError,
    ValueError,
    IndexError,
    NameError,
    NotImplementedError,
    RuntimeError,
    ZeroDivisionError,
)


class NotDerivable(Exception):
    """What symbols cannot do; one line."""


@dataclass(frozen=True)
class Symbols:
    """The symbols of a local expression.

    Attributes:
        unknowns: names of variables and components of the field.
        sites: number of sites.
        columns: names of the data columns.
        parameters: names of the parameters.
    """

    unknowns: Unknowns
    sites: int = 1
    columns: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def coordinate(self, site: int, i: int) -> Any:
        return _symbol(f"x_{i}{_at(site)}")

    def derivative(self, site: int, component: int, monomial: Monomial) -> Any:
        letter = ("u", "p", "h")[degree(monomial)] if degree(monomial) < 3 else "d"
        return _symbol("_".join([letter, *map(str, (component, *variables(monomial)))]) + _at(site))

    def laplacian(self, site: int, component: int) -> Any:
        return _symbol(f"l_{component}{_at(site)}")

    @cached_property
    def values(self) -> Values:
        """The third argument of a local expression."""
        return Values(
            {name: _symbol(f"f_{name}") for name in self.columns}, {name: _symbol(f"q_{name}") for name in self.parameters}
        )

    def points(self) -> list[Point]:
        dimension = len(self.unknowns.variables)
        return [self.unknowns.point([self.coordinate(s, i) for i in range(dimension)]) for s in range(self.sites)]

    def fields(self) -> list[Field]:
        """The field at each site."""
        return [self.unknowns.field(partial(self.derivative, site)) for site in range(self.sites)]

    def known(self, expression: Any) -> set[Any]:
        """The symbols of coordinates, of the unknown and of values that occur in an expression."""
        coordinates = (self.coordinate(s, i) for s in range(self.sites) for i in range(len(self.unknowns.variables)))
        return {*coordinates, *self.of_unknown([expression]), *self.values.values()}

    def of_unknown(self, expressions: Iterable[Any]) -> dict[Any, tuple[int, int, Monomial]]:
        """Site, component and monomial of each symbol of the unknown that occurs."""
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


def _symbol(name: str) -> Any:
    import sympy  # late: takes half a second

    return sympy.Symbol(name, real=True)


@dataclass(frozen=True)
class Direction:
    """First derivatives that enter only as one derivative q = Σ v_i ∂_i u along a direction that does not depend on u.

    Attributes:
        slopes: the expressions v_i for the variables i that occur.
        output: the local expression in terms of u and q.
        symbol: of q.
    """

    slopes: dict[int, Any]
    output: Any
    symbol: Any


@dataclass(frozen=True)
class Expressions:
    """A local expression on symbols.

    Attributes:
        symbols: in which it is written.
        outputs: the energy density, or residuals.
        exists: a comparison that holds where it exists; None where it always does.
        streams: the derivatives of the unknown that occur, and all of which they are derivatives.
    """

    symbols: Symbols
    outputs: tuple[Any, ...]
    exists: Any
    streams: Streams

    @cached_property
    def direction(self) -> Direction | None:
        """The only direction of the first derivatives, where there is one and it spares streams."""
        import sympy

        places = self.symbols.of_unknown(self.outputs)
        firsts = {place[2].index(1): symbol for symbol, place in places.items() if degree(place[2]) == 1}
        one = len(self.outputs) == self.symbols.sites == len(self.symbols.unknowns.components) == 1
        if not one or self.exists is not None or self.streams.order != 1 or self.streams.count < 3:
            return None
        slopes = {i: sympy.diff(self.outputs[0], symbol) for i, symbol in firsts.items()}
        if any(slope.free_symbols & set(places) for slope in slopes.values()):
            return None
        q = _symbol("p_along")
        return Direction(slopes, self.outputs[0].subs(dict.fromkeys(firsts.values(), 0)) + q, q)


def derive(local: Local, symbols: Symbols, exists: Local | None = None) -> Expressions:
    """A local expression on symbols.

    Args:
        local: the expression.
        symbols: that it may use.
        exists: where it exists, if not everywhere.

    Raises:
        NotDerivable: it does something that symbols cannot do.
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
    except NOT_ON_SYMBOLS as error:
        raise NotDerivable(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    outputs = tuple(_renamed(output, symbols) for output in outputs)
    for output in outputs:
        if not isinstance(output, sympy.Expr):
            raise NotDerivable(f"gives {type(output).__name__} on symbols and no expression")
        if output.has(sympy.nan, sympy.zoo, sympy.oo):
            raise NotDerivable(f"gives {output} on symbols")
    return outputs


def _renamed(expression: Any, symbols: Symbols) -> Any:
    """An expression with our symbols of parameters in place of others of the same name.

    Raises:
        NotDerivable: there are symbols that are not known.
    """
    if not hasattr(expression, "xreplace"):
        return expression
    named = {str(symbol): symbol for symbol in expression.free_symbols}
    found = expression.xreplace({named[name]: q for name, q in symbols.values.parameters.items() if name in named})
    if unknown := sorted(map(str, found.free_symbols - symbols.known(found))):
        raise NotDerivable(f"contains symbols that are no parameters: {', '.join(unknown)}")
    return found


def _condition(exists: Local, symbols: Symbols) -> Any:
    """A comparison; None where it always holds.

    Raises:
        NotDerivable: it is something else.
    """
    import sympy

    try:
        (found,) = called(exists, symbols.points(), symbols.fields(), symbols.values)
        condition = _renamed(sympy.sympify(found), symbols)
    except NOT_ON_SYMBOLS as error:
        raise NotDerivable(f"where it exists cannot be found on symbols ({error})") from error
    if condition == sympy.true:
        return None
    if getattr(condition, "rel_op", None) not in ("<", "<=", ">", ">="):
        raise NotDerivable("where it exists is no comparison")
    return condition


def _with_laplacian(e: Expressions, needed: Sequence[Monomial]) -> Expressions | None:
    """The same with Laplacians; None where second derivatives in space enter otherwise, or not at all, or are needed for higher ones."""
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
    """Whether the derivatives of an expression in these symbols are equal, so that it depends on their sum alone."""
    import sympy

    first, *rest = (sympy.diff(expression, entry) for entry in entries)
    return all(sympy.simplify(first - slope) == 0 for slope in rest)
