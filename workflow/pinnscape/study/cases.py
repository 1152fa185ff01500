"""Cases of a study: problems with their settings, among them the cases of sweeps, and what is known of them before any job.

Torch and SymPy are not imported.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pinnscape.common.errors import PinnscapeError
from pinnscape.config.schema import described, dotted, rank, schema, suggestion
from pinnscape.config.sections import Model, TrainingSettings
from pinnscape.problems import statement
from pinnscape.problems.loader import file_of, load_class
from pinnscape.problems.problem import Problem
from pinnscape.study.configuration import CaseSettings, Configuration


class Fault(Exception):
    """A case that cannot be: the dotted key of the setting, and what is wrong with it."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(key, text)
        self.key, self.text = key, text


@dataclass(frozen=True)
class Case:
    """A case of a study.

    Attributes:
        name: name of the case.
        model: settings that define its losses.
        training: how its networks are trained.
        losses: losses that are minimised, in the order of the study.
        problem: the problem, with the parameters of the case.
        sweep: name of the sweep that makes the case; empty for cases of the section ``cases``.
        value: value of the swept setting.
    """

    name: str
    model: Model
    training: TrainingSettings
    losses: tuple[str, ...]
    problem: Problem
    sweep: str = ""
    value: Any = None

    @property
    def file(self) -> Path:
        """The file that defines the problem."""
        return file_of(self.model.problem)

    @property
    def has_solution(self) -> bool:
        """Whether an exact solution or a numerical reference is known, so that errors can be measured."""
        return self.problem.has("exact") or self.problem.reference is not None

    @property
    def needs_reference(self) -> bool:
        """Whether a numerical reference takes the place of an exact solution."""
        return self.problem.reference is not None and not self.problem.has("exact")

    @cached_property
    def condition_names(self) -> tuple[str, ...]:
        """Names of the conditions of the problem."""
        return tuple(condition.name for condition in statement.conditions(self.problem))


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with individual keys overridden, section by section; lists are replaced."""
    both = dict(base)
    for name, value in override.items():
        inner = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = merged(both[name], value) if inner else value
    return both


def all_cases(config: Configuration) -> dict[str, Case]:
    """The cases of the section ``cases``, and after them those of sweeps, by name.

    Raises:
        Fault: a problem cannot be used, or settings do not fit.
    """
    stated = {name: settings.plain(given=True) for name, settings in config.cases.items()}
    found = {name: _case(config, f"cases.{name}", name, own) for name, own in stated.items()}
    for sweep, settings in config.sweeps.items():
        key = f"sweeps.{sweep}"
        if settings.case not in stated:
            raise Fault(
                f"{key}.case", f"must be one of {', '.join(stated)}; got {settings.case!r}{suggestion(settings.case, stated)}"
            )
        base = {"problem": settings.case} | stated[settings.case]
        for value in settings.values:
            name = case_name(sweep, value)
            if name in found:
                raise Fault(f"{key}.values", f"makes a case {name}, which there is already; rename the sweep or the case")
            own = _varied(f"{key}.vary", base, settings.vary, value)
            found[name] = _case(config, f"{key}.values", name, own, sweep, value)
    return found


def case_name(sweep: str, value: Any) -> str:
    """The name of the case of a sweep with a value, such as ``beta-30`` or ``width-0_5``."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{sweep}-{re.sub(r'[^a-z0-9_-]', '_', f'{value:g}' if number else str(value).lower())}"


def with_value(own: Mapping[str, Any], vary: str, value: Any) -> dict[str, Any]:
    """The settings of a case with another value at a dotted key."""
    first, _, rest = vary.partition(".")
    inner = own.get(first, {})
    return {**own, first: with_value(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value}


def _varied(key: str, base: Mapping[str, Any], vary: str, value: Any) -> dict[str, Any]:
    """The settings of a case of a sweep.

    Raises:
        Fault: there is no such setting, or it does not take this value.
    """
    own = with_value(base, vary, value)
    _valid(key, CaseSettings, own)
    return own


def _case(config: Configuration, key: str, name: str, own: Mapping[str, Any], sweep: str = "", value: Any = None) -> Case:
    sections = {
        section: merged(getattr(config, section).plain(), own.get(section, {}))
        for section in ("network", "quadrature", "training")
    }
    training = _valid(f"{key}.training", TrainingSettings, sections.pop("training"))
    more = {name: own.get(name, {}) for name in ("parameters", "conditions")}
    model = _valid(key, Model, sections | more | {"problem": own.get("problem", name)})
    problem = _problem(key, model)
    there = statement.formulations(problem)
    losses = tuple(loss for loss in config.study.losses if loss in there)
    if not losses:
        known = ", ".join(config.study.losses)
        raise Fault("study.losses", f"must include one of the losses of {name} ({', '.join(there)}); got {known}")
    return Case(name, model, training, losses, problem, sweep, value)


def _problem(key: str, model: Model) -> Problem:
    """The problem of a case.

    Raises:
        Fault: it cannot be used.
    """
    try:
        cls = load_class(model.problem)
    except PinnscapeError as error:
        raise Fault(f"{key}.problem", str(error)) from error
    table = cls.parameter_table()
    for name, number in model.parameters.items():
        if name not in table:
            takes = f"one of {', '.join(sorted(table))}" if table else "left out: this problem has no parameters"
            raise Fault(f"{key}.parameters.{name}", f"unknown name; must be {takes}{suggestion(name, table)}")
        try:
            table[name].checked(number, cls.__name__)
        except ValueError:
            raise Fault(f"{key}.parameters.{name}", f"must be {table[name].range}; got {number:g}") from None
    try:
        problem = cls(**model.parameters)
        conditions = statement.conditions(problem)
        for name, settings in model.condition_settings.items():
            try:
                statement.conditions(problem, {name: settings})
            except ValueError as error:
                known = [condition.name for condition in conditions]
                raise Fault(f"{key}.conditions.{name}", f"{error}{suggestion(name, known)}") from None
    except PinnscapeError as error:
        raise Fault(f"{key}.problem", str(error)) from error
    return problem


def _valid(key: str, section: Any, plain: Mapping[str, Any]) -> Any:
    """A section of these settings.

    Raises:
        Fault: one of them does not fit.
    """
    try:
        return section.of(plain)
    except ValidationError as failure:
        first = min(failure.errors(include_url=False), key=rank)
        place, text = described(first, schema(section))
        raise Fault(f"{key}.{dotted(place)}" if place else key, text) from None
