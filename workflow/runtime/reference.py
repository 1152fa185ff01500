"""Numerical references as inputs of jobs."""

from typing import Any

from pinnscape.files import store
from pinnscape.losses.discretization import Known
from pinnscape.problems.reference import solution


def reference(input: Any) -> Known | None:
    """The numerical solution in the file ``input.reference`` as a function of a point; None if the case needs no reference."""
    return solution(store.read(input.reference[0], "reference")) if input.reference else None
