"""Estimates of the quadrature error of energy gaps, by comparison with other quadrature rules.

The energy gap is the excess of an energy over that of the exact solution under the same rule. Near the exact solution, both
energies have nearly the same quadrature error, which cancels in the gap. The remaining error is estimated by the change of the
gap under a finer rule. The finer rule has an error of its own, which matters if the integrand is not smooth (an indicator
function, a singular solution): errors then decrease slowly and irregularly with the number of points. The largest difference
between the finer rule and two rules with fewer points is therefore added to the estimate, times a safety factor.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from pinnscape.problems.points import PRODUCTS, Rule
from pinnscape.problems.rules import Rules
from pinnscape.problems.statement import DEEP_RITZ

if TYPE_CHECKING:
    from pinnscape.losses.discretization import Discretization

# Minimum number of Gauss-Legendre points of the finer rule along each axis, by dimension. With few points, a rule and one with
# twice as many points may miss the same feature.
_LEAST = {1: 80, 2: 40, 3: 16}
_MOST = 200_000  # maximum number of points of the finer rule; all rules together need some hundred megabytes
# Safety factor. With 1, the errors of one in twenty integrals over a jump exceed their estimates, by up to a quarter.
_SAFETY = 2.0
# Rounding error of a sum of products, relative to the sum of their magnitudes.
_ROUNDING = 16 * np.finfo(float).eps


def finer(points: int, dimension: int) -> tuple[int, int, int]:
    """Numbers of Gauss-Legendre points along each axis of the three comparison rules.

    Args:
        points: total number of points of the rule whose error is estimated.
        dimension: number of variables d.

    Returns:
        The number for the finer rule, and numbers of about 7/10 and half of it; odd and even numbers both occur.
    """
    own = round(points ** (1.0 / dimension))
    fine = min(max(2 * own, _LEAST.get(dimension, 2)), int(_MOST ** (1.0 / dimension)))
    fine = max(fine, own + 1)
    half, more = fine // 2 + 1, round(0.7 * fine) + 1
    return fine, more, half if half % 2 != fine % 2 else half + 1


class QuadratureError:
    """Estimates of the quadrature errors of energies and energy gaps.

    Args:
        discretization: the discretised problem with the rules whose errors are estimated. Errors are NaN if it has no energy
            with a known minimum.
    """

    def __init__(self, discretization: "Discretization") -> None:
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
    def _each(self) -> Iterator["Discretization"]:
        """The discretisation under its own rules and under each comparison rule, generated one at a time to save memory."""
        yield self._own
        for rule in self._rules:
            yield self._own.with_rules(Rules(rule))

    @cached_property
    def minimum(self) -> float:
        """Quadrature error of the energy of the exact solution.

        It is NaN if this energy is unknown or does not exist, and infinite if it does not exist under a comparison rule.
        """
        if not np.isfinite(self._own.energy_minimum):
            return float("nan")
        return float(_combined(np.array([[d.energy_minimum] for d in self._each], float), self._rounding)[0])

    def gaps(self, thetas: Tensor) -> np.ndarray:
        """Quadrature errors (n,) of the energy gaps at parameters (n, P).

        Gaps of smaller magnitude are not significant. An energy that is below the minimum by more than its error contradicts
        the stated exact solution. An error is NaN if the energy does not exist or its minimum is unknown, and infinite if the
        energy does not exist under a comparison rule.
        """
        if not np.isfinite(self._own.energy_minimum):
            return np.full(len(thetas), np.nan)
        objectives = (d.objective(DEEP_RITZ) for d in self._each)
        # One parameter vector at a time, also to save memory.
        rows = [[float(objective.loss(theta)) - objective.minimum for theta in thetas] for objective in objectives]
        return _combined(np.array(rows), self._rounding)

    @cached_property
    def _rounding(self) -> float:
        """Bound on the rounding errors of energies near the minimum."""
        return _ROUNDING * self._own.energy_size


def _combined(values: np.ndarray, rounding: float) -> np.ndarray:
    """Errors (n,) of the first row of values (rule, n), whose second row holds the values under the finer rule.

    The error is the difference between these two rows, plus ``_SAFETY`` times the largest difference between the second and any
    later row, plus rounding errors.
    """
    own, fine, *others = np.where(np.isfinite(values), values, np.nan)
    error = np.abs(own - fine) + _SAFETY * np.max(np.abs(fine - np.array(others)), axis=0) + rounding + _ROUNDING * np.abs(own)
    return np.where(np.isnan(own), np.nan, np.where(np.isnan(error), np.inf, error))
