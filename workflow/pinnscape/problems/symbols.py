"""Points and fields of SymPy symbols, and derived expressions that can be evaluated with tensors, arrays or numbers."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pinnscape.problems.field import Field, Order, Unknowns, component_of, derivative_of, name_of
from pinnscape.problems.functions import FUNCTIONS

if TYPE_CHECKING:
    import sympy

Key = tuple[int, Order]  # index of a component and order of its derivative
_NAME = "_lambdifygenerated"  # name of the functions that SymPy generates
_SCOPE = {**FUNCTIONS, "Abs": abs}


def symbol(name: str) -> "sympy.Symbol":
    """A real symbol."""
    import sympy  # imported here, because it takes half a second

    return sympy.Symbol(name, real=True)


class Symbols:
    """SymPy symbols of the coordinates of a point, and of those derivatives of a field that an equation uses.

    Args:
        unknowns: names of the variables and components.

    Attributes:
        coordinates: symbols of the coordinates.
        point: a point with these coordinates.
        field: a field that creates the symbol of a derivative when it is accessed.
    """

    def __init__(self, unknowns: Unknowns) -> None:
        self.unknowns = unknowns
        self.coordinates = tuple(symbol(name) for name in unknowns.variables)
        self.point = unknowns.point(self.coordinates)
        self.field = unknowns.field(self.derivative)
        self._named: dict[Key, sympy.Symbol] = {}

    def derivative(self, component: int, order: Order) -> "sympy.Symbol":
        """The symbol of a derivative; each derivative has only one symbol."""
        key = component, order
        if key not in self._named:
            name, suffix = self.unknowns.components[component], name_of(order, self.unknowns.variables)
            self._named[key] = symbol(f"{name}_{suffix}" if suffix else name)
        return self._named[key]

    def named(self, expressions: Iterable[Any]) -> "dict[Key, sympy.Symbol]":
        """The symbols of derivatives that occur in expressions, sorted by component and order."""
        import sympy

        free = set().union(*(sympy.sympify(expression).free_symbols for expression in expressions))
        return {key: self._named[key] for key in sorted(self._named) if self._named[key] in free}

    def total(self, expression: Any, variable: int) -> Any:
        """The total derivative of an expression with respect to a variable, through the coordinates and the field."""
        import sympy

        found = sympy.diff(expression, self.coordinates[variable])
        for (component, order), named in self.named([expression]).items():
            raised = tuple(count + (i == variable) for i, count in enumerate(order))
            found += sympy.diff(expression, named) * self.derivative(component, raised)
        return found


@dataclass(frozen=True)
class Derived:
    """Derived expressions as the source code of a Python function, which can be stored and evaluated without SymPy.

    The arguments of the function are the coordinates of a point, derivatives of a field, and parameters, in this order.

    Attributes:
        unknowns: names of the variables and components.
        derivatives: component and order of each derivative among the arguments.
        parameters: name of each parameter among the arguments.
        text: source code of the function.
        expressions: the SymPy expressions, if they were derived in this process.
        symbols: arguments of the SymPy expressions.
    """

    unknowns: Unknowns
    derivatives: tuple[Key, ...]
    parameters: tuple[str, ...]
    text: str
    expressions: tuple[Any, ...] = field(default=(), compare=False)
    symbols: tuple[Any, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, symbols: Symbols, expressions: Sequence[Any], parameters: Mapping[str, Any]) -> "Derived":
        """Generate the source code of expressions.

        Args:
            symbols: symbols of the point and the field.
            expressions: SymPy expressions.
            parameters: symbols of the parameters by name.
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
        exec(self.text, scope)  # noqa: S102 - source code that SymPy generated
        return scope[_NAME]

    def check(self) -> None:
        """Check that the expressions, which may contain functions known only to SymPy, can be evaluated with tensors.

        Raises:
            NameError, TypeError, ValueError, AttributeError: they cannot; an example is the derivative of an absolute value.
        """
        import torch

        count = len(self.unknowns.variables) + len(self.derivatives) + len(self.parameters)
        self._function(*[torch.ones(2, dtype=torch.float64)] * count)

    def __call__(self, p: Any, u: Field, parameters: Mapping[str, Any]) -> list[Any]:
        """Evaluate the expressions.

        Args:
            p: point; its coordinates are tensors, arrays or numbers.
            u: field at p.
            parameters: values of the parameters by name.

        Returns:
            The value of each expression.
        """
        return list(self._function(*self._arguments(p, u, parameters)))

    def replaced(self, p: Any, u: Field, parameters: Mapping[str, Any]) -> list[Any]:
        """Substitute SymPy expressions for the arguments; needs ``expressions``. The arguments are those of ``__call__``."""
        import sympy

        given = dict(zip(self.symbols, map(sympy.sympify, self._arguments(p, u, parameters)), strict=True))
        return [expression.xreplace(given) for expression in self.expressions]

    def _arguments(self, p: Any, u: Field, parameters: Mapping[str, Any]) -> list[Any]:
        components, variables = self.unknowns.components, self.unknowns.variables
        fields = [component_of(u, components, name) for name in components]
        derivatives = [derivative_of(fields[k], order, variables) for k, order in self.derivatives]
        return [*p, *derivatives, *(parameters[name] for name in self.parameters)]
