"""Checks of a problem without calls of its methods and without torch: required attributes and methods, and names."""

import math
from difflib import get_close_matches

from pinnscape.problems.domains.domain import Domain
from pinnscape.problems.faults import fault
from pinnscape.problems.problem import OPTIONAL, Problem

_LIKENESS = 0.8  # of names that are probably misspelled


def presence(problem: Problem) -> None:
    """Check that the required attributes and methods are defined.

    Raises:
        ProblemError: the first error that is found.
    """
    if not isinstance(getattr(problem, "domain", None), Domain):
        given = repr(getattr(problem, "domain", None))
        raise fault(problem, "domain", f"is {given}; must be a domain, such as Interval(0, 1) or SpaceTime(x=(0, 1), t=(0, 1))")
    _names(problem)
    _misspelled(problem)
    if isinstance(problem.scale, bool) or not isinstance(problem.scale, (int, float)) or not 0.0 < problem.scale < math.inf:
        raise fault(problem, "scale", f"is {problem.scale!r}; must be a number above 0, the typical size of u")
    for method in (*OPTIONAL, "conditions"):
        if not callable(getattr(problem, method, None)):
            raise fault(problem, method, f"is {getattr(problem, method, None)!r}; define a method, or leave it out")
    if not problem.has("density") and not problem.has("residual"):
        raise fault(
            problem, "residual", "is missing, and so is density; define `def residual(self, p, u)` or `def density(self, p, u)`"
        )
    if not problem.has("conditions"):
        raise fault(problem, "conditions", "is missing; define `def conditions(self)`, and return () if there are none")
    if problem.reference is not None:
        from pinnscape.problems.reference import WAYS  # imported here, because xarray takes half a second

        if problem.reference not in WAYS:
            raise fault(problem, "reference", f"is {problem.reference!r}; must be one of {', '.join(WAYS)}")


def _names(problem: Problem) -> None:
    components = problem.components
    names = list(components) if isinstance(components, (tuple, list)) else []
    if not names or not all(isinstance(name, str) and name.isidentifier() for name in names) or len(set(names)) < len(names):
        raise fault(
            problem, "components", f'is {components!r}; must be a tuple with a name for each component of u, such as ("u",)'
        )
    for what, own, others in (
        ("components", names, problem.domain.names),
        ("parameters", list(problem.parameters), (*problem.domain.names, *names)),
    ):
        twice = [name for name in own if name in others]
        if twice:
            raise fault(problem, what, f"the name {twice[0]} is taken by a variable or a component; choose another one")


def _misspelled(problem: Problem) -> None:
    """Refuse an attribute whose name is almost that of an attribute with a meaning, such as ``exakt``."""
    known = {*OPTIONAL, "domain", "conditions", "components", "scale", "reference"}
    own = [name for cls in type(problem).__mro__ if cls.__module__ != Problem.__module__ for name in vars(cls)]
    for name in own:
        close = [] if name in known or name.startswith("_") else get_close_matches(name, sorted(known), 1, _LIKENESS)
        if close and name not in problem.parameter_names and name not in vars(Problem):
            raise fault(problem, name, f"has no meaning; did you mean {close[0]}? Otherwise give it another name")
