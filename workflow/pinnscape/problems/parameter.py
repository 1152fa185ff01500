"""Parameters of a problem: numbers with a range and a default, stated where the class of the problem begins."""

import math
from dataclasses import dataclass
from typing import Any, overload


@dataclass
class Parameter:
    """A number that an equation depends on, as an attribute of a problem's class; an object of the class has a float under this name.

    Its key in the configuration is its name without a trailing underscore: ``lambda_`` is ``lambda`` there.

    Args:
        default: the value where none is given.
        above: the value must be larger.
        at_least: the value must be as large.
        below: the value must be smaller.
        text: what it is, in a few words.
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
        """The value as a float.

        Raises:
            ValueError: it is no finite number or out of range; one line.
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
