"""Parameters of a problem: numbers with a range and a default value, declared as attributes of the class of the problem."""

import math
from dataclasses import dataclass
from typing import Any, overload


@dataclass
class Parameter:
    """A number on which an equation depends, declared as an attribute of the class of a problem.

    In an object of the class, the attribute is a float. Its key in the configuration is its name without trailing underscores:
    the key of ``lambda_`` is ``lambda``.

    Args:
        default: default value.
        above: exclusive lower bound.
        at_least: inclusive lower bound.
        below: exclusive upper bound.
        text: meaning in a few words, for messages.
    """

    default: float
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    text: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def key(self) -> str:
        """Key in the configuration."""
        return self.name.rstrip("_")

    @overload
    def __get__(self, instance: None, owner: type) -> "Parameter": ...
    @overload
    def __get__(self, instance: object, owner: type) -> float: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else vars(instance)[self.name]

    def __set__(self, instance: Any, value: float) -> None:
        vars(instance)[self.name] = self.checked(value, type(instance).__name__)

    @property
    def range(self) -> str:
        """The allowed values in words."""
        bounds = ("above", self.above), ("at least", self.at_least), ("below", self.below)
        words = [f"{word} {bound:g}" for word, bound in bounds if bound is not None]
        return f"a number {' and '.join(words)}" if words else "a number"

    def checked(self, value: Any, owner: str) -> float:
        """Check a value and convert it to a float.

        Args:
            value: the value.
            owner: name of the class of the problem, for the message.

        Raises:
            ValueError: the value is not a finite number, or is out of range.
        """
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        inside = number and not (
            (self.above is not None and value <= self.above)
            or (self.at_least is not None and value < self.at_least)
            or (self.below is not None and value >= self.below)
        )
        if not inside:
            meaning = f", the {self.text}," if self.text else ""
            raise ValueError(f"{owner}: `{self.key}`{meaning} must be {self.range}, not {value!r}")
        return float(value)
