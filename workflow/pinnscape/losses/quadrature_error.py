"""What a quadrature rule is off: gaps of the energy under it, against those under other rules.

Energies under one rule have nearly the same error near the exact solution, which is gone from their difference, the gap. What is left is measured: how
much the gap of a point changes under a finer rule. That has an error of its own, which matters where the integrand is not smooth (an indicator function,
a singular solution): there errors fall slowly, and jump from one number of points to the next. How much the finer rule differs from two rules of fewer
points is therefore added.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from torch import Tensor

from pinnscape.losses.discretization import Discretization
from pinnscape.problems.points import PRODUCTS, Rule
from pinnscape.problems.rules import Rules
from pinnscape.problems.statement import DEEP_RITZ

# At least so many Gauss-Legendre points an axis, by dimension: a rule of a few points, and twice as many, may miss the same feature.
_LEAST = {1: 80, 2: 40, 3: 16}
_MOST = 200_000  # points in all: some hundred megabytes for all rules
# Without it, the errors of one in twenty integrals over a jump are larger, by up to a quarter.
_SAFETY = 2.0
# Of a sum of products, relative to the sum of their magnitudes.
_ROUNDING = 16 * np.finfo(float).eps


def finer(points: int, dimension: int) -> tuple[int, int, int]:
    """Gauss-Legendre points an axis of the finer rule, and of rules of about 7/10 and half of these; some are odd and some even.

    Args:
        points: of the rule itself, in all.
        dimension: d.
    """
    own = round(points ** (1.0 / dimension))
    fine = min(max(2 * own, _LEAST.get(dimension, 2)), int(_MOST ** (1.0 / dimension)))
    fine = max(fine, own + 1)
    half, more = fine // 2 + 1, round(0.7 * fine) + 1
    return fine, more, half if half % 2 != fine % 2 else half + 1


class QuadratureError:
    """The error of the quadrature rules of a discretisation.

    Args:
        discretization: with its rules. Errors are NaN if it has no energy whose minimum is known.
    """

    def __init__(self, discretization: Discretization) -> None:
        self._own, self._rules = discretization, list[Rule]()
        if DEEP_RITZ not in discretization.losses:
            return
        patches, rule = len(discretization.problem.domain.interior), discretization.rules.interior
        name = "duffy" if rule.name == "duffy" else "gauss-legendre"
        panels = rule.panels if rule.name in PRODUCTS else 1
        pieces = patches * int(
            np.prod(panels if not isinstance(panels, int) else [panels] * discretization.problem.domain.dimension)
        )
        count = discretization.count("deep-ritz/interior") // pieces
        self._rules = [Rule(name, points, panels) for points in finer(max(count, 1), discretization.problem.domain.dimension)]

    @property
    def _each(self) -> Iterator[Discretization]:
        """Under the rules themselves and the others, one at a time: they are large."""
        yield self._own
        for rule in self._rules:
            yield self._own.with_rules(Rules(rule))

    @cached_property
    def minimum(self) -> float:
        """Of the energy of the exact solution; NaN where that does not exist under the rule itself, infinite where it does not under another."""
        if not np.isfinite(self._own.energy_minimum):
            return float("nan")
        return float(_combined(np.array([[d.energy_minimum] for d in self._each], float), self._rounding)[0])

    def gaps(self, thetas: Tensor) -> np.ndarray:
        """Of the gaps of the energy (n,) at parameters (n, P): smaller gaps mean nothing, and lower energies than this are below the minimum.

        NaN where the energy does not exist under the rule itself, or its minimum is not known; infinite where it does not exist under another.
        """
        if not np.isfinite(self._own.energy_minimum):
            return np.full(len(thetas), np.nan)
        objectives = (d.objective(DEEP_RITZ) for d in self._each)
        # One point at a time, too.
        rows = [[float(objective.loss(theta)) - objective.minimum for theta in thetas] for objective in objectives]
        return _combined(np.array(rows), self._rounding)

    @cached_property
    def _rounding(self) -> float:
        """Size of the rounding errors of energies near the minimum."""
        return _ROUNDING * self._own.energy_size


def _combined(values: np.ndarray, rounding: float) -> np.ndarray:
    """Error (n,) of the first row of values (rule, n): its distance from the second, and twice the largest of that from the others."""
    own, fine, *others = np.where(np.isfinite(values), values, np.nan)
    error = np.abs(own - fine) + _SAFETY * np.max(np.abs(fine - np.array(others)), axis=0) + rounding + _ROUNDING * np.abs(own)
    return np.where(np.isnan(own), np.nan, np.where(np.isnan(error), np.inf, error))
