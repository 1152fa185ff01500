"""Points and fields of SymPy symbols, and expressions in them that are derived once and evaluated at tensors or at other symbols."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy

from pinnscape.problems.field import Field, Order, Point, component_of, derivative_of, name_of
from pinnscape.problems.functions import FUNCTIONS, is_array, is_tensor

Key = tuple[int, Order]  # a derivative of a component


class Symbols:
    """A symbol for each coordinate, and one for each derivative of a field that an equation names.

    Args:
        variables: names of the variables.
        components: names of the components of the field.
        time: the name of the time variable, if there is one.
    """

    def __init__(self, variables: Sequence[str], components: Sequence[str], time: str | None = None) -> None:
        self.variables, self.components = tuple(variables), tuple(components)
        self.coordinates = tuple(sympy.Symbol(name, real=True) for name in variables)
        self.point = Point(variables, self.coordinates)
        self.field = Field(variables, self.derivative, components, time)
        self._named: dict[Key, sympy.Symbol] = {}

    def derivative(self, component: int, order: Order) -> sympy.Symbol:
        """The symbol of a derivative, the same each time."""
        key = component, order
        if key not in self._named:
            name, suffix = self.components[component], name_of(order, self.variables)
            self._named[key] = sympy.Symbol(f"{name}_{suffix}" if suffix else name, real=True)
        return self._named[key]

    def named(self, expressions: Iterable[Any]) -> dict[Key, sympy.Symbol]:
        """The derivatives that occur in expressions, in the order of component and order."""
        free = set().union(*(sympy.sympify(expression).free_symbols for expression in expressions))
        return {key: self._named[key] for key in sorted(self._named) if self._named[key] in free}

    def total(self, expression: Any, variable: int) -> Any:
        """The total derivative of an expression along a variable, through the coordinates and the field."""
        found = sympy.diff(expression, self.coordinates[variable])
        for (component, order), symbol in self.named([expression]).items():
            raised = tuple(count + (i == variable) for i, count in enumerate(order))
            found += sympy.diff(expression, symbol) * self.derivative(component, raised)
        return found


class Derived:
    """Expressions in the symbols of a point and of a field, and in parameters.

    Args:
        symbols: of point and field.
        expressions: what has been derived.
        parameters: the symbol of each parameter by its name.
    """

    def __init__(self, symbols: Symbols, expressions: Sequence[Any], parameters: Mapping[str, sympy.Symbol]) -> None:
        self.expressions = tuple(sympy.sympify(expression) for expression in expressions)
        self.parameters, self._symbols = dict(parameters), symbols
        self.derivatives = symbols.named(self.expressions)

    @cached_property
    def _function(self) -> Any:
        arguments = [*self._symbols.coordinates, *self.derivatives.values(), *self.parameters.values()]
        return sympy.lambdify(arguments, self.expressions, modules=[{**FUNCTIONS, "Abs": abs}], cse=True)

    def check(self) -> None:
        """Find out what tensors cannot do although symbols can: derivatives of a modulus, the logarithm of a number, ...

        Raises:
            NameError, TypeError, ValueError, AttributeError: the expressions cannot be evaluated at tensors.
        """
        import torch

        self._function(
            *[torch.ones(2, dtype=torch.float64)]
            * (len(self._symbols.coordinates) + len(self.derivatives) + len(self.parameters))
        )

    def __call__(self, p: Any, u: Any, parameters: Mapping[str, Any]) -> list[Any]:
        """The value of each expression at a point, a field and values of the parameters; tensors, arrays, symbols or numbers."""
        components, variables = self._symbols.components, self._symbols.variables
        fields = [component_of(u, components, name) for name in components]
        derivatives = [derivative_of(fields[k], order, variables) for k, order in self.derivatives]
        given = [*p, *derivatives, *(parameters[name] for name in self.parameters)]
        if any(is_tensor(value) or is_array(value) for value in given):
            return list(self._function(*given))
        arguments = [*self._symbols.coordinates, *self.derivatives.values(), *self.parameters.values()]
        replaced = dict(zip(arguments, map(sympy.sympify, given), strict=True))
        return [expression.xreplace(replaced) for expression in self.expressions]
