"""Points and fields, the arguments of the methods of a problem: ``p.x``, ``p.t``; ``u``, ``u.x``, ``u.xt``, ``u.laplacian``.

Points and fields give names to coordinates and derivatives, which are tensors in computations and SymPy symbols in derivations.
A field computes a derivative when it is accessed; the derivatives that an equation needs are therefore those that it names.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Order = tuple[int, ...]  # order of a derivative in each variable
Derivative = Callable[[int, Order], Any]  # maps the index of a component and an order to the derivative


class Point:
    """A point, or n points, whose coordinates have names: ``p.x``, or ``x, t = p``.

    Args:
        names: names of the variables, in order.
        values: coordinates, each a tensor (n,), a symbol or a number.

    Raises:
        ValueError: the numbers of names and values differ.
    """

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self.names, self._values = tuple(names), tuple(values)
        if len(self.names) != len(self._values):
            raise ValueError(
                f"a point in the variables {', '.join(names)} has {len(self.names)} values, not {len(self._values)}"
            )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.names:
            raise AttributeError(f"p.{name}: no such variable; there is {', '.join(self.__dict__.get('names', ()))}")
        return self._values[self.names.index(name)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Point({', '.join(f'{name}={value!r}' for name, value in zip(self.names, self._values, strict=True))})"


def value_of(z: Any) -> Any:
    """The value of a field; any other object is returned unchanged."""
    return z.value if isinstance(z, Field) else z


def _binary(name: str) -> Callable[[Any, Any], Any]:
    function = getattr(operator, name)
    return lambda self, other: function(self.value, value_of(other))


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    function = getattr(operator, name)
    return lambda self, other: function(other, self.value)


def _unary(name: str) -> Callable[[Any], Any]:
    function = getattr(operator, name)
    return lambda self: function(self.value)


class Field:
    """The values and derivatives of a function at a point or at n points.

    In arithmetic, a field with one component stands for its value; ``u.x`` is ∂u/∂x, ``u.xt`` is ∂²u/∂x∂t, and so on to any
    order. A field with several components can be unpacked, ``v, q = u``, or indexed by name, ``u["v"]``; each component is a
    field.

    Args:
        variables: names of the variables, in order.
        derivative: function that returns the derivative of a component by index and order; order zero is the value.
        components: names of the components.
        time: name of the time variable, which the Laplacian excludes; None if there is none.
    """

    __array_ufunc__ = None  # NumPy numbers then use the operators of the field

    def __init__(
        self, variables: Sequence[str], derivative: Derivative, components: Sequence[str] = ("u",), time: str | None = None
    ) -> None:
        self.variables, self.components, self.time = tuple(variables), tuple(components), time
        self.derivative = derivative

    @property
    def value(self) -> Any:
        return self._only("its value")((0,) * len(self.variables))

    @property
    def gradient(self) -> list[Any]:
        """First derivatives with respect to all variables, in order."""
        first = self._only("its gradient")
        return [first(order) for order in units(len(self.variables))]

    @property
    def laplacian(self) -> Any:
        """The sum of the second derivatives with respect to the space variables."""
        second, *more = (
            tuple(2 * k for k in order)
            for name, order in zip(self.variables, units(len(self.variables)), strict=True)
            if name != self.time
        )
        taken = self._only("its Laplacian")
        return sum((taken(order) for order in more), taken(second))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._only(f"its derivative {name}")(order_of(name, self.variables))

    def _only(self, what: str) -> Callable[[Order], Any]:
        if len(self.components) > 1:
            names = ", ".join(self.components)
            raise TypeError(
                f"u has the components {names}: name one to get {what}, as in `{names} = u` or u[{self.components[0]!r}]"
            )
        return lambda order: self.derivative(0, order)

    def __getitem__(self, name: str) -> "Field":
        if name not in self.components:
            raise KeyError(f"u has no component {name!r}; it has {', '.join(self.components)}")
        index = self.components.index(name)
        return Field(self.variables, lambda _, order: self.derivative(index, order), (name,), self.time)

    def __iter__(self) -> Iterator["Field"]:
        return (self[name] for name in self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __repr__(self) -> str:
        return f"Field({', '.join(self.components)} in {', '.join(self.variables)})"

    def _sympy_(self) -> Any:
        return self.value

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return func(*map(value_of, args), **{name: value_of(value) for name, value in (kwargs or {}).items()})

    __add__, __sub__, __mul__, __truediv__, __pow__ = map(_binary, ("add", "sub", "mul", "truediv", "pow"))
    __radd__, __rsub__, __rmul__, __rtruediv__, __rpow__ = map(_reflected, ("add", "sub", "mul", "truediv", "pow"))
    __lt__, __le__, __gt__, __ge__ = map(_binary, ("lt", "le", "gt", "ge"))
    __neg__, __pos__, __abs__ = map(_unary, ("neg", "pos", "abs"))


@dataclass(frozen=True)
class Unknowns:
    """Names of the variables and components of a field.

    Attributes:
        variables: names of the variables, in the order of the coordinates of a point.
        components: names of the components.
        time: name of the time variable; None if there is none.
    """

    variables: tuple[str, ...]
    components: tuple[str, ...] = ("u",)
    time: str | None = None

    @property
    def space(self) -> tuple[int, ...]:
        """Indices of the space variables."""
        return tuple(i for i, name in enumerate(self.variables) if name != self.time)

    def point(self, values: Sequence[Any]) -> Point:
        """A point with these coordinates."""
        return Point(self.variables, values)

    def field(self, derivative: Derivative) -> Field:
        """A field with these derivatives."""
        return Field(self.variables, derivative, self.components, self.time)


def units(size: int) -> list[Order]:
    """The orders of the first derivatives with respect to each of ``size`` variables: (1, 0, ...), (0, 1, ...), ..."""
    return [tuple(int(i == k) for k in range(size)) for i in range(size)]


def order_of(name: str, variables: Sequence[str]) -> Order:
    """The order of a derivative in each variable, from its name: that of ``xxt`` in the variables x and t is (2, 1).

    Raises:
        AttributeError: the name does not consist of names of variables.
    """
    pattern = "|".join(map(re.escape, sorted(variables, key=len, reverse=True)))
    if not re.fullmatch(f"(?:{pattern})+", name):
        example = variables[0]
        raise AttributeError(
            f"u.{name}: no such derivative; name the variables ({', '.join(variables)}), as in u.{example} or u.{2 * example}"
        )
    found = re.findall(pattern, name)
    return tuple(found.count(variable) for variable in variables)


def component_of(u: Any, components: Sequence[str], name: str) -> Any:
    """The component of a field with this name; a field with a single component is returned as it is."""
    return u if len(components) == 1 else u[name]


def derivative_of(u: Any, order: Order, variables: Sequence[str]) -> Any:
    """The derivative of this order of a field with one component; order zero is the value."""
    name = name_of(order, variables)
    return getattr(u, name) if name else value_of(u)


def name_of(order: Order, variables: Sequence[str]) -> str:
    """The name of the derivative of this order, such as ``xxt``; empty for order zero."""
    return "".join(variable * count for variable, count in zip(variables, order, strict=True))
