"""Domains, and integrals over them that are known in closed form."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pinnscape.problems.domains.boxes import Box, Interval, SpaceTime, cube
from pinnscape.problems.domains.corners import LShape, SlitSquare
from pinnscape.problems.domains.disk import Disk
from pinnscape.problems.domains.domain import Domain

Powers = tuple[int, ...]


def over_box(bounds, powers: Powers) -> float:
    """∫ xᵃ yᵇ ... over a box."""
    return math.prod((high ** (a + 1) - low ** (a + 1)) / (a + 1) for (low, high), a in zip(bounds, powers, strict=True))


def over_disk(radius: float, powers: Powers) -> float:
    """∫ xᵃ yᵇ over a disk around 0: by Gamma functions, zero for odd powers."""
    a, b = powers
    if a % 2 or b % 2:
        return 0.0
    half = math.gamma((a + 1) / 2) * math.gamma((b + 1) / 2) / math.gamma((a + b) / 2 + 1)
    return 2 * half * radius ** (a + b + 2) / (a + b + 2)


@dataclass(frozen=True, eq=False)
class Case:
    """A domain and ∫ xᵃ yᵇ ... over it."""

    domain: Domain
    integral: Callable[[Powers], float]


def of_box(domain: Domain) -> Case:
    return Case(domain, lambda powers: over_box(domain.bounds, powers))


CASES = {
    "interval": of_box(Interval()),
    "interval_elsewhere": of_box(Interval(-1.5, 2.0, "s")),
    "rectangle": of_box(Box(x=(-1, 1), y=(0.5, 2))),
    "cube": of_box(cube(3)),
    "five_dimensions": of_box(cube(5, -1.0, 1.0)),
    "space_time": of_box(SpaceTime(x=(0, 2 * math.pi), t=(0, 1))),
    "two_of_space": of_box(SpaceTime(x=(-1, 1), y=(0, 1), t=(1, 3))),
    "l_shape": Case(LShape(), lambda powers: over_box([(-1, 1), (-1, 1)], powers) - over_box([(0, 1), (-1, 0)], powers)),
    "disk": Case(Disk(), lambda powers: over_disk(1.0, powers)),
    "large_disk": Case(Disk(2.5), lambda powers: over_disk(2.5, powers)),
    "slit_square": of_box(SlitSquare()),
}
