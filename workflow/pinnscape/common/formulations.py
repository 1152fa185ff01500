"""The formulations of a boundary value problem and the properties of each loss that hold for every problem and network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Formulation:
    """How a boundary value problem becomes a loss.

    Attributes:
        name: name of the loss in settings, paths and files.
        is_energy: whether the loss is an energy, with the energy of the exact solution as its minimum. Otherwise the loss is a
            sum of squares with minimum 0.
        is_reference: whether the network is fitted to the exact solution, without the differential equation.
    """

    name: str
    is_energy: bool = False
    is_reference: bool = False


DEEP_RITZ = Formulation("deep-ritz", is_energy=True)
STRONG_FORM = Formulation("strong-form")
SUPERVISED = Formulation("supervised", is_reference=True)

# Formulations by name, in the order of files, tables and figures.
FORMULATIONS: Mapping[str, Formulation] = {each.name: each for each in (DEEP_RITZ, STRONG_FORM, SUPERVISED)}
PHYSICS = tuple(name for name, each in FORMULATIONS.items() if not each.is_reference)


def ordered(names: Iterable[str]) -> list[str]:
    """Names of losses in the order of files, tables and figures; others follow in alphabetical order."""
    known = list(FORMULATIONS)
    return sorted(names, key=lambda name: (known.index(name), "") if name in known else (len(known), name))


def is_reference(name: str) -> bool:
    """Whether the network is fitted to the exact solution; false for losses of torch modules."""
    found = FORMULATIONS.get(name)
    return found is not None and found.is_reference


def is_energy(name: str) -> bool:
    """Whether the loss of this name is an energy; losses of users' modules are not known to be."""
    found = FORMULATIONS.get(name)
    return found is not None and found.is_energy
