"""Points and fields as the methods of a problem see them: ``p.x``, ``p.t``; ``u``, ``u.x``, ``u.xt``, ``u.laplacian``.

Both are thin names around values that are tensors in computations and SymPy symbols in derivations; where the values and derivatives come from is not
their business. A field asks for a derivative when it is named, so that the derivatives that an equation needs are those that it names.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Order = tuple[int, ...]  # how often a derivative is taken in each variable
Derivative = Callable[[int, Order], Any]  # of a component


class Point:
    """A point, or n of them, by the names of its coordinates: ``p.x``, or ``x, t = p``.

    Args:
        names: of the variables, in their order.
        values: the coordinates, each a tensor (n,), a symbol or a number.
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
    """The value of a field; anything else as it is."""
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
    """A function at points, with its derivatives under the names of the variables.

    In arithmetic, a field with one component is its value; ``u.x`` is ∂u/∂x, ``u.xt`` is ∂²u/∂x∂t, and so on to any order. A field with several
    components unpacks, ``v, q = u``, or gives them by name, ``u["v"]``; each is a field with one component.

    Args:
        variables: their names, in their order.
        derivative: gives a derivative of a component, the value for an order of zeros.
        components: their names.
        time: the name of the time variable, which the Laplacian leaves out.
    """

    __array_ufunc__ = None  # NumPy's numbers leave arithmetic to the field

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
        """First derivatives in all variables, in their order."""
        first = self._only("its gradient")
        return [first(order) for order in units(len(self.variables))]

    @property
    def laplacian(self) -> Any:
        """The sum of the second derivatives in the variables of space."""
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
        variables: of a point, in the order of its coordinates.
        components: of the field.
        time: the name of the time variable, if there is one.
    """

    variables: tuple[str, ...]
    components: tuple[str, ...] = ("u",)
    time: str | None = None

    @property
    def space(self) -> tuple[int, ...]:
        """Positions of the variables of space."""
        return tuple(i for i, name in enumerate(self.variables) if name != self.time)

    def point(self, values: Sequence[Any]) -> Point:
        """A point with these coordinates."""
        return Point(self.variables, values)

    def field(self, derivative: Derivative) -> Field:
        """A field with these derivatives."""
        return Field(self.variables, derivative, self.components, self.time)


def units(size: int) -> list[Order]:
    """The orders of the first derivatives in each of some variables."""
    return [tuple(int(i == k) for k in range(size)) for i in range(size)]


def order_of(name: str, variables: Sequence[str]) -> Order:
    """How often each variable is in the name of a derivative: ``xxt`` is (2, 1) in x and t.

    Raises:
        AttributeError: the name is not made of the variables.
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
    """A component of a field with these components; a field with one component is that component."""
    return u if len(components) == 1 else u[name]


def derivative_of(u: Any, order: Order, variables: Sequence[str]) -> Any:
    """A derivative of a component, by its name; the value for an order of zeros."""
    name = name_of(order, variables)
    return getattr(u, name) if name else value_of(u)


def name_of(order: Order, variables: Sequence[str]) -> str:
    """The name of a derivative; empty for the value."""
    return "".join(variable * count for variable, count in zip(variables, order, strict=True))
