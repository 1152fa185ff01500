"""What a problem states: its formulations, its conditions as the configuration has them, and the terms of its losses.

The loss ``deep-ritz`` is the integral of the energy density, ``strong-form`` the mean of the squared residual, ``supervised`` the mean of the squared error
against a known solution. To the first two, soft conditions add terms of their own.
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
Settings = Mapping[str, Mapping[str, Any]]  # of conditions, and weights of other terms, by name
_NAME, _NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_]*"), "letters, digits and underscores after a letter"
_KEYS = ("enforce", "weight", "harmonics")


def formulations(problem: Problem) -> tuple[str, ...]:
    """The losses that a problem has."""
    there = {
        DEEP_RITZ: problem.has("density"),
        STRONG_FORM: problem.has("density") or problem.has("residual"),
        SUPERVISED: problem.has("exact") or problem.reference is not None,
    }
    return tuple(name for name, exists in there.items() if exists)


def conditions(problem: Problem, settings: Settings | None = None) -> tuple[Condition, ...]:
    """The conditions of a problem, as the configuration changes them: ``{"initial": {"enforce": "soft", "weight": 100.0}}``.

    Raises:
        ProblemError: the method ``conditions`` is at fault.
        ValueError: the settings name no condition of the problem, or do not fit it; one line.
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
    """Names of all conditions, and of the terms of the equation itself.

    Raises:
        ProblemError: a method is at fault.
    """
    return (*[condition.name for condition in _stated(problem)], *_inner_names(problem))


def _inner_names(problem: Problem) -> tuple[str, ...]:
    """Names of the terms that are no conditions, in any loss."""
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
    """The field that a network makes, with the hard conditions of the problem.

    Raises:
        ProblemError: there is no such field.
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
    """The terms of a loss, whose weighted sum it is.

    Args:
        problem: with values of its parameters, or with symbols (``problem.symbolic()``); the terms have the same names, data and points either way, and
            the data are to be taken from the one with values.
        formulation: of the loss.
        settings: of conditions, as for ``conditions``.
        solution: for ``supervised``, what to compare with where the problem has no exact solution.

    Raises:
        ProblemError: the problem is at fault.
        ValueError: the problem has no such loss; one line.
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
    """The right side of the equation of a density, a value or one for each component; None where it is zero."""
    if problem.has("load"):
        return problem.load
    return partial(_manufactured, problem) if problem.has("exact") else None


def _manufactured(problem: Problem, p: Point) -> list[Any]:
    """EL[exact] at tensors."""
    import torch  # late: an equation can be stated without it

    from pinnscape.problems import autograd

    at, exact = autograd.differentiable(problem.exact, problem.domain, torch.stack(list(p), -1), problem.components)
    return [value.detach() for value in autograd.columns(operator(problem)(at, exact), next(iter(at)))]


def _load_columns(problem: Problem) -> dict[str, Callable[[Point], Any]]:
    function = load(problem)
    return {} if function is None else columns(function, "load", problem)


def columns(function: Callable[[Point], Any], name: str, problem: Problem) -> dict[str, Callable[[Point], Any]]:
    """A column of data for each component of what a function of a point gives."""
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
    """The term of the equation that follows from the density."""
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
    """The names in the dictionary that ``residual`` gives; empty where it gives something else."""
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
    """What ``residual`` gives at a point for a field with one number for all derivatives; as tensors where numbers will not do."""
    try:
        return problem.residual(problem.unknowns.point(middle), problem.unknowns.field(derivative))
    except Exception:  # noqa: BLE001 - whatever numbers cannot do, tensors may
        import torch

        def tensor(value: float) -> Any:
            return torch.tensor([value], dtype=torch.float64)

        with naming(problem, "residual"):
            p, u = (
                problem.unknowns.point([tensor(x) for x in middle]),
                problem.unknowns.field(lambda component, order: tensor(0.5)),
            )
            return problem.residual(p, u)
