"""Rules for the points of a problem: those of the interior, of the conditions, and of the measurement of errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pinnscape.problems.points import PRODUCTS, SETS, Rule

_FRESH = 1_000_003  # added to the seed of a point set, for points that were not used in a training


@dataclass(frozen=True)
class Rules:
    """The rules of a discretisation.

    Attributes:
        interior: rule of the interior.
        conditions: rules of individual conditions by name.
        others: rule of all other conditions; None for the rule of the interior.
        test: rule of the points at which errors are measured; None for the rule of the interior.
    """

    interior: Rule
    conditions: Mapping[str, Rule] = field(default_factory=dict)
    others: Rule | None = None
    test: Rule | None = None

    def of(self, name: str, inside: bool) -> Rule:
        """The rule of a term.

        Args:
            name: name of the term.
            inside: whether the term is an integral or mean over the interior.
        """
        if inside:
            return self.interior
        return self.conditions.get(name, self.others or self.interior)

    @property
    def errors(self) -> Rule:
        """Rule of the points at which errors are measured."""
        return self.test or self.interior

    def fresh(self) -> "Rules":
        """Rules with points that were not used in the training.

        Point sets have the same size but another seed. Product rules have about 1.5 times as many points along each axis.
        """
        return self._changed(fresh)

    def at_step(self, step: int) -> "Rules":
        """Rules with the point sets of a step of the training; product rules and the points for errors do not change."""
        return self._changed(lambda rule: replace(rule, step=step) if rule.name in SETS else rule, test=self.errors)

    def with_interior(self, rule: Rule) -> "Rules":
        """Rules with another rule for the interior, and for errors if they have no separate rule."""
        return replace(self, interior=rule)

    def _changed(self, change, **more) -> "Rules":
        conditions = {name: change(rule) for name, rule in self.conditions.items()}
        others = None if self.others is None else change(self.others)
        return replace(self, interior=change(self.interior), conditions=conditions, others=others, **more)


def fresh(rule: Rule) -> Rule:
    """A rule with other points for the same integrals; see ``Rules.fresh``."""
    if rule.name in SETS:
        return replace(rule, seed=rule.seed + _FRESH)
    assert rule.name in PRODUCTS
    name = "duffy" if rule.name == "duffy" else "gauss-legendre"
    points = rule.points if isinstance(rule.points, int) else list(rule.points)
    more = points + points // 2 + 1 if isinstance(points, int) else [n + n // 2 + 1 for n in points]
    return replace(rule, name=name, points=more)
