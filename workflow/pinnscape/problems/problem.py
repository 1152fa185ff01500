"""The base class of problems: equations with conditions on a domain, written in Python as they are on paper.

    class Convection(Problem):
        '''The convection equation u_t + β u_x = 0 on (0, 2π) × (0, 1), periodic in x, with the initial values sin x.'''

        domain = SpaceTime(x=(0, 2 * pi), t=(0, 1))
        beta = Parameter(30.0, text="speed of transport")

        def conditions(self):
            return Initial(lambda p: sin(p.x)), Periodic("x")

        def residual(self, p, u):
            return u.t + self.beta * u.x

        def exact(self, p):
            return sin(p.x - self.beta * p.t)

The methods are called with tensors and with SymPy symbols; the functions of ``pinnscape.problems.functions`` accept both.
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
    """Base class of all problems.

    A subclass defines ``domain``, ``conditions`` and at least one of ``density`` and ``residual``; all else is optional.

    Args:
        parameters: values of parameters by name or key; the others keep their defaults.

    Attributes:
        domain: domain on which the equation holds.
        components: names of the components of the solution u.
        scale: typical size of u, by which the output of the network is multiplied.
        reference: name of a numerical method (see ``pinnscape.problems.reference``), for a problem without an exact solution.

    Raises:
        ValueError: a parameter is unknown, or its value is out of range.
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
        """Declarations of the parameters by key in the configuration, in the order of definition."""
        found: dict[str, Parameter] = {}
        for base in reversed(cls.__mro__):
            found |= {value.key: value for value in vars(base).values() if isinstance(value, Parameter)}
        return found

    @property
    def unknowns(self) -> Unknowns:
        """Names of the variables and components."""
        return Unknowns(self.domain.names, self.components, self.domain.time)

    @property
    def parameter_names(self) -> list[str]:
        """Names of the attributes that contain parameters."""
        return [parameter.name for parameter in self.parameter_table().values()]

    @property
    def parameters(self) -> dict[str, Any]:
        """Values of the parameters by key in the configuration."""
        return {key: getattr(self, parameter.name) for key, parameter in self.parameter_table().items()}

    def symbolic(self) -> "Problem":
        """A copy of the problem with SymPy symbols instead of values of parameters."""
        import sympy  # imported here, because it takes half a second

        found = copy.copy(self)
        for key, parameter in self.parameter_table().items():
            least = max((bound for bound in (parameter.above, parameter.at_least) if bound is not None), default=-1.0)
            positive = True if parameter.above is not None and least >= 0.0 else None
            vars(found)[parameter.name] = sympy.Symbol(key, real=True, positive=positive)
        return found

    @classmethod
    def has(cls, method: str) -> bool:
        """Whether the class defines this optional method."""
        return getattr(cls, method, None) is not getattr(Problem, method)

    def conditions(self) -> Condition | tuple[Condition, ...]:
        """Boundary and initial conditions; ``()`` if there are none."""
        raise TypeError("is missing; define `def conditions(self)`, and return () if there are none")

    def density(self, p: Point, u: Field, /) -> Any:
        """Energy density without the load; the equation is its Euler-Lagrange equation."""
        raise TypeError("is missing")

    def residual(self, p: Point, u: Field, /) -> Any:
        """Residual of the equation, which vanishes for a solution: an expression, a tuple or a dictionary of expressions.

        Each entry of a dictionary becomes a separate term of the loss, with its key as name.
        """
        raise TypeError("is missing")

    def load(self, p: Point, /) -> Any:
        """Right-hand side f of the equation EL[e](u) = f of a density e: a value, or a tuple with one for each component.

        Without this method, f follows from ``exact``, or is zero if there is no exact solution.
        """
        raise TypeError("is missing")

    def exact(self, p: Point, /) -> Any:
        """Exact solution: a value, or a tuple with one for each component."""
        raise TypeError("is missing")

    def lift(self, p: Point, /) -> Any:
        """A smooth function that satisfies the hard conditions: a value, or a tuple with one for each component.

        It is needed if several hard conditions, or a clamped one, prescribe values other than zero.
        """
        raise TypeError("is missing")

    def exists(self, p: Point, u: Field, /) -> Any:
        """Whether the energy exists for u at p, as a comparison; without this method, it exists everywhere."""
        raise TypeError("is missing")
