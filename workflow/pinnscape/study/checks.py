"""Contradictions between sections that are each valid on their own."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pinnscape.config.claims import DataDrivenSettings
from pinnscape.config.schema import shown, suggestion
from pinnscape.problems import statement
from pinnscape.study.case import Case
from pinnscape.study.configuration import TECHNIQUES, Configuration
from pinnscape.study.module_case import ModuleCase
from pinnscape.study.problem_case import ProblemCase

# A dotted key, and what is wrong with its value.
Fault = tuple[str, str]

_MOST_LISTED = 20  # maximum number of names in a message


def missing(needs: Collection[str], case: Case) -> str:
    """Why a technique does not apply to a case; empty if it does.

    Args:
        needs: ``Technique.needs``.
        case: a case.
    """
    return next(filter(None, (case.lacks(need) for need in needs)), "")


def contradictions(config: Configuration, cases: Mapping[str, Case]) -> Iterator[Fault]:
    """All contradictions in a configuration.

    Args:
        config: a configuration in which each section is valid by itself.
        cases: its cases, with overrides applied.

    Yields:
        The dotted key and the text of each contradiction.
    """
    yield from _figures(config)
    for case in cases.values():
        yield from _trajectory(config, case)
        if isinstance(case, ProblemCase):
            yield from _without_effect(config, case)
            yield from _rules(case)
    yield from _checkpoints(config)
    yield from _hessian(config)
    yield from _claims(config, cases)
    for case in cases.values():
        yield from _parameter_counts(config, case.name, case.size)


def _listed(names: Collection[Any]) -> str:
    """The names separated by commas; a long list is truncated."""
    return ", ".join([str(name) for name in itertools.islice(names, _MOST_LISTED)] + ["..."] * (len(names) > _MOST_LISTED))


def _figures(config: Configuration) -> Iterator[Fault]:
    if config.figures.seed not in config.study.seeds:
        yield "figures.seed", f"must be one of study.seeds ({_listed(config.study.seeds)}); got {config.figures.seed}"


def _trajectory(config: Configuration, case: Case) -> Iterator[Fault]:
    if "trajectory" in config.grid.planes and isinstance(case, ModuleCase) and case.weights:
        fewest = min(len(files) for files in case.weights.values())
        if fewest < 3:
            text = f"must match at least 3 files of each run for the trajectory plane; got {fewest}"
            yield f"{case.prefix}checkpoints", f"{text}; or remove trajectory from grid.planes"
    if not case.is_trained_here:
        return
    even, logarithmic = case.training.snapshots.even, case.training.snapshots.logarithmic
    if "trajectory" in config.grid.planes and even + logarithmic < 3:
        own = case.name in config.cases and "snapshots" in config.cases[case.name].training.model_fields_set
        key = f"cases.{case.name}.training.snapshots" if own else "training.snapshots"
        text = "must be at least 3, even and logarithmic together, for the trajectory plane"
        yield key, f"{text} of {case.name}; got {even} and {logarithmic}"


def _without_effect(config: Configuration, case: ProblemCase) -> Iterator[Fault]:
    """Weights of hard conditions and harmonics of soft conditions, which have no effect.

    They are accepted in the cases of a sweep that varies how the condition is enforced.
    """
    if case.sweep and config.sweeps[case.sweep].vary.endswith(".enforce"):
        return
    for condition in statement.conditions(case.problem, case.model.condition_settings):
        given = case.model.condition_settings.get(condition.name, {})
        for key, needed in (("weight", "soft"), ("harmonics", "hard")):
            if key in given and condition.enforce != needed:
                place = f"{case.prefix}conditions.{condition.name}"
                yield (
                    f"{place}.{key}",
                    f"has no effect, because the condition is {condition.enforce}; set {place}.enforce: {needed}",
                )


def _rules(case: ProblemCase) -> Iterator[Fault]:
    """Quadrature rules that do not exist on the domain."""
    domain, own = case.problem.domain, case.model.quadrature
    for key, rule in (("quadrature", own), ("quadrature.test", own.test)):
        if rule is not None and rule.rule == "duffy" and not domain.singular:
            text = f"must be another rule for {case.name}: duffy is for domains with a reentrant corner, such as LShape()"
            yield f"{case.prefix}{key}.rule", text


def _checkpoints(config: Configuration) -> Iterator[Fault]:
    """Names of checkpoints that do not exist."""
    known = ["init", *config.checkpoints, "best", "final"]
    techniques = {f"techniques.{name}": getattr(config.techniques, name) for name in TECHNIQUES}
    for section, settings in {"hessian": config.hessian, **techniques}.items():
        for position, name in enumerate(getattr(settings, "checkpoints", ())):
            if name not in known:
                text = f"must be one of {_listed(known)}; got {shown(name)}{suggestion(name, known)}"
                yield f"{section}.checkpoints[{position}]", text


def _hessian(config: Configuration) -> Iterator[Fault]:
    if "final" not in config.hessian.checkpoints:
        text = "must include final, which claims and Hessian planes are based on"
        yield "hessian.checkpoints", f"{text}; got {_listed(config.hessian.checkpoints)}"
    steps, extremes = config.hessian.eigensolver.lanczos_steps, config.hessian.extremes
    if steps < 2 * extremes:
        yield "hessian.eigensolver.lanczos_steps", f"must be at least twice hessian.extremes ({extremes}); got {steps}"


def _claims(config: Configuration, cases: Mapping[str, Case]) -> Iterator[Fault]:
    wanted, default = config.claims.data_driven.baseline, DataDrivenSettings().baseline
    if wanted not in (*cases, default):
        yield (
            "claims.data_driven.baseline",
            f"must be a case ({_listed(cases)}); got {shown(wanted)}{suggestion(wanted, cases)}",
        )
    subspace, extremes = config.claims.alike.subspace, config.hessian.extremes
    if subspace > extremes:
        yield "claims.alike.subspace", f"must be at most hessian.extremes ({extremes}); got {subspace}"
    distances, limit = config.claims.convex.radius, config.grid.radius.lines
    if max(distances) > limit:
        yield "claims.convex.radius", f"must be within grid.radius.lines ({limit:g}); got {max(distances):g}"
    spacing = 2 * limit / (config.grid.line_points - 1)
    # A second difference extends one spacing to each side. The tolerance allows for the rounding of spacings such as 2 / 40.
    if min(distances) < spacing * (1 - 1e-9):
        text = f"must be at least the spacing of points along lines ({spacing:g}, from grid.radius.lines and grid.line_points)"
        yield "claims.convex.radius", f"{text}; got {min(distances):g}"


def _parameter_counts(config: Configuration, case: str, count: int) -> Iterator[Fault]:
    """Settings that exceed the number of parameters of a network.

    Claims about eigenvalues that are not computed above the dense limit of ``hessian`` are not contradictions; they are
    reported as not measured.
    """
    network = f"{case}, whose network has {count} parameters"
    extremes = config.hessian.extremes
    if 2 * extremes > count:
        yield "hessian.extremes", f"must be at most {count // 2} for {network}; got {extremes}"
    rank = config.claims.well_conditioned.rank
    if rank > count:
        yield "claims.well_conditioned.rank", f"must be at most {count} for {network}; got {rank}"
