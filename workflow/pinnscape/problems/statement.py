"""The losses of a problem and their terms, and its conditions with the settings of the configuration.

The loss ``deep-ritz`` is the integral of the energy density, ``strong-form`` is the mean squared residual, and ``supervised`` is
the mean squared error with respect to a known solution. Soft conditions add terms to the first two.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pinnscape.problems.ansatz import Ansatz
from pinnscape.problems.conditions import Condition
from pinnscape.problems.domains.domain import INTERIOR
from pinnscape.problems.euler_lagrange import operator
from pinnscape.problems.faults import fault, naming
from pinnscape.problems.field import Field, Point, component_of
from pinnscape.problems.problem import Problem
from pinnscape.problems.terms import TermSpec, value_or_tuple

DEEP_RITZ, STRONG_FORM, SUPERVISED = "deep-ritz", "strong-form", "supervised"
Settings = Mapping[str, Mapping[str, Any]]  # settings of conditions, and weights of other terms, by name
_NAME, _NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_]*"), "letters, digits and underscores after a letter"
_KEYS = ("enforce", "weight", "harmonics")


def formulations(problem: Problem) -> tuple[str, ...]:
    """Names of the losses that can be defined for a problem."""
    there = {
        DEEP_RITZ: problem.has("density"),
        STRONG_FORM: problem.has("density") or problem.has("residual"),
        SUPERVISED: problem.has("exact") or problem.reference is not None,
    }
    return tuple(name for name, exists in there.items() if exists)


def conditions(problem: Problem, settings: Settings | None = None) -> tuple[Condition, ...]:
    """The conditions of a problem, with the changes of the configuration.

    Args:
        problem: the problem.
        settings: settings by name of the condition, such as ``{"initial": {"enforce": "soft", "weight": 100.0}}``, and weights
            by name of the other terms.

    Raises:
        ProblemError: the method ``conditions`` is incorrect.
        ValueError: a name is unknown, or a setting is invalid for its condition.
    """
    found = _stated(problem)
    for name, own in (settings or {}).items():
        if name in _inner_names(problem):
            _check_keys(f"the term {name}", own, ("weight",))
        elif name not in [condition.name for condition in found]:
            known = ", ".join(names(problem))
            raise ValueError(f"{type(problem).__name__} has no condition or term `{name}`; it has {known}")
    return tuple(_changed(condition, (settings or {}).get(condition.name, {})) for condition in found)


def names(problem: Problem) -> tuple[str, ...]:
    """Names of all conditions and of the terms of the equation.

    Raises:
        ProblemError: a method of the problem is incorrect.
    """
    return (*[condition.name for condition in _stated(problem)], *_inner_names(problem))


def _inner_names(problem: Problem) -> tuple[str, ...]:
    """Names of the terms of all losses that do not belong to conditions."""
    residuals = _residual_names(problem)
    return (*([] if residuals and not problem.has("density") else [INTERIOR]), *residuals)


def _stated(problem: Problem) -> tuple[Condition, ...]:
    with naming(problem, "conditions"):
        given = problem.conditions()
    found = (given,) if isinstance(given, Condition) else given
    if not isinstance(found, (tuple, list)) or not all(isinstance(condition, Condition) for condition in found):
        raise fault(
            problem, "conditions", f"gives {given!r}; return a condition or a tuple of them, such as Dirichlet(), or ()"
        )
    taken = [INTERIOR, *_residual_names(problem)]
    for condition in found:
        if not _NAME.fullmatch(condition.name):
            raise fault(problem, "conditions", f"a condition is called {condition.name!r}; a name is {_NAMES}")
        if condition.name in taken:
            raise fault(
                problem,
                "conditions",
                f'two terms are called {condition.name}; give one another name, as in {type(condition).__name__}(..., name="other")',
            )
        taken.append(condition.name)
        with naming(problem, "conditions"):
            condition.pieces(problem.domain)
            condition.about(problem)
    return tuple(found)


def _changed(condition: Condition, settings: Mapping[str, Any]) -> Condition:
    _check_keys(f"the condition {condition.name}", settings, [key for key in _KEYS if hasattr(condition, key)])
    return replace(condition, **settings)


def _check_keys(owner: str, settings: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in settings:
        if key not in known:
            raise ValueError(f"{owner} has no setting `{key}`; it has {', '.join(known)}")


def ansatz(problem: Problem, settings: Settings | None = None) -> Ansatz:
    """The field that a network represents, with the hard conditions of a problem built in.

    Args:
        problem: the problem.
        settings: as for ``conditions``.

    Raises:
        ProblemError: the hard conditions contradict each other, or a hard condition or a lift is missing.
    """
    hard = tuple(condition for condition in conditions(problem, settings) if condition.enforce == "hard")
    with naming(problem, "conditions"):
        return Ansatz(problem, hard)


def terms(
    problem: Problem,
    formulation: str,
    settings: Settings | None = None,
    solution: Callable[[Point], Any] | None = None,
) -> tuple[TermSpec, ...]:
    """The terms of a loss, which is their weighted sum.

    Args:
        problem: a problem with values of its parameters, or with symbols (``problem.symbolic()``). The names and points of the
            terms are the same in both cases; the data must be computed with values.
        formulation: name of the loss.
        settings: as for ``conditions``.
        solution: numerical reference for ``supervised``, for a problem without an exact solution.

    Raises:
        ProblemError: a method of the problem is incorrect.
        ValueError: the problem has no such loss, or the reference is missing.
    """
    if formulation not in formulations(problem):
        known = ", ".join(formulations(problem)) or "none"
        raise ValueError(f"{type(problem).__name__} has no loss {formulation!r}; it has {known}")
    if formulation == SUPERVISED:
        return (_supervised(problem, solution),)
    inner = [_energy(problem)] if formulation == DEEP_RITZ else _residuals(problem)
    weights = {name: values.get("weight", 1.0) for name, values in (settings or {}).items()}
    inner = [replace(term, weight=weights.get(term.name, 1.0)) for term in inner]
    added = []
    for condition in conditions(problem, settings):
        if condition.enforce == "soft":
            natural = formulation == DEEP_RITZ and condition.is_natural
            with naming(problem, "conditions"):
                added.append(condition.natural(problem) if natural else condition.soft(problem))
    return (*inner, *(term for term in added if term is not None))


def load(problem: Problem) -> Callable[[Point], Any] | None:
    """The right-hand side f of the equation EL[e](u) = f of a density e, as a function of a point; None if f is zero.

    The function returns a value, or a tuple or list with one for each component. If the problem has no method ``load``, f follows
    from the exact solution.
    """
    if problem.has("load"):
        return problem.load
    return partial(_manufactured, problem) if problem.has("exact") else None


def _manufactured(problem: Problem, p: Point) -> list[Any]:
    """EL[e](u*) for the exact solution u* at points whose coordinates are tensors."""
    import torch  # imported here, because equations can be defined without torch

    from pinnscape.problems import autograd

    at, exact = autograd.differentiable(problem.exact, problem.domain, torch.stack(list(p), -1), problem.components)
    return [value.detach() for value in autograd.columns(operator(problem)(at, exact), next(iter(at)))]


def _load_columns(problem: Problem) -> dict[str, Callable[[Point], Any]]:
    function = load(problem)
    return {} if function is None else columns(function, "load", problem)


def columns(function: Callable[[Point], Any], name: str, problem: Problem) -> dict[str, Callable[[Point], Any]]:
    """The components of a function of a point, as separate functions by name, such as ``load_u``."""
    return {f"{name}_{component}": partial(_entry, function, k) for k, component in enumerate(problem.components)}


def _entry(function: Callable[[Point], Any], k: int, p: Point) -> Any:
    found = function(p)
    return found[k] if isinstance(found, (tuple, list)) else found


def _energy(problem: Problem) -> TermSpec:
    loads = _load_columns(problem)

    def local(p: Point, u: Field, f: Mapping[str, Any]) -> Any:
        energy = problem.density(p, u)
        work = (f[f"load_{name}"] * component_of(u, problem.components, name) for name in problem.components)
        return energy - sum(work) if loads else energy

    return TermSpec(INTERIOR, "energy", (INTERIOR,), local, loads, exists=_existence(problem))


def _existence(problem: Problem) -> Callable[..., Any] | None:
    return (lambda p, u, f: problem.exists(p, u)) if problem.has("exists") else None


def _residuals(problem: Problem) -> list[TermSpec]:
    if not problem.has("residual"):
        return [euler_lagrange(problem)]
    names = _residual_names(problem)
    if names:
        return [TermSpec(name, "squared", (INTERIOR,), partial(_named_residual, problem, name)) for name in names]
    return [TermSpec(INTERIOR, "squared", (INTERIOR,), lambda p, u, f: problem.residual(p, u))]


def _named_residual(problem: Problem, name: str, p: Point, u: Field, f: Mapping[str, Any]) -> Any:
    return problem.residual(p, u)[name]


def euler_lagrange(problem: Problem) -> TermSpec:
    """The term of the strong form that follows from the density: the mean of (EL[e](u) - f)²."""
    loads = _load_columns(problem)

    def local(p: Point, u: Field, f: Mapping[str, Any]) -> Any:
        found = operator(problem)(p, u)
        if loads:
            found = [value - f[f"load_{name}"] for value, name in zip(found, problem.components, strict=True)]
        return value_or_tuple(found)

    return TermSpec(INTERIOR, "squared", (INTERIOR,), local, loads, exists=_existence(problem))


def _supervised(problem: Problem, solution: Callable[[Point], Any] | None) -> TermSpec:
    known = problem.exact if problem.has("exact") else solution
    if known is None:
        raise ValueError(f"{type(problem).__name__} has no exact solution; give `solution`, its reference, to compare with")

    def local(p: Point, u: Field, f: Mapping[str, Any]) -> Any:
        return value_or_tuple([component_of(u, problem.components, name) - f[f"exact_{name}"] for name in problem.components])

    return TermSpec(INTERIOR, "squared", (INTERIOR,), local, columns(known, "exact", problem))


def _residual_names(problem: Problem) -> tuple[str, ...]:
    """The keys of the dictionary that ``residual`` returns; empty if it does not return a dictionary."""
    if not problem.has("residual"):
        return ()
    middle = [0.5 * float(low + high) for low, high in problem.domain.bounds]
    found = _residual_at(problem, middle, lambda component, order: 0.5)
    names = tuple(found) if isinstance(found, Mapping) else ()
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise fault(problem, "residual", f"a term is called {name!r}; a name is {_NAMES}")
    return names


def _residual_at(problem: Problem, middle: Sequence[float], derivative: Callable[..., Any]) -> Any:
    """The value of ``residual`` at a point for a field whose derivatives are all the same number.

    If the method does not accept numbers, it is called with tensors.
    """
    try:
        return problem.residual(problem.unknowns.point(middle), problem.unknowns.field(derivative))
    except Exception:  # noqa: BLE001 - tensors may work if numbers do not
        import torch

        def tensor(value: float) -> Any:
            return torch.tensor([value], dtype=torch.float64)

        with naming(problem, "residual"):
            p, u = (
                problem.unknowns.point([tensor(x) for x in middle]),
                problem.unknowns.field(lambda component, order: tensor(0.5)),
            )
            return problem.residual(p, u)
