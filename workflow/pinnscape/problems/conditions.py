"""Boundary conditions, initial conditions and periodicity of a solution.

A *hard* condition is satisfied by the construction of the field (``ansatz``). A *soft* condition adds a term to the loss: its
weight times the mean of the squared violation over the part of the boundary where the condition holds. Neumann and Robin
conditions cannot be hard. They are natural conditions of an energy, to which they add a boundary integral without a weight; in
losses that consist of residuals they are soft.

A prescribed value is a number or a function of a point. A function returns a number, or a tuple with one for each component.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pinnscape.problems.domains.domain import Domain, Where
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.field import Field, Order, Point, component_of, derivative_of, value_of
from pinnscape.problems.terms import TermSpec, value_or_tuple

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem

Value = float | Callable[[Point], Any]
Columns = Mapping[str, Any]
Enforce = Literal["hard", "soft"]


@dataclass(frozen=True, kw_only=True)
class Condition(ABC):
    """Base class of the conditions; its arguments are passed by keyword.

    Attributes:
        component: name of the component to which the condition applies; None for all components.
        name: name of the term in the loss, and key in the configuration; each kind of condition has its own default.
        enforce: ``hard`` or ``soft``; the configuration may change it.
        weight: weight of the term in the loss if the condition is soft; the configuration may change it.
        default_name: default of ``name``.
        default_enforce: default of ``enforce``.
        sites: number of points that ``vanishing`` combines: two opposite points for periodicity, otherwise one.
        normals: whether ``vanishing`` needs outward unit normals.

    Raises:
        ValueError: an argument is invalid, or a condition that cannot be hard is declared hard.
    """

    default_name: ClassVar[str]
    default_enforce: ClassVar[Enforce] = "hard"
    sites: ClassVar[int] = 1
    normals: ClassVar[bool] = False

    component: str | None = None
    name: str = ""
    enforce: Enforce | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.default_name)
        object.__setattr__(self, "enforce", self.enforce or self.default_enforce)
        if self.enforce not in ("hard", "soft"):
            raise ValueError(f"`enforce` of the condition {self.name} must be hard or soft, not {self.enforce!r}")
        if self.enforce == "hard" and self.default_enforce == "soft":
            raise ValueError(
                f"the condition {self.name} ({type(self).__name__}) cannot be hard: no construction of the field meets it; take soft"
            )
        if isinstance(self.weight, bool) or not isinstance(self.weight, (int, float)) or not 0.0 <= self.weight < float("inf"):
            raise ValueError(f"`weight` of the condition {self.name} must be a number from 0 on, not {self.weight!r}")

    @abstractmethod
    def pieces(self, domain: Domain) -> tuple[str, ...]:
        """Names of the pieces of the boundary on which the condition holds; for periodicity, those of the two opposite faces.

        Raises:
            ValueError: the domain has no such pieces.
        """

    def about(self, problem: "Problem") -> tuple[str, ...]:
        """Names of the components to which the condition applies.

        Raises:
            ValueError: the problem has no component of this name.
        """
        if self.component is not None and self.component not in problem.components:
            known = ", ".join(problem.components)
            raise ValueError(f"the condition {self.name} is about the component {self.component!r}; there is {known}")
        return problem.components if self.component is None else (self.component,)

    def of(self, problem: "Problem", u: Any, name: str) -> Any:
        """The component of the field u with this name."""
        return component_of(u, problem.components, name)

    def values(self) -> dict[str, Value]:
        """The prescribed values by quantity, such as ``value``, ``slope`` or ``flux``."""
        return {}

    @abstractmethod
    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        """The expressions that are zero where the condition is satisfied.

        Args:
            problem: the problem.
            p: a point; a tuple of points if there are several sites.
            u: the field at p; a tuple of fields if there are several sites.
            f: prescribed values and normals by name, such as ``value_u`` and ``normal_x``; values that are zero are absent.
        """

    def soft(self, problem: "Problem") -> TermSpec:
        """The term that the condition adds to a loss if it is soft: the mean of the squared violation."""
        columns = self._columns(problem) | (
            {f"normal_{x}": f"normal_{x}" for x in problem.domain.space} if self.normals else {}
        )
        local = partial(_local, partial(self.vanishing, problem), columns)
        where, data = self.pieces(problem.domain), self._term_data(problem)
        return TermSpec(self.name, "squared", where, local, data, self.normals, self.sites, self.weight)

    def natural(self, problem: "Problem") -> TermSpec | None:
        """The boundary integral that the condition adds to an energy; None if it is not natural or the integral is zero.

        Raises:
            ValueError: the condition is not natural to the energy density of the problem, which has second derivatives.
        """
        return None

    @property
    def is_natural(self) -> bool:
        """Whether the condition is a natural condition of energies with first derivatives."""
        return self.default_enforce == "soft"

    def data(self, problem: "Problem") -> dict[str, Callable[[Point], Any]]:
        """Functions of a point that compute the prescribed values, by name (such as ``value_u``); zero values are absent."""
        about = self.about(problem)
        return {
            f"{column}_{component}": partial(_value, value, k, len(about))
            for column, value in self.values().items()
            if not is_zero(value)
            for k, component in enumerate(about)
        }

    def _columns(self, problem: "Problem") -> dict[str, str]:
        """The columns of the term that hold the prescribed values, by the names of ``data``.

        They begin with the name of the condition, because several conditions may prescribe values at the same points.
        """
        return {name: f"{self.name}_{name}" for name in self.data(problem)}

    def _term_data(self, problem: "Problem") -> dict[str, Callable[[Point], Any]]:
        """The functions of ``data`` by the names of their columns."""
        columns = self._columns(problem)
        return {columns[name]: function for name, function in self.data(problem).items()}


def is_zero(value: Value) -> bool:
    """Whether a prescribed value is the number 0."""
    return not callable(value) and isinstance(value, (int, float)) and value == 0


def _value(value: Value, k: int, count: int, p: Point) -> Any:
    """The value at p that is prescribed for the k-th of ``count`` components."""
    found = value(p) if callable(value) else value
    if isinstance(found, (tuple, list)):
        if len(found) != count:
            raise ValueError(f"a condition gives {len(found)} values for {count} components")
        return found[k]
    return found


def _local(function: Callable[..., Any], columns: Mapping[str, str], p: Any, u: Any, f: Columns) -> Any:
    """The function with the columns of its own term, by the names that it uses."""
    found = function(p, u, {name: f[column] for name, column in columns.items()})
    return value_or_tuple(found) if isinstance(found, list) else found


def _less(value: Any, f: Columns, column: str) -> Any:
    """A value minus the prescribed value in this column, or minus zero if there is no such column."""
    return value - f[column] if column in f else value


@dataclass(frozen=True)
class _OnBoundary(Condition):
    where: Where = "boundary"

    def pieces(self, domain: Domain) -> tuple[str, ...]:
        return domain.resolve(self.where)


@dataclass(frozen=True)
class Dirichlet(_OnBoundary):
    """Dirichlet condition u = value.

    Args:
        where: names of pieces of the boundary or groups of pieces.
        value: the prescribed value.
    """

    default_name = "boundary"
    value: Value = 0.0

    def values(self) -> dict[str, Value]:
        return {"value": self.value}

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        return [_less(value_of(self.of(problem, u, name)), f, f"value_{name}") for name in self.about(problem)]


@dataclass(frozen=True)
class Clamped(_OnBoundary):
    """Clamped boundary of equations of fourth order: u = value and ∂u/∂n = slope.

    Args:
        where: names of pieces of the boundary or groups of pieces.
        value: the prescribed value.
        slope: the prescribed derivative along the outward normal.
    """

    default_name = "clamped"
    normals = True
    value: Value = 0.0
    slope: Value = 0.0

    def values(self) -> dict[str, Value]:
        return {"value": self.value, "slope": self.slope}

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        found = []
        for name in self.about(problem):
            found.append(_less(value_of(self.of(problem, u, name)), f, f"value_{name}"))
            found.append(_less(_along_normal(self.of(problem, u, name).gradient, problem.domain, f), f, f"slope_{name}"))
        return found


def _along_normal(vector: list[Any], domain: Domain, f: Columns) -> Any:
    """n·v for a vector with an entry for each variable; the normal n has no component in time."""
    first, *more = (f[f"normal_{name}"] * vector[domain.names.index(name)] for name in domain.space)
    return sum(more, first)


@dataclass(frozen=True)
class _Natural(_OnBoundary):
    default_enforce = "soft"
    normals = True

    def outflow(self, problem: "Problem", p: Point, u: Field, f: Columns) -> dict[str, Any]:
        """∂u/∂n by component or, if the problem has an energy density e, the flux n·∂e/∂∇u."""
        about = self.about(problem)
        if not problem.has("density"):
            return {name: _along_normal(self.of(problem, u, name).gradient, problem.domain, f) for name in about}
        fluxes = dict(zip(problem.components, operator(problem).fluxes(p, u), strict=True))
        return {name: _along_normal(fluxes[name], problem.domain, f) for name in about}

    def natural(self, problem: "Problem") -> TermSpec | None:
        if (operator(problem).order or 0) > 1:
            raise ValueError(
                f"the condition {self.name} ({type(self).__name__}) is not natural to a density with second derivatives; take Clamped"
            )
        data = self._term_data(problem)
        local = partial(_local, partial(self.energy, problem), self._columns(problem))
        return TermSpec(self.name, "energy", self.pieces(problem.domain), local, data) if data else None

    @abstractmethod
    def energy(self, problem: "Problem", p: Any, u: Any, f: Columns) -> Any:
        """The density of the boundary integral for which the condition is the natural boundary condition."""


@dataclass(frozen=True)
class Neumann(_Natural):
    """Neumann condition ∂u/∂n = flux.

    If the problem has an energy density e, ∂u/∂n is replaced by the flux n·∂e/∂∇u.

    Args:
        where: names of pieces of the boundary or groups of pieces.
        flux: the prescribed flux.
    """

    default_name = "neumann"
    flux: Value = 0.0

    def values(self) -> dict[str, Value]:
        return {"flux": self.flux}

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        return [_less(flux, f, f"flux_{name}") for name, flux in self.outflow(problem, p, u, f).items()]

    def energy(self, problem: "Problem", p: Any, u: Any, f: Columns) -> Any:
        return sum(-f[f"flux_{name}"] * value_of(self.of(problem, u, name)) for name in self.about(problem))


@dataclass(frozen=True)
class Robin(_Natural):
    """Robin condition ∂u/∂n + a u = g.

    If the problem has an energy density e, ∂u/∂n is replaced by the flux n·∂e/∂∇u.

    Args:
        where: names of pieces of the boundary or groups of pieces.
        a: coefficient of u.
        g: right-hand side.
    """

    default_name = "robin"
    a: Value = 1.0
    g: Value = 0.0

    def values(self) -> dict[str, Value]:
        return {"a": self.a, "g": self.g}

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        found = []
        for name, flux in self.outflow(problem, p, u, f).items():
            found.append(_less(flux + f.get(f"a_{name}", 0.0) * value_of(self.of(problem, u, name)), f, f"g_{name}"))
        return found

    def energy(self, problem: "Problem", p: Any, u: Any, f: Columns) -> Any:
        total: Any = 0.0
        for name in self.about(problem):
            value = value_of(self.of(problem, u, name))
            total = total + 0.5 * f.get(f"a_{name}", 0.0) * value * value - f.get(f"g_{name}", 0.0) * value
        return total


@dataclass(frozen=True)
class _AtFirst(Condition):
    value: Value = 0.0

    def pieces(self, domain: Domain) -> tuple[str, ...]:
        if domain.time is None:
            raise ValueError(
                f"{type(self).__name__} needs a domain with a time variable, such as SpaceTime(x=(0, 1), t=(0, 1))"
            )
        return domain.resolve("initial")

    def values(self) -> dict[str, Value]:
        return {"value": self.value}


@dataclass(frozen=True)
class Initial(_AtFirst):
    """Initial condition u = value at the initial time.

    Args:
        value: the prescribed value.
    """

    default_name = "initial"

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        return [_less(value_of(self.of(problem, u, name)), f, f"value_{name}") for name in self.about(problem)]


@dataclass(frozen=True)
class InitialRate(_AtFirst):
    """Initial condition on a time derivative: ∂u/∂t = value at the initial time.

    Args:
        value: the prescribed value.
        order: order of the derivative, at least 1.

    Raises:
        ValueError: the order is not a positive integer.
    """

    default_name = "rate"
    order: int = 1

    def __post_init__(self) -> None:
        _whole(self, "order", 1)
        object.__setattr__(self, "name", self.name or (f"rate_{self.order}" if self.order > 1 else ""))
        super().__post_init__()

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        order = _order(problem, problem.domain.time, self.order)
        return [
            _less(derivative_of(self.of(problem, u, name), order, problem.domain.names), f, f"value_{name}")
            for name in self.about(problem)
        ]


@dataclass(frozen=True)
class Periodic(Condition):
    """Periodicity in a space variable: equal values, and equal derivatives up to a given order, on opposite faces.

    If the condition is hard, the inputs cos(2πkx/L) and sin(2πkx/L) with k = 1, ..., ``harmonics`` replace the input x of the
    network, where L is the period. Derivatives of all orders then agree.

    Args:
        variable: name of the variable.
        derivatives: highest order of the derivatives that agree if the condition is soft.
        harmonics: number of harmonics if the condition is hard.

    Raises:
        ValueError: a number is not an integer in its range.
    """

    default_name = "periodic"
    sites = 2
    variable: str = "x"
    derivatives: int = 0
    harmonics: int = 1

    def __post_init__(self) -> None:
        _whole(self, "derivatives", 0)
        _whole(self, "harmonics", 1)
        super().__post_init__()

    def pieces(self, domain: Domain) -> tuple[str, ...]:
        if self.variable not in domain.space:
            raise ValueError(f"Periodic is about a variable of space ({', '.join(domain.space)}), not {self.variable!r}")
        return domain.resolve((f"{self.variable}_min", f"{self.variable}_max"))

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        (here, there), names = u, problem.domain.names
        orders = [_order(problem, self.variable, k) for k in range(self.derivatives + 1)]
        found = []
        for name in self.about(problem):
            left, right = self.of(problem, here, name), self.of(problem, there, name)
            found += [derivative_of(left, order, names) - derivative_of(right, order, names) for order in orders]
        return found


def _whole(condition: Condition, key: str, least: int) -> None:
    value = getattr(condition, key)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        kind = type(condition).__name__
        raise ValueError(f"`{key}` of the condition {kind} must be a whole number from {least} on, not {value!r}")


def _order(problem: "Problem", variable: str | None, count: int) -> Order:
    return tuple(count * (name == variable) for name in problem.domain.names)
