"""The cases of a study, including those of sweeps: problems with their settings, checked before any job starts.

The module does not import torch or SymPy.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pinnscape.common.errors import PinnscapeError
from pinnscape.common.formulations import PHYSICS
from pinnscape.config.schema import described, dotted, rank, schema, shown, suggestion
from pinnscape.config.sections import Model, TrainingSettings
from pinnscape.problems import statement
from pinnscape.problems.loader import file_of, load, load_class
from pinnscape.problems.problem import Problem
from pinnscape.study.configuration import CaseSettings, Configuration
from pinnscape.validation.presence import presence

_LONGEST_NAME = 100


class Fault(Exception):
    """An error in the settings of a case.

    Attributes:
        key: dotted key of the setting.
        text: what is wrong with it.
    """

    def __init__(self, key: str, text: str) -> None:
        super().__init__(key, text)
        self.key, self.text = key, text


@dataclass(frozen=True)
class Case:
    """A case of a study.

    Attributes:
        name: name of the case.
        model: settings that define its losses.
        training: settings of the training.
        losses: losses that are minimised, in the order of the study.
        problem: the problem, with the parameters of the case.
        sweep: name of the sweep that makes the case; empty for cases of the section ``cases``.
    """

    name: str
    model: Model
    training: TrainingSettings
    losses: tuple[str, ...]
    problem: Problem
    sweep: str = ""

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
        """Whether a numerical reference must be computed, because there is no exact solution."""
        return self.problem.reference is not None and not self.problem.has("exact")

    @property
    def has_terms(self) -> bool:
        """Whether one of the physics losses is a sum of several terms."""
        settings = self.model.condition_settings
        return any(len(statement.terms(self.problem, loss, settings)) > 1 for loss in self.losses if loss in PHYSICS)

    def is_like(self, other: "Case") -> bool:
        """Whether the other case has the same settings; an omitted parameter is equal to its default value."""
        same_parameters = self.problem.parameters == other.problem.parameters
        models = [case.model.model_copy(update={"parameters": {}}) for case in (self, other)]
        return same_parameters and models[0] == models[1] and self.training == other.training

    @property
    def prefix(self) -> str:
        """Text before the keys of the case in error messages."""
        return _prefix(self.name, self.sweep)


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with individual keys overridden, section by section; lists are replaced."""
    both = dict(base)
    for name, value in override.items():
        inner = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = merged(both[name], value) if inner else value
    return both


def all_cases(config: Configuration) -> dict[str, Case]:
    """The cases of the section ``cases``, followed by those of sweeps, by name.

    A sweep adds no case for a value that its base case already has.

    Raises:
        Fault: a problem cannot be used, or a setting is invalid.
    """
    stated = {name: settings.plain(given=True) for name, settings in config.cases.items()}
    found = {name: _case(config, name, own) for name, own in stated.items()}
    for sweep, settings in config.sweeps.items():
        key = f"sweeps.{sweep}"
        if settings.case not in stated:
            got = f"{shown(settings.case)}{suggestion(settings.case, stated)}"
            raise Fault(f"{key}.case", f"must be one of {', '.join(stated)}; got {got}")
        base = {"problem": settings.case} | stated[settings.case]
        taken = set(found)
        for value in settings.values:
            name = case_name(sweep, value)
            if name in taken:
                raise Fault(
                    f"{key}.values",
                    f"makes a case {name}, which there is already; rename the sweep, or leave {shown(value)} out",
                )
            taken.add(name)
            if len(name) > _LONGEST_NAME:
                raise Fault(f"{key}.values", f"makes a name of more than {_LONGEST_NAME} characters of {shown(value)}")
            own = with_value(base, settings.vary, value)
            _valid(f"{key}: ", CaseSettings, own)
            case = _case(config, name, own, sweep)
            if not case.is_like(found[settings.case]):
                found[name] = case
    return found


def swept(config: Configuration, cases: Mapping[str, Case]) -> dict[str, dict[Any, str]]:
    """The name of the case for each value of a sweep, by name of the sweep."""
    return {
        sweep: {value: name if (name := case_name(sweep, value)) in cases else settings.case for value in settings.values}
        for sweep, settings in config.sweeps.items()
    }


def case_name(sweep: str, value: Any) -> str:
    """The name of the case that a sweep adds for a value, such as ``beta-30`` or ``width-0_5``."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{sweep}-{re.sub(r'[^a-z0-9_-]', '_', f'{value:g}' if number else str(value).lower())}"


def with_value(own: Mapping[str, Any], vary: str, value: Any) -> dict[str, Any]:
    """The settings of a case with another value of one setting.

    Args:
        own: settings of the case.
        vary: dotted key of the setting.
        value: its new value.
    """
    first, _, rest = vary.partition(".")
    inner = own.get(first, {})
    return {**own, first: with_value(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value}


def _prefix(name: str, sweep: str = "") -> str:
    return f"sweeps.{sweep}: " if sweep else f"cases.{name}."


def _case(config: Configuration, name: str, own: Mapping[str, Any], sweep: str = "") -> Case:
    start = _prefix(name, sweep)
    sections = {
        section: merged(getattr(config, section).plain(), own.get(section, {}))
        for section in ("network", "quadrature", "training")
    }
    training = _valid(f"{start}training.", TrainingSettings, sections.pop("training"))
    more = {name: own.get(name, {}) for name in ("parameters", "conditions")}
    model = _valid(start, Model, sections | more | {"problem": own.get("problem", name)})
    problem = _problem(start, model)
    there = statement.formulations(problem)
    losses = tuple(loss for loss in config.study.losses if loss in there)
    if not losses:
        known = ", ".join(config.study.losses)
        raise Fault("study.losses", f"must include one of the losses of {name} ({', '.join(there)}); got {known}")
    return Case(name, model, training, losses, problem, sweep)


def _problem(start: str, model: Model) -> Problem:
    """The problem of a case.

    Args:
        start: text before the keys of the case in error messages.
        model: settings of the case.

    Raises:
        Fault: the problem cannot be used, or a parameter or condition is invalid.
    """
    try:
        cls = load_class(model.problem)
        _check_parameters(f"{start}parameters", cls, model.parameters)
        problem = load(model.problem, model.parameters)
        presence(problem)
        _check_conditions(f"{start}conditions", problem, model.condition_settings)
        return problem
    except PinnscapeError as error:
        raise Fault(f"{start}problem", str(error)) from error


def _check_parameters(key: str, cls: type[Problem], parameters: Mapping[str, float]) -> None:
    table = cls.parameter_table()
    for name, number in parameters.items():
        if name not in table:
            takes = f"one of {', '.join(sorted(table))}" if table else "left out: this problem has no parameters"
            raise Fault(f"{key}.{name}", f"unknown name; must be {takes}{suggestion(name, table)}")
        try:
            table[name].checked(number, cls.__name__)
        except ValueError:
            raise Fault(f"{key}.{name}", f"must be {table[name].range}; got {number:g}") from None


def _check_conditions(key: str, problem: Problem, settings: Mapping[str, Any]) -> None:
    statement.conditions(problem)  # an error in the class itself is reported as such
    for name, own in settings.items():
        try:
            statement.conditions(problem, {name: own})
        except ValueError as error:
            known = statement.names(problem)
            raise Fault(f"{key}.{name}", f"{error}{'' if name in known else suggestion(name, known)}") from None
    try:
        statement.ansatz(problem, settings)
    except PinnscapeError as error:
        if not settings:
            raise  # a fault of the problem
        raise Fault(key, str(error)) from error


def _valid(start: str, section: Any, plain: Mapping[str, Any]) -> Any:
    """A validated section with these settings.

    Raises:
        Fault: a setting is invalid.
    """
    try:
        return section.of(plain)
    except ValidationError as failure:
        first = min(failure.errors(include_url=False), key=rank)
        place, text = described(first, schema(section))
        raise Fault(f"{start}{dotted(place)}", text) from None
