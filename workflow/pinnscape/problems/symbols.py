"""Points and fields of SymPy symbols, and expressions in them that are derived once and evaluated at tensors, arrays or numbers."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pinnscape.problems.field import Field, Order, Unknowns, component_of, derivative_of, name_of
from pinnscape.problems.functions import FUNCTIONS

if TYPE_CHECKING:
    import sympy

Key = tuple[int, Order]  # a derivative of a component
_NAME = "_lambdifygenerated"  # what SymPy calls the functions that it writes
_SCOPE = {**FUNCTIONS, "Abs": abs}


def symbol(name: str) -> "sympy.Symbol":
    """A real symbol."""
    import sympy  # late: takes half a second

    return sympy.Symbol(name, real=True)


class Symbols:
    """A symbol for each coordinate, and one for each derivative of a field that an equation names.

    Args:
        unknowns: names of variables and components.
    """

    def __init__(self, unknowns: Unknowns) -> None:
        self.unknowns = unknowns
        self.coordinates = tuple(symbol(name) for name in unknowns.variables)
        self.point = unknowns.point(self.coordinates)
        self.field = unknowns.field(self.derivative)
        self._named: dict[Key, sympy.Symbol] = {}

    def derivative(self, component: int, order: Order) -> "sympy.Symbol":
        """The symbol of a derivative, the same each time."""
        key = component, order
        if key not in self._named:
            name, suffix = self.unknowns.components[component], name_of(order, self.unknowns.variables)
            self._named[key] = symbol(f"{name}_{suffix}" if suffix else name)
        return self._named[key]

    def named(self, expressions: Iterable[Any]) -> "dict[Key, sympy.Symbol]":
        """The derivatives that occur in expressions, in the order of component and order."""
        import sympy

        free = set().union(*(sympy.sympify(expression).free_symbols for expression in expressions))
        return {key: self._named[key] for key in sorted(self._named) if self._named[key] in free}

    def total(self, expression: Any, variable: int) -> Any:
        """The total derivative of an expression along a variable, through the coordinates and the field."""
        import sympy

        found = sympy.diff(expression, self.coordinates[variable])
        for (component, order), named in self.named([expression]).items():
            raised = tuple(count + (i == variable) for i, count in enumerate(order))
            found += sympy.diff(expression, named) * self.derivative(component, raised)
        return found


@dataclass(frozen=True)
class Derived:
    """Expressions in the symbols of a point and of a field, and in parameters, as Python source that needs no SymPy.

    Attributes:
        unknowns: names of variables and components.
        derivatives: of the field that the source takes, in the order of its arguments.
        parameters: their names, likewise.
        text: source of a function of coordinates, derivatives and parameters.
        expressions: the same as SymPy expressions in ``symbols``, where they have been derived in this process.
        symbols: arguments of the expressions.
    """

    unknowns: Unknowns
    derivatives: tuple[Key, ...]
    parameters: tuple[str, ...]
    text: str
    expressions: tuple[Any, ...] = field(default=(), compare=False)
    symbols: tuple[Any, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, symbols: Symbols, expressions: Sequence[Any], parameters: Mapping[str, Any]) -> "Derived":
        """Write down what has been derived.

        Args:
            symbols: of point and field.
            expressions: what has been derived.
            parameters: the symbol of each parameter by its name.
        """
        import sympy

        found = tuple(sympy.sympify(expression) for expression in expressions)
        derivatives = symbols.named(found)
        arguments = [*symbols.coordinates, *derivatives.values(), *parameters.values()]
        function = sympy.lambdify(arguments, found, modules=[_SCOPE], cse=True)
        text = inspect.getsource(function)
        return cls(symbols.unknowns, tuple(derivatives), tuple(parameters), text, found, tuple(arguments))

    @classmethod
    def from_json(cls, unknowns: Unknowns, stored: Mapping[str, Any]) -> "Derived":
        derivatives = tuple((component, tuple(order)) for component, order in stored["derivatives"])
        return cls(unknowns, derivatives, tuple(stored["parameters"]), stored["text"])

    def to_json(self) -> dict[str, Any]:
        derivatives = [[component, list(order)] for component, order in self.derivatives]
        return {"derivatives": derivatives, "parameters": list(self.parameters), "text": self.text}

    @cached_property
    def _function(self) -> Any:
        scope: dict[str, Any] = dict(_SCOPE)
        exec(self.text, scope)  # noqa: S102 - our own text
        return scope[_NAME]

    def check(self) -> None:
        """Find out what tensors cannot do although symbols can: derivatives of a modulus, the logarithm of a number, ...

        Raises:
            NameError, TypeError, ValueError, AttributeError: the expressions cannot be evaluated at tensors.
        """
        import torch

        count = len(self.unknowns.variables) + len(self.derivatives) + len(self.parameters)
        self._function(*[torch.ones(2, dtype=torch.float64)] * count)

    def __call__(self, p: Any, u: Field, parameters: Mapping[str, Any]) -> list[Any]:
        """The value of each expression at a point, a field and values of the parameters: tensors, arrays or numbers."""
        return list(self._function(*self._arguments(p, u, parameters)))

    def replaced(self, p: Any, u: Field, parameters: Mapping[str, Any]) -> list[Any]:
        """The same for symbols or expressions of SymPy, where ``expressions`` are known."""
        import sympy

        given = dict(zip(self.symbols, map(sympy.sympify, self._arguments(p, u, parameters)), strict=True))
        return [expression.xreplace(given) for expression in self.expressions]

    def _arguments(self, p: Any, u: Field, parameters: Mapping[str, Any]) -> list[Any]:
        components, variables = self.unknowns.components, self.unknowns.variables
        fields = [component_of(u, components, name) for name in components]
        derivatives = [derivative_of(fields[k], order, variables) for k, order in self.derivatives]
        return [*p, *derivatives, *(parameters[name] for name in self.parameters)]
