"""Which points each place of a problem gets: the interior, the boundary, the first moment, and the test points of errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pinnscape.problems.points import PRODUCTS, SETS, Rule

_FRESH = 1_000_003  # added to the seed of points that no training has seen


@dataclass(frozen=True)
class Rules:
    """The rules of a discretisation.

    Attributes:
        interior: of the interior.
        conditions: of single conditions, by name.
        others: of all other conditions; like the interior where it is None.
        test: of errors; the rule of the interior where it is None.
    """

    interior: Rule
    conditions: Mapping[str, Rule] = field(default_factory=dict)
    others: Rule | None = None
    test: Rule | None = None

    def of(self, name: str, inside: bool) -> Rule:
        """The rule of a term.

        Args:
            name: of the term.
            inside: whether it is a term of the interior.
        """
        if inside:
            return self.interior
        return self.conditions.get(name, self.others or self.interior)

    @property
    def errors(self) -> Rule:
        """The rule of errors."""
        return self.test or self.interior

    def fresh(self) -> "Rules":
        """Points that no training has seen: other sets of the same sizes, and product rules with about half as many points more along each axis."""
        return self._changed(fresh)

    def at_step(self, step: int) -> "Rules":
        """The sets of points that are drawn at a step of a training; product rules stay, and so do test points."""
        return self._changed(lambda rule: replace(rule, step=step) if rule.name in SETS else rule, test=self.errors)

    def with_interior(self, rule: Rule) -> "Rules":
        """Another rule for the interior, and for errors where these have none of their own."""
        return replace(self, interior=rule)

    def _changed(self, change, **more) -> "Rules":
        conditions = {name: change(rule) for name, rule in self.conditions.items()}
        others = None if self.others is None else change(self.others)
        return replace(self, interior=change(self.interior), conditions=conditions, others=others, **more)


def fresh(rule: Rule) -> Rule:
    """A rule with other points for the same integrals."""
    if rule.name in SETS:
        return replace(rule, seed=rule.seed + _FRESH)
    assert rule.name in PRODUCTS
    name = "duffy" if rule.name == "duffy" else "gauss-legendre"
    points = rule.points if isinstance(rule.points, int) else list(rule.points)
    more = points + points // 2 + 1 if isinstance(points, int) else [n + n // 2 + 1 for n in points]
    return replace(rule, name=name, points=more)
