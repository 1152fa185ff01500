"""What a problem is: an equation on a domain with conditions, in a class that reads like the equation on paper.

    class Convection(Problem):
        '''Transport u_t + β u_x = 0 on (0, 2π) × (0, 1), periodic in x, from u = sin x.'''

        domain = SpaceTime(x=(0, 2 * pi), t=(0, 1))
        beta = Parameter(30.0, text="speed of transport")

        def conditions(self):
            return Initial(lambda p: sin(p.x)), Periodic("x")

        def residual(self, p, u):
            return u.t + self.beta * u.x

        def exact(self, p):
            return sin(p.x - self.beta * p.t)

Methods are called with tensors and with SymPy symbols; functions of ``pinnscape.problems.functions`` take both.
"""

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

from pinnscape.problems.conditions import Condition
from pinnscape.problems.domains.domain import Domain
from pinnscape.problems.field import Field, Point, Unknowns
from pinnscape.problems.parameter import Parameter

OPTIONAL = ("density", "residual", "load", "exact", "lift", "exists")


class Problem:
    """Base of all problems.

    A class gives ``domain``, ``conditions`` and at least one of ``density`` and ``residual``; the rest is optional.

    Args:
        parameters: values of some of the parameters of the class, by name or key; the others have their defaults.

    Attributes:
        domain: where the equation holds.
        components: names of the components of u.
        scale: the typical size of u; the output of a network is multiplied by it.
        reference: the name of a way to a numerical solution (``pinnscape.problems.reference``), for a problem without an exact one.

    Raises:
        ValueError: there is no such parameter, or its value is out of range; one line.
    """

    domain: Domain
    components: tuple[str, ...] = ("u",)
    scale: float = 1.0
    reference: str | None = None

    def __init__(self, **parameters: float) -> None:
        table = self.parameter_table()
        given = {name.rstrip("_"): value for name, value in parameters.items()}
        unknown = [key for key in given if key not in table]
        if unknown:
            known = f"it has {', '.join(table)}" if table else "it has none"
            raise ValueError(f"{type(self).__name__} has no parameter `{unknown[0]}`; {known}")
        for key, parameter in table.items():
            parameter.__set__(self, given.get(key, parameter.default))

    @classmethod
    @cache
    def parameter_table(cls) -> Mapping[str, Parameter]:
        """The parameters by their keys in the configuration, in the order of definition."""
        found: dict[str, Parameter] = {}
        for base in reversed(cls.__mro__):
            found |= {value.key: value for value in vars(base).values() if isinstance(value, Parameter)}
        return found

    @property
    def unknowns(self) -> Unknowns:
        """Names of variables and components."""
        return Unknowns(self.domain.names, self.components, self.domain.time)

    @property
    def parameter_names(self) -> list[str]:
        """The attributes that hold parameters."""
        return [parameter.name for parameter in self.parameter_table().values()]

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the parameters by their keys in the configuration."""
        return {key: getattr(self, parameter.name) for key, parameter in self.parameter_table().items()}

    def symbolic(self) -> "Problem":
        """The same problem with SymPy symbols in place of the values of its parameters."""
        import sympy  # late: takes half a second

        found = copy.copy(self)
        for key, parameter in self.parameter_table().items():
            least = max((bound for bound in (parameter.above, parameter.at_least) if bound is not None), default=-1.0)
            positive = True if parameter.above is not None and least >= 0.0 else None
            vars(found)[parameter.name] = sympy.Symbol(key, real=True, positive=positive)
        return found

    @classmethod
    def has(cls, method: str) -> bool:
        """Whether the class defines a method that problems may leave out."""
        return getattr(cls, method, None) is not getattr(Problem, method)

    def conditions(self) -> Condition | tuple[Condition, ...]:
        """The conditions at the boundary and at the first moment; ``()`` for none."""
        raise TypeError("is missing; define `def conditions(self)`, and return () if there are none")

    def density(self, p: Point, u: Field, /) -> Any:
        """Energy density without the load; the equation is that of its stationary points."""
        raise TypeError("is missing")

    def residual(self, p: Point, u: Field, /) -> Any:
        """What vanishes for a solution: an expression, a tuple of them, or a dictionary of named ones, each a term of the loss."""
        raise TypeError("is missing")

    def load(self, p: Point, /) -> Any:
        """Right side f of the equation EL[e](u) = f of a density; derived from ``exact`` where there is none, zero without either."""
        raise TypeError("is missing")

    def exact(self, p: Point, /) -> Any:
        """Exact solution: a value, or a tuple with one for each component."""
        raise TypeError("is missing")

    def lift(self, p: Point, /) -> Any:
        """A smooth function with the values that hard conditions prescribe; derived from them where one alone has values."""
        raise TypeError("is missing")

    def exists(self, p: Point, u: Field, /) -> Any:
        """Where the energy exists; everywhere unless stated."""
        raise TypeError("is missing")
