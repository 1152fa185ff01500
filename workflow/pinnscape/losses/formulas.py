"""Expressions as Python source, which needs no SymPy: functions of what a local expression of one site sees."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from pinnscape.losses.expressions import Symbols
from pinnscape.networks.streams import Monomial

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "sqrt")
ON_TENSORS = {name: getattr(torch, name) for name in FUNCTIONS}
ON_ARRAYS = {name: getattr(np, name) for name in FUNCTIONS}
_NAME = "_lambdifygenerated"  # what SymPy calls the functions that it writes


class Argument(NamedTuple):
    """What a formula is a function of: a coordinate, a derivative, a Laplacian, or a data column or parameter."""

    kind: str  # "coordinate", "derivative", "laplacian" or "value"
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
        """Write expressions.

        Args:
            outputs: expressions in the symbols of one site.
            symbols: of them.
        """
        import sympy

        known = _arguments(outputs, symbols)
        free = sorted({symbol for output in outputs for symbol in output.free_symbols}, key=str)
        function = sympy.lambdify(free, list(outputs), modules=[ON_TENSORS], cse=True)
        return cls(inspect.getsource(function), tuple(known[symbol] for symbol in free))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Formula":
        arguments = (Argument(kind, position, tuple(monomial), name) for kind, position, monomial, name in stored["arguments"])
        return cls(stored["text"], tuple(arguments))

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "arguments": [list(argument) for argument in self.arguments]}

    def function(self, functions: Mapping[str, Callable]) -> Callable[..., list[Any]]:
        """The function of the values of ``arguments``, with these elementary functions."""
        scope: dict[str, Any] = dict(functions)
        exec(self.text, scope)  # noqa: S102 - our own text
        return scope[_NAME]


def _arguments(outputs: Sequence[Any], symbols: Symbols) -> dict[Any, Argument]:
    """What the symbols stand for."""
    names = symbols.unknowns
    known = {symbols.coordinate(0, i): Argument("coordinate", i) for i in range(len(names.variables))}
    known |= {symbols.laplacian(0, c): Argument("laplacian", c) for c in range(len(names.components))}
    known |= {symbol: Argument("derivative", c, m) for symbol, (_, c, m) in symbols.of_unknown(outputs).items()}
    return known | {symbol: Argument("value", name=name) for name, symbol in symbols.values.items()}
