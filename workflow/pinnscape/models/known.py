"""What a study must know of a model before its first job. This module does not import torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Known:
    """What a study must know of a model before its first job.

    Attributes:
        losses: names of the losses.
        several: names of the losses that have several terms.
        squared: names of the losses whose residuals are known.
        measures: names of what ``error`` measures.
        size: number of parameters P.
        permutable: whether hidden units can be permuted.
        batches: number of mini-batches.
        trains: whether the file defines ``train``.
    """

    losses: tuple[str, ...]
    several: tuple[str, ...]
    squared: tuple[str, ...]
    measures: tuple[str, ...]
    size: int
    permutable: bool
    batches: int
    trains: bool

    def plain(self) -> dict[str, Any]:
        """The attributes as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Known":
        """The inverse of ``plain``."""
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
        return cls(**values)
