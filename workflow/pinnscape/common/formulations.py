"""The formulations of a boundary value problem: what is known of each loss before there is a problem, a network or a point."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Formulation:
    """How a boundary value problem becomes a loss.

    Attributes:
        name: in settings, paths and files.
        order: of the highest derivatives of u in the loss, for an energy density of first order.
        is_energy: whether the loss is an energy, whose minimum is the energy of the exact solution. Otherwise it is a sum of squares with minimum 0.
        is_reference: whether the network is fitted to the exact solution, without the differential equation.
    """

    name: str
    order: int
    is_energy: bool = False
    is_reference: bool = False

    def minimum(self, energy: float) -> float:
        """The loss at the exact solution, which has this energy under the same quadrature rule."""
        return energy if self.is_energy else 0.0


DEEP_RITZ = Formulation("deep-ritz", order=1, is_energy=True)
STRONG_FORM = Formulation("strong-form", order=2)
SUPERVISED = Formulation("supervised", order=0, is_reference=True)

# By name, in the order of files, tables and figures. losses/native/losses.hpp numbers them in this order.
FORMULATIONS: Mapping[str, Formulation] = {each.name: each for each in (DEEP_RITZ, STRONG_FORM, SUPERVISED)}
PHYSICS = tuple(name for name, each in FORMULATIONS.items() if not each.is_reference)
