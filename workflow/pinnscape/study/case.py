"""What all cases of a study have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnscape.config.sections import TrainingSettings


class Fault(Exception):
    """An error in the settings of a case.

    Attributes:
        key: dotted key of the setting.
        text: what is wrong with it.
    """

    def __init__(self, key: str, text: str) -> None:
        super().__init__(key, text)
        self.key, self.text = key, text


@dataclass(frozen=True)
class Case(ABC):
    """A case of a study.

    Attributes:
        name: name of the case.
        losses: losses that were or will be minimised, in the order of files and figures.
        seeds: seeds of the trainings.
        training: settings of the training.
        sweep: name of the sweep that makes the case; empty for cases of the section ``cases``.
    """

    name: str
    losses: tuple[str, ...]
    seeds: tuple[int, ...]
    training: TrainingSettings
    sweep: str

    @property
    def prefix(self) -> str:
        """Text before the keys of the case in error messages."""
        return prefix(self.name, self.sweep)

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What defines the losses, as plain values."""

    @property
    @abstractmethod
    def file(self) -> Path:
        """The file that defines the losses."""

    @property
    @abstractmethod
    def all_losses(self) -> tuple[str, ...]:
        """All losses that can be evaluated."""

    @property
    @abstractmethod
    def compared(self) -> tuple[str, ...]:
        """The two losses that claims compare; empty if there are no two."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of parameters of the network."""

    @property
    @abstractmethod
    def has_terms(self) -> bool:
        """Whether a loss is a sum of several terms."""

    @property
    def needs_reference(self) -> bool:
        """Whether a numerical reference must be computed."""
        return False

    @property
    def is_trained_here(self) -> bool:
        """Whether the workflow trains the network, with the settings ``training``."""
        return True

    @property
    def has_field(self) -> bool:
        """Whether the network is the solution of a boundary value problem, which figures show."""
        return False

    @abstractmethod
    def lacks(self, need: str) -> str:
        """Why the case does not have what a technique needs (see ``Technique.needs``); empty if it has it."""

    @abstractmethod
    def is_like(self, other: "Case") -> bool:
        """Whether the other case has the same settings; an omitted parameter is equal to its default value."""

    def shown_seed(self, wanted: int | None) -> int:
        """The seed that figures show: the wanted one if the case has it, otherwise the first."""
        return wanted if wanted in self.seeds else self.seeds[0]


def prefix(name: str, sweep: str = "") -> str:
    """Text before the keys of a case in error messages."""
    return f"sweeps.{sweep}: " if sweep else f"cases.{name}."


def named(names: Sequence[str]) -> str:
    """Names in words."""
    return " and ".join(names)
