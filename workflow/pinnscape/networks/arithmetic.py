"""Arithmetic for numbers and tensors, and for generating native code from values that record operations (``native.code``)."""

from collections.abc import Iterable
from functools import reduce
from operator import add, mul
from typing import Any


def named(value: Any) -> Any:
    """Mark a value that is used several times.

    In generated code, the value is assigned to a variable at this place; numbers and tensors are returned as they are.
    """
    return value.named() if hasattr(value, "named") else value


def total(summands: Iterable[Any]) -> Any:
    """The sum of values; in generated code, a single expression."""
    return reduce(add, summands)


def running(start: Any, summands: Iterable[Any]) -> Any:
    """The sum of a start value and further values; in generated code, each partial sum is assigned to a variable."""
    found = named(start)
    for summand in summands:
        found = named(found + summand)
    return found


def scaled(value: Any, factor: float) -> Any:
    """``factor`` times a value; the value itself if the factor is 1."""
    return value if factor == 1.0 else float(factor) * value


def power(factors: Iterable[Any]) -> Any:
    """The product of values, in generated code a single expression; 1 for no values."""
    factors = list(factors)
    return reduce(mul, factors) if factors else 1.0
