"""Contradictions between sections that are each valid on their own."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pinnscape.config.schema import shown, suggestion
from pinnscape.config.sections import Model, NetworkSettings, TrainingSettings
from pinnscape.problems.catalog import Entry
from pinnscape.study.configuration import TECHNIQUES, Configuration

# A dotted key, and what is wrong with its value.
Fault = tuple[str, str]

_MOST_LISTED = 20  # maximum number of names in a message


def parameter_count(network: NetworkSettings, inputs: int, outputs: int) -> int:
    """Number of weights and biases of a multilayer perceptron."""
    sizes = [inputs, *[network.width] * network.depth, outputs]
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))


def contradictions(
    config: Configuration,
    models: Mapping[str, Model],
    trainings: Mapping[str, TrainingSettings],
    catalog: Mapping[str, Entry],
) -> Iterator[Fault]:
    """All contradictions in a configuration.

    Args:
        config: a configuration in which each section is valid by itself.
        models: settings that define the losses of each problem, with overrides applied.
        trainings: settings of the trainings of each problem, with overrides applied.
        catalog: the known problems.

    Yields:
        The dotted key and the text of each contradiction.
    """
    yield from _figures(config)
    yield from _parameters(config, catalog)
    for problem, model in models.items():
        yield from _quadrature(config, problem, model)
    for problem, training in trainings.items():
        yield from _trajectory(config, problem, training)
    yield from _checkpoints(config)
    yield from _hessian(config)
    yield from _claims(config)
    for problem, model in models.items():
        entry = catalog[problem]
        yield from _parameter_counts(config, problem, parameter_count(model.network, entry.dimension, entry.components))


def _listed(names: Collection[Any]) -> str:
    """The names separated by commas; a long list is truncated."""
    return ", ".join([str(name) for name in itertools.islice(names, _MOST_LISTED)] + ["..."] * (len(names) > _MOST_LISTED))


def _figures(config: Configuration) -> Iterator[Fault]:
    if config.figures.seed not in config.study.seeds:
        yield "figures.seed", f"must be one of study.seeds ({_listed(config.study.seeds)}); got {config.figures.seed}"


def _parameters(config: Configuration, catalog: Mapping[str, Entry]) -> Iterator[Fault]:
    for problem, override in config.problems.items():
        known = catalog[problem].parameters
        for name, value in override.parameters.items():
            key = f"problems.{problem}.parameters.{name}"
            if name not in known:
                takes = f"one of {_listed(sorted(known))}" if known else "left out: this problem has no parameters"
                yield key, f"unknown name; must be {takes}{suggestion(name, known)}"
                continue
            bound, side = known[name]
            if value < bound or (value == bound and side == "above"):
                yield key, f"must be {side} {bound:g}; got {value:g}"


def _quadrature(config: Configuration, problem: str, model: Model) -> Iterator[Fault]:
    rule = model.quadrature
    if rule.rule == "simpson" and rule.points % 2 == 0:
        own = problem in config.problems and "points" in config.problems[problem].quadrature.model_fields_set
        key = f"problems.{problem}.quadrature.points" if own else "quadrature.points"
        yield key, f"must be odd for the simpson rule of {problem}; got {rule.points}"


def _trajectory(config: Configuration, problem: str, training: TrainingSettings) -> Iterator[Fault]:
    even, logarithmic = training.snapshots.even, training.snapshots.logarithmic
    if "trajectory" in config.grid.planes and even + logarithmic < 3:
        own = problem in config.problems and "snapshots" in config.problems[problem].training.model_fields_set
        key = f"problems.{problem}.training.snapshots" if own else "training.snapshots"
        text = "must be at least 3, even and logarithmic together, for the trajectory plane"
        yield key, f"{text} of {problem}; got {even} and {logarithmic}"


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


def _claims(config: Configuration) -> Iterator[Fault]:
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


def _parameter_counts(config: Configuration, problem: str, count: int) -> Iterator[Fault]:
    """Settings that exceed the number of parameters of a network.

    Claims about eigenvalues that are not computed above the dense limit of ``hessian`` are not contradictions; they are
    reported as not measured.
    """
    network = f"{problem}, whose network has {count} parameters"
    extremes = config.hessian.extremes
    if 2 * extremes > count:
        yield "hessian.extremes", f"must be at most {count // 2} for {network}; got {extremes}"
    rank = config.claims.well_conditioned.rank
    if rank > count:
        yield "claims.well_conditioned.rank", f"must be at most {count} for {network}; got {rank}"
