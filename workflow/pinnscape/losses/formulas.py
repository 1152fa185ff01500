"""Derived local expressions as Python source code, which is evaluated and stored without SymPy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from pinnscape.losses.expressions import Expressions, Symbols
from pinnscape.networks.streams import Monomial, Streams
from pinnscape.problems.symbols import executable, source

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "sqrt")
ON_TENSORS = {name: getattr(torch, name) for name in FUNCTIONS}
ON_ARRAYS = {name: getattr(np, name) for name in FUNCTIONS}


class Argument(NamedTuple):
    """An argument of a formula: a coordinate, a derivative or Laplacian of the unknown, a data column or a parameter."""

    kind: str  # "coordinate", "derivative", "laplacian", or "value" for a data column or parameter
    site: int = 0
    position: int = 0  # index of the variable for a coordinate, of the component for a derivative or Laplacian
    monomial: Monomial = ()  # orders of a derivative in the variables
    name: str = ""  # name of the data column or parameter


@dataclass(frozen=True)
class Formula:
    """A function that returns a list of values.

    Attributes:
        text: Python source code of the function.
        arguments: what the arguments of the function stand for, in order.
    """

    text: str
    arguments: tuple[Argument, ...]

    @classmethod
    def of(cls, outputs: Sequence[Any], symbols: Symbols) -> "Formula":
        """The formula of SymPy expressions in these symbols."""
        known = _arguments(outputs, symbols)
        free = sorted({symbol for output in outputs for symbol in output.free_symbols}, key=str)
        return cls(source(free, outputs, ON_TENSORS), tuple(known[symbol] for symbol in free))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Formula":
        rows = stored["arguments"]
        return cls(stored["text"], tuple(Argument(kind, s, k, tuple(monomial), name) for kind, s, k, monomial, name in rows))

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "arguments": [list(argument) for argument in self.arguments]}

    def function(self, functions: Mapping[str, Callable]) -> Callable[..., list[Any]]:
        """The executable function of the values of ``arguments``, with elementary functions such as ``ON_TENSORS``."""
        return executable(self.text, functions)


def _arguments(outputs: Sequence[Any], symbols: Symbols) -> dict[Any, Argument]:
    """What the symbols of expressions stand for."""
    names, sites = symbols.unknowns, range(symbols.sites)
    known = {symbol: Argument("value", name=name) for name, symbol in symbols.values.items()}
    for site in sites:
        known |= {symbols.coordinate(site, i): Argument("coordinate", site, i) for i in range(len(names.variables))}
        known |= {symbols.laplacian(site, c): Argument("laplacian", site, c) for c in range(len(names.components))}
    return known | {s: Argument("derivative", site, c, m) for s, (site, c, m) in symbols.of_unknown(outputs).items()}


@dataclass(frozen=True)
class Derivation:
    """The symbolic derivation of a local expression.

    Attributes:
        streams: the derivatives of the unknown that the expression needs.
        formula: the values of the expression, followed by the left minus the right side of its existence condition, if any.
        relation: the relation (<, <=, > or >=) of this difference to zero where the expression exists; empty without condition.
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
