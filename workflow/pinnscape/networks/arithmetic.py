"""Arithmetic that runs on numbers and tensors, and that also writes machine code when it is given values that write down what is done with them."""

from collections.abc import Iterable
from functools import reduce
from operator import add, mul
from typing import Any


def named(value: Any) -> Any:
    """A value that is used again. Where code is written it gets a name here, which says what is computed first; else nothing happens."""
    return value.named() if hasattr(value, "named") else value


def total(summands: Iterable[Any]) -> Any:
    """The sum in one expression."""
    return reduce(add, summands)


def running(start: Any, summands: Iterable[Any]) -> Any:
    """The sum as a running total that starts from a value."""
    found = named(start)
    for summand in summands:
        found = named(found + summand)
    return found


def scaled(value: Any, factor: float) -> Any:
    """``factor`` times a value, without a product by one."""
    return value if factor == 1.0 else float(factor) * value


def power(factors: Iterable[Any]) -> Any:
    """The product in one expression; one if it is empty."""
    factors = list(factors)
    return reduce(mul, factors) if factors else 1.0
