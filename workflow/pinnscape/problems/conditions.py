"""Conditions on a solution: at the boundary of its domain, at the first moment, and between opposite faces.

Each can be enforced *hard*, by the construction of the field (``ansatz``), or *soft*, by a term of the loss: the mean over the place of the squares of what
must vanish, times a weight. Neumann and Robin conditions are never hard. To an energy they are natural: they add an integral over their place, which
weights do not change; for residuals they are soft.

A value is a number or a function of a point, which gives a number or a tuple with one for each component.
"""

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
class Condition:
    """What all conditions have; the arguments come after those of each.

    Attributes:
        component: the one that it is about; all of them if none is named.
        name: of its term in the loss, and its key in the configuration; each kind has a name of its own.
        enforce: ``hard`` or ``soft``, unless the configuration says otherwise.
        weight: of its term in the loss, where it is soft.
    """

    default_name: ClassVar[str]
    default_enforce: ClassVar[Enforce] = "hard"
    sites: ClassVar[int] = 1
    normals: ClassVar[bool] = False  # whether ``vanishing`` needs them

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

    def pieces(self, domain: Domain) -> tuple[str, ...]:
        """The pieces of the boundary where it holds.

        Raises:
            ValueError: the domain does not have them.
        """
        raise NotImplementedError

    def about(self, problem: "Problem") -> tuple[str, ...]:
        """The components that it is about.

        Raises:
            ValueError: there is no such component.
        """
        if self.component is not None and self.component not in problem.components:
            known = ", ".join(problem.components)
            raise ValueError(f"the condition {self.name} is about the component {self.component!r}; there is {known}")
        return problem.components if self.component is None else (self.component,)

    def of(self, problem: "Problem", u: Any, name: str) -> Any:
        """A component of the field."""
        return component_of(u, problem.components, name)

    def values(self) -> dict[str, Value]:
        """What is prescribed, by the names of columns."""
        return {}

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        """What must be zero at a point; with several sites, p and u are tuples."""
        raise NotImplementedError

    def soft(self, problem: "Problem") -> TermSpec:
        """The term that the condition adds to a loss."""
        local = partial(_local, self.vanishing, problem)
        where, data = self.pieces(problem.domain), self.data(problem)
        return TermSpec(self.name, "squared", where, local, data, self.normals, self.sites, self.weight)

    def natural(self, problem: "Problem") -> TermSpec | None:
        """The term that the condition adds to an energy by itself; None for one that is not natural, or adds nothing."""
        return None

    @property
    def is_natural(self) -> bool:
        return self.default_enforce == "soft"

    def data(self, problem: "Problem") -> dict[str, Callable[[Point], Any]]:
        """Columns of the prescribed values, for each component; what is zero has none."""
        about = self.about(problem)
        return {
            f"{column}_{component}": partial(_value, value, k, len(about))
            for column, value in self.values().items()
            if not is_zero(value)
            for k, component in enumerate(about)
        }


def is_zero(value: Value) -> bool:
    return not callable(value) and isinstance(value, (int, float)) and value == 0


def _value(value: Value, k: int, count: int, p: Point) -> Any:
    """A prescribed value of the k-th of some components."""
    found = value(p) if callable(value) else value
    if isinstance(found, (tuple, list)):
        if len(found) != count:
            raise ValueError(f"a condition gives {len(found)} values for {count} components")
        return found[k]
    return found


def _local(vanishing: Callable[..., list[Any]], problem: "Problem", p: Any, u: Any, f: Columns) -> Any:
    return value_or_tuple(vanishing(problem, p, u, f))


def _less(value: Any, f: Columns, column: str) -> Any:
    """A value without what is prescribed."""
    return value - f[column] if column in f else value


@dataclass(frozen=True)
class _OnBoundary(Condition):
    where: Where = "boundary"

    def pieces(self, domain: Domain) -> tuple[str, ...]:
        return domain.resolve(self.where)


@dataclass(frozen=True)
class Dirichlet(_OnBoundary):
    """Values on the boundary: u = value."""

    default_name = "boundary"
    value: Value = 0.0

    def values(self) -> dict[str, Value]:
        return {"value": self.value}

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        return [_less(value_of(self.of(problem, u, name)), f, f"value_{name}") for name in self.about(problem)]


@dataclass(frozen=True)
class Clamped(_OnBoundary):
    """Values and slopes on the boundary: u = value and ∂u/∂n = slope, for equations of fourth order."""

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
    """n·v for a vector in all variables; the normal has no part in time."""
    first, *more = (f[f"normal_{name}"] * vector[domain.names.index(name)] for name in domain.space)
    return sum(more, first)


@dataclass(frozen=True)
class _Natural(_OnBoundary):
    default_enforce = "soft"
    normals = True

    def outflow(self, problem: "Problem", p: Point, u: Field, f: Columns) -> dict[str, Any]:
        """∂u/∂n of each component; for a problem with an energy density, the flux n·∂e/∂∇u."""
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
        data = self.data(problem)
        return TermSpec(self.name, "energy", self.pieces(problem.domain), partial(self.energy, problem), data) if data else None

    def energy(self, problem: "Problem", p: Any, u: Any, f: Columns) -> Any:
        """The density on the boundary whose integral makes the condition natural."""
        raise NotImplementedError


@dataclass(frozen=True)
class Neumann(_Natural):
    """Fluxes through the boundary: ∂u/∂n = flux. For a problem with an energy density e, ∂u/∂n stands for its flux n·∂e/∂∇u."""

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
    """Exchange through the boundary: ∂u/∂n + a u = g. For a problem with an energy density e, ∂u/∂n stands for its flux n·∂e/∂∇u."""

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
    """Values at the first moment: u = value."""

    default_name = "initial"

    def vanishing(self, problem: "Problem", p: Any, u: Any, f: Columns) -> list[Any]:
        return [_less(value_of(self.of(problem, u, name)), f, f"value_{name}") for name in self.about(problem)]


@dataclass(frozen=True)
class InitialRate(_AtFirst):
    """Rates at the first moment: ∂u/∂t = value, or a higher derivative of the order that is given."""

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
    """Equal values on opposite faces, and equal derivatives up to some order.

    Enforced hard, the network gets cos(2πkx/L) and sin(2πkx/L) for k up to ``harmonics`` in place of x, where L is the period; then all derivatives agree.
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
