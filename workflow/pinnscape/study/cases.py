"""The cases of a study, including those of sweeps, checked before any job starts.

The module does not import torch or SymPy.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pinnscape.config.schema import described, dotted, rank, schema, shown, suggestion
from pinnscape.config.sections import Model, TrainingSettings
from pinnscape.problems import statement
from pinnscape.study.case import Case, Fault, prefix
from pinnscape.study.configuration import CaseSettings, Configuration
from pinnscape.study.module_case import module_case
from pinnscape.study.problem_case import ProblemCase, checked_problem

_LONGEST_NAME = 100
_OF_MODULES = ("checkpoints", "losses", "compared")  # keys of a case with a module


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
        given = stated[settings.case]
        base = given if "module" in given else {"problem": settings.case} | given
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


def _case(config: Configuration, name: str, own: Mapping[str, Any], sweep: str = "") -> Case:
    start, seeds = prefix(name, sweep), config.study.seeds
    sections = {
        section: merged(getattr(config, section).plain(), own.get(section, {}))
        for section in ("network", "quadrature", "training")
    }
    training = _valid(f"{start}training.", TrainingSettings, sections.pop("training"))
    if "module" in own:
        return module_case(name, start, own, training, seeds, sweep)
    for key in _OF_MODULES:
        if key in own:
            raise Fault(f"{start}{key}", f"has no effect on a case with a problem; remove {key}, or add module")
    if training.minibatches:
        text = "must be false for a boundary value problem, whose random points quadrature.resample draws again"
        raise Fault(f"{start}training.minibatches", text)
    more = {name: own.get(name, {}) for name in ("parameters", "conditions")}
    model = _valid(start, Model, sections | more | {"problem": own.get("problem", name)})
    problem = checked_problem(start, model)
    there = statement.formulations(problem)
    losses = tuple(loss for loss in config.study.losses if loss in there)
    if not losses:
        known = ", ".join(config.study.losses)
        raise Fault("study.losses", f"must include one of the losses of {name} ({', '.join(there)}); got {known}")
    return ProblemCase(name, losses, seeds, training, sweep, model, problem)


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
