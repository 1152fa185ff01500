"""What a local expression sees at a site: the point p and the unknown u with its derivatives, as tensors or as symbols.

``p.x`` is a coordinate, and ``x, t = p`` gives all of them. ``u`` counts as its value in arithmetic; ``u.x``, ``u.xx``, ``u.xt`` are derivatives by
the names of the variables in any order, ``u.gradient`` is the list of first derivatives and ``u.laplacian`` the sum of second derivatives over the
variables of space. An unknown with several components is a tuple of such fields, by position and by name: ``v, q = u``, ``u["v"].x``.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor

from pinnscape.networks.streams import Monomial, unit


@dataclass(frozen=True)
class Unknowns:
    """Names of variables and components.

    Attributes:
        variables: of the point, in the order of its coordinates.
        components: of the unknown.
        time: the variable that a Laplacian leaves out, if there is one of this name.
    """

    variables: tuple[str, ...]
    components: tuple[str, ...] = ("u",)
    time: str | None = "t"

    @property
    def space(self) -> tuple[int, ...]:
        """Positions of the variables of space."""
        return tuple(i for i, name in enumerate(self.variables) if name != self.time)

    def monomial(self, name: str) -> Monomial | None:
        """The derivative that an attribute such as ``xxt`` means; None where it is no sequence of variables."""
        return _monomial(self.variables, name)


@lru_cache(maxsize=1000)
def _monomial(variables: tuple[str, ...], name: str) -> Monomial | None:
    if not name:
        return (0,) * len(variables)
    for i, variable in enumerate(variables):
        rest = _monomial(variables, name.removeprefix(variable)) if name.startswith(variable) else None
        if rest is not None:
            return tuple(exponent + (k == i) for k, exponent in enumerate(rest))
    return None


class Source(Protocol):
    """Where the derivatives of one component at one site come from."""

    @property
    def unknowns(self) -> Unknowns: ...

    def derivative(self, monomial: Monomial) -> Any:
        """The derivative of this monomial.

        Raises:
            AttributeError: it was not computed.
        """
        ...

    def laplacian(self) -> Any:
        """The sum of the second derivatives over the variables of space."""
        ...


def _derivative(source: Source, name: str) -> Any:
    """What the attribute ``name`` of a field means.

    Raises:
        AttributeError: nothing.
    """
    if name == "gradient":
        dimension = len(source.unknowns.variables)
        return [source.derivative(unit(dimension, i)) for i in range(dimension)]
    if name == "laplacian":
        return source.laplacian()
    monomial = source.unknowns.monomial(name)
    if monomial is None:
        known = ", ".join(source.unknowns.variables)
        raise AttributeError(
            f"`{name}` is no derivative of the unknown: write variables one after the other (there are {known}), `gradient` or `laplacian`"
        )
    return source.derivative(monomial)


class TensorField(Tensor):
    """The values (..., n) of a component, with its derivatives as attributes. What is computed from it is a plain tensor."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore[reportAssignmentType]

    @staticmethod
    def of(source: Source) -> "TensorField":
        value = source.derivative((0,) * len(source.unknowns.variables))
        made = value.as_subclass(TensorField)
        made.__dict__["source"] = source
        return made

    def __getattribute__(self, name: str) -> Any:
        """A derivative, even if a method of tensors has its name, as ``t`` does."""
        source = object.__getattribute__(self, "__dict__").get("source")
        if source is not None and (name in ("gradient", "laplacian") or source.unknowns.monomial(name)):
            return _derivative(source, name)
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        """Refuse what is neither a derivative nor an attribute of tensors."""
        return _derivative(self.__dict__["source"], name)


class SymbolField:
    """The symbol of a component, with symbols of its derivatives as attributes. What is computed from it is a plain expression."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _derivative(self.source, name)

    def _sympy_(self) -> Any:
        return self.source.derivative((0,) * len(self.source.unknowns.variables))

    def __neg__(self) -> Any:
        return -self._sympy_()

    def __abs__(self) -> Any:
        return abs(self._sympy_())


def _arithmetic(name: str, reflected: bool) -> Callable[[SymbolField, Any], Any]:
    act = getattr(operator, name)

    def method(self: SymbolField, other: Any) -> Any:
        other = other._sympy_() if isinstance(other, SymbolField) else other
        return act(other, self._sympy_()) if reflected else act(self._sympy_(), other)

    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(SymbolField, f"__{_name}__", _arithmetic(_name, False))
    setattr(SymbolField, f"__r{_name}__", _arithmetic(_name, True))
for _name in ("lt", "le", "gt", "ge"):
    setattr(SymbolField, f"__{_name}__", _arithmetic(_name, False))


class Point:
    """Coordinates by name and in order."""

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self._values = dict(zip(names, values, strict=True))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._values:
            raise AttributeError(f"a point has no coordinate `{name}`; it has {', '.join(self._values)}")
        return self._values[name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values.values())

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> Any:
        return list(self._values.values())[index]


class Components(tuple):
    """The fields of an unknown with several components."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str], fields: Sequence[Any]) -> Any:
        """The fields by name and position; a single one by itself."""
        if len(fields) == 1:
            return fields[0]
        made = cls(fields)
        made.names = tuple(names)
        return made

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        if key not in self.names:
            raise KeyError(f"the unknown has no component {key!r}; it has {', '.join(self.names)}")
        return super().__getitem__(self.names.index(key))


@dataclass
class Values(Mapping[str, Any]):
    """The third argument f of a local expression: data columns of the points and parameters of the problem, by name.

    Attributes:
        columns: values (n,) at the points, or symbols.
        parameters: numbers, or symbols.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name in self.columns:
            return self.columns[name]
        if name in self.parameters:
            return self.parameters[name]
        raise KeyError(f"there is no data column and no parameter {name!r}; there are {', '.join(self) or 'none'}")

    def __iter__(self) -> Iterator[str]:
        return iter([*self.columns, *self.parameters])

    def __len__(self) -> int:
        return len(self.columns) + len(self.parameters)


Local = Callable[[Any, Any, Any], Any]  # (p, u, f), with f like ``Values``


def called(local: Local, points: Sequence[Point], fields: Sequence[Any], f: Values) -> tuple[Any, ...]:
    """What a local expression gives at its sites, as a tuple; a single site is given by itself."""
    p, u = (points[0], fields[0]) if len(points) == 1 else (tuple(points), tuple(fields))
    found = local(p, u, f)
    return tuple(found) if isinstance(found, (tuple, list)) else (found,)
