"""Local expressions as Python source, which needs no SymPy: what torch evaluates once they have been derived, and what is kept of them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from pinnscape.losses.expressions import Expressions, Symbols
from pinnscape.networks.streams import Monomial, Streams

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "sqrt")
ON_TENSORS = {name: getattr(torch, name) for name in FUNCTIONS}
ON_ARRAYS = {name: getattr(np, name) for name in FUNCTIONS}
_NAME = "_lambdifygenerated"  # what SymPy calls the functions that it writes


class Argument(NamedTuple):
    """What a formula is a function of: a coordinate, a derivative, a Laplacian, or a data column or parameter."""

    kind: str  # "coordinate", "derivative", "laplacian" or "value"
    site: int = 0
    position: int = 0  # of the variable or the component
    monomial: Monomial = ()
    name: str = ""


@dataclass(frozen=True)
class Formula:
    """Source of a function of its arguments, which gives a list of values."""

    text: str
    arguments: tuple[Argument, ...]

    @classmethod
    def of(cls, outputs: Sequence[Any], symbols: Symbols) -> "Formula":
        """Write expressions in these symbols."""
        import sympy

        known = _arguments(outputs, symbols)
        free = sorted({symbol for output in outputs for symbol in output.free_symbols}, key=str)
        function = sympy.lambdify(free, list(outputs), modules=[ON_TENSORS], cse=True)
        return cls(inspect.getsource(function), tuple(known[symbol] for symbol in free))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Formula":
        rows = stored["arguments"]
        return cls(stored["text"], tuple(Argument(kind, s, k, tuple(monomial), name) for kind, s, k, monomial, name in rows))

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "arguments": [list(argument) for argument in self.arguments]}

    def function(self, functions: Mapping[str, Callable]) -> Callable[..., list[Any]]:
        """The function of the values of ``arguments``, with these elementary functions."""
        scope: dict[str, Any] = dict(functions)
        exec(self.text, scope)  # noqa: S102 - our own text
        return scope[_NAME]


def _arguments(outputs: Sequence[Any], symbols: Symbols) -> dict[Any, Argument]:
    """What the symbols stand for."""
    names, sites = symbols.unknowns, range(symbols.sites)
    known = {symbol: Argument("value", name=name) for name, symbol in symbols.values.items()}
    for site in sites:
        known |= {symbols.coordinate(site, i): Argument("coordinate", site, i) for i in range(len(names.variables))}
        known |= {symbols.laplacian(site, c): Argument("laplacian", site, c) for c in range(len(names.components))}
    return known | {s: Argument("derivative", site, c, m) for s, (site, c, m) in symbols.of_unknown(outputs).items()}


@dataclass(frozen=True)
class Derivation:
    """A local expression that has been derived.

    Attributes:
        streams: the derivatives of the unknown that it needs.
        formula: its values, and after them the difference of both sides of the condition, if there is one.
        relation: of that difference to zero where the expression exists: <, <=, > or >=; empty where it always exists.
    """

    streams: Streams
    formula: Formula
    relation: str = ""

    @classmethod
    def of(cls, found: Expressions) -> "Derivation":
        condition = found.exists
        margin = [] if condition is None else [condition.lhs - condition.rhs]
        formula = Formula.of([*found.outputs, *margin], found.symbols)
        return cls(found.streams, formula, "" if condition is None else condition.rel_op)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Derivation":
        streams = Streams(tuple(map(tuple, stored["monomials"])), tuple(stored["laplacian"]))
        return cls(streams, Formula.from_json(stored["formula"]), stored["relation"])

    def to_json(self) -> dict[str, Any]:
        streams = {"monomials": self.streams.monomials, "laplacian": self.streams.laplacian}
        return {**streams, "formula": self.formula.to_json(), "relation": self.relation}
