"""A problem on trial before anything trains: is it a boundary or initial value problem with this solution, and are its derivatives right?

A network that 'converges' to the wrong thing because the file of a problem is wrong must be impossible. Every check compares two ways to one number:
derivatives with central differences, symbols with tensors, an exact solution with the equation and its conditions, and the field that a network makes with
the conditions that it is to satisfy by construction.
"""

from dataclasses import dataclass

from pinnscape.losses.differences import TOLERANCE
from pinnscape.problems.problem import Problem
from pinnscape.problems.statement import Settings
from pinnscape.validation.statement import form, load, methods, solution, weak


@dataclass(frozen=True)
class Finding:
    """One check: its name, what was found, and what would have been refused."""

    check: str
    deviation: float
    tolerance: float


@dataclass(frozen=True)
class Report:
    """What was checked, and what a user should know although it is no fault."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]


def validate(problem: Problem, settings: Settings | None = None) -> Report:
    """Check a problem.

    Args:
        problem: any object of a subclass of ``Problem``.
        settings: of its conditions, as the configuration has them.

    Returns:
        What was found, all of it within its tolerance.

    Raises:
        ProblemError: the first fault, in one line that names file, class, method and remedy.
    """
    form.check(problem)
    methods.pointwise(problem)
    found = [Finding(name, off, TOLERANCE) for name, off in methods.differentiability(problem).items()]
    found += [Finding(name, off, methods.SAME) for name, off in methods.symbolic(problem)]
    warnings = [*load.check(problem)]
    for values in (
        solution.equation(problem),
        solution.both_forms(problem),
        solution.conditions(problem),
        solution.by_construction(problem, settings),
    ):
        found += [Finding(name, off, solution.SMALL) for name, off in values.items()]
    integrals = weak.check(problem)
    found += [Finding(name, off, weak.REFUSED) for name, off in integrals.items()]
    warnings += [*solution.scale(problem, settings), *weak.warnings(integrals), *weak.definiteness(problem)]
    return Report(tuple(found), tuple(warnings))
