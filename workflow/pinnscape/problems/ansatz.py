"""Fields that satisfy hard conditions by construction: u = lift + factor · N(embedding(x)) for any network N.

The lift has the prescribed values. The factor vanishes where values are prescribed, and to higher order where derivatives are
prescribed too. The embedding replaces periodic variables by their sines and cosines.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from pinnscape.problems.conditions import Clamped, Condition, Dirichlet, Initial, InitialRate, Periodic, Value, is_zero
from pinnscape.problems.field import Point
from pinnscape.problems.functions import cos, sin

if TYPE_CHECKING:
    from pinnscape.problems.problem import Problem


@dataclass(frozen=True)
class Ansatz:
    """The field that a network represents, with the hard conditions of a problem built in.

    Args:
        problem: the problem.
        hard: the conditions of the problem that are enforced by construction.

    Raises:
        ValueError: the hard conditions contradict each other, or a hard condition or a lift is missing.
    """

    problem: "Problem"
    hard: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        for component in self.problem.components:
            self._check(component)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs of the network.

        Variables that are not periodic come first, followed by ``cos x``, ``cos 2x``, ..., ``sin x``, ``sin 2x``, ... for each
        periodic variable x.
        """
        return tuple(name for name, _ in self._inputs(None))

    def embedding(self, p: Point) -> tuple[Any, ...]:
        """Values of the inputs of the network at a point, in the order of ``inputs``."""
        return tuple(value for _, value in self._inputs(p))

    def lift(self, p: Point) -> tuple[Any, ...]:
        """The lift at a point, with one value for each component.

        It is the method ``lift`` of the problem or, without this method, follows from the hard conditions.
        """
        if self.problem.has("lift"):
            found = self.problem.lift(p)
            return tuple(found) if isinstance(found, (tuple, list)) else (found,)
        return tuple(self._lift(component, p) for component in self.problem.components)

    def factor(self, p: Point) -> tuple[Any, ...]:
        """The factor of the network output at a point, including the scale of the problem; one value for each component."""
        return tuple(self.problem.scale * self._vanishing(component, p) for component in self.problem.components)

    @property
    def one_factor(self) -> bool:
        """Whether all components have the same factor."""
        first, *others = (self._times(component) for component in self.problem.components)
        return all(times == first for times in others)

    def field(self, p: Point, outputs: Sequence[Any]) -> tuple[Any, ...]:
        """The components of u at a point, given one network output for each component."""
        parts = zip(self.lift(p), self.factor(p), outputs, strict=True)
        return tuple(lift + factor * output for lift, factor, output in parts)

    def _about(self, component: str) -> list[Condition]:
        return [condition for condition in self.hard if component in condition.about(self.problem)]

    def _check(self, component: str) -> None:
        about = self._about(component)
        orders = {c.order for c in about if isinstance(c, InitialRate)} | {0 for c in about if isinstance(c, Initial)}
        missing = sorted(set(range(max(orders, default=-1) + 1)) - orders)
        if missing:
            what = "Initial" if missing[0] == 0 else f"InitialRate of order {missing[0]}"
            raise ValueError(f"a hard InitialRate of {component} needs a hard {what} beside it; add it, or make both soft")
        taken = Counter(
            piece for c in about if not isinstance(c, (InitialRate, Periodic)) for piece in c.pieces(self.problem.domain)
        )
        twice = [piece for piece, count in taken.items() if count > 1]
        if twice:
            raise ValueError(f"two hard conditions prescribe {component} on {twice[0]}; leave one out, or make one soft")
        prescribed = [c for c in about if not all(map(is_zero, c.values().values()))]
        at_first = [c for c in prescribed if isinstance(c, (Initial, InitialRate))]
        others = [c for c in prescribed if c not in at_first]
        clamped = [c for c in others if isinstance(c, Clamped)]
        if not self.problem.has("lift") and (len(others) + bool(at_first) > 1 or clamped):
            names = " and ".join(c.name for c in prescribed)
            raise ValueError(
                f"the hard conditions {names} prescribe values of {component}; define `def lift(self, p)`, a smooth function that has all of them"
            )

    def _inputs(self, p: Point | None) -> Iterator[tuple[str, Any]]:
        """Names of the inputs and their values at the point p; the values are None if p is None."""
        domain = self.problem.domain
        periodic = {c.variable: c for c in self.hard if isinstance(c, Periodic)}
        for name in domain.names:
            if name not in periodic:
                yield name, None if p is None else getattr(p, name)
        for name, condition in periodic.items():
            low, high = map(float, domain.bounds[domain.names.index(name)])
            for wave, k in product((cos, sin), range(1, condition.harmonics + 1)):
                value = None if p is None else wave(2.0 * math.pi * k / (high - low) * getattr(p, name))
                yield f"{wave.__name__} {name if k == 1 else f'{k}{name}'}", value

    def _vanishing(self, component: str, p: Point) -> Any:
        """The factor without the scale, to the order that the hard conditions require on each piece of the boundary.

        It is a product of distance functions. On a piece where m quantities (the value and derivatives) are prescribed, m of
        these functions vanish.
        """
        domain, times = self.problem.domain, self._times(component)
        found: Any = 1.0
        for k in range(1, max(times.values(), default=0) + 1):
            found = found * domain.distance([piece for piece in times if times[piece] >= k])(p)
        return found

    def _times(self, component: str) -> Counter[str]:
        """Number of quantities (the value and derivatives) that are prescribed for a component on each piece of the boundary."""
        times = Counter[str]()
        for condition in self._about(component):
            if not isinstance(condition, Periodic):
                order = 2 if isinstance(condition, Clamped) else 1
                times.update(dict.fromkeys(condition.pieces(self.problem.domain), order))
        return times

    def _lift(self, component: str, p: Point) -> Any:
        total: Any = 0.0
        for condition in self._about(component):
            value = condition.values().get("value", 0.0)
            if not is_zero(value):
                total = total + self._prescribed(condition, component, value, p)
        return total

    def _prescribed(self, condition: Condition, component: str, value: Value, p: Point) -> Any:
        """The value that a condition prescribes, extended from its piece of the boundary into the domain."""
        column = condition.data(self.problem)[f"value_{component}"]
        if isinstance(condition, Dirichlet):
            return column(p)
        assert isinstance(condition, (Initial, InitialRate))
        time = self.problem.domain.time
        first = float(self.problem.domain.bounds[-1, 0])
        found = column(Point(p.names, [first if name == time else x for name, x in zip(p.names, p, strict=True)]))
        order = condition.order if isinstance(condition, InitialRate) else 0
        elapsed = getattr(p, str(time)) - first if first else getattr(p, str(time))
        return found * elapsed**order / math.factorial(order) if order else found
