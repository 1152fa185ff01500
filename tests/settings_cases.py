"""Settings as the library takes them, with single keys changed; values may lie beyond what a study may ask for."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from pinnscape.config.sections import (
    AdamSettings,
    ConditionSettings,
    DirectionSettings,
    EigensolverSettings,
    LBFGSSettings,
    Model,
    NetworkSettings,
    QuadratureSettings,
    SnapshotSettings,
    TrainingSettings,
)
from pinnscape.techniques import catalog

PHASES = {"adam": AdamSettings, "lbfgs": LBFGSSettings}


def solver(base: EigensolverSettings | None = None, **keys: Any) -> EigensolverSettings:
    """The eigensolver, by default that of all studies, with these keys."""
    return (base or EigensolverSettings()).model_copy(update=keys)


def changed(settings: Any, **keys: Any) -> Any:
    """A section with other values at these keys, of which some belong to its eigensolver."""
    own = {name: keys.pop(name) for name in EigensolverSettings.model_fields if name in keys}
    if own:
        keys["eigensolver"] = settings.eigensolver.model_copy(update=own)
    assert keys.keys() <= type(settings).model_fields.keys()
    return settings.model_copy(update=keys)


def of(technique: str, **keys: Any) -> Any:
    """The settings of a technique by default, but for these keys."""
    return changed(catalog.module(technique).Settings(), **keys)


def applied(technique: str, given: Any, settings: Any = None, **keys: Any) -> xr.Dataset:
    """What a technique makes of runs or surfaces, by its default settings or others, but for these keys."""
    entry, module = catalog.TECHNIQUES[technique], catalog.module(technique)
    own = changed(settings or module.Settings(), **keys)
    return module.measure(given, own, *[DirectionSettings()] * entry.directions)


def phased(phases: Sequence[Mapping[str, Any]], log_every: int, snapshots: Mapping[str, int]) -> TrainingSettings:
    """A training with these phases."""
    return TrainingSettings.model_construct(
        phases=tuple(PHASES[phase["optimizer"]].model_construct(**phase) for phase in phases),
        log_every=log_every,
        snapshots=SnapshotSettings.of(snapshots),
    )


def model(
    problem: str = "poisson2d",
    width: int = 4,
    depth: int = 2,
    points: int = 8,
    activation: str = "tanh",
    rule: str = "gauss-legendre",
    parameters: Mapping[str, float] | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> Model:
    """What defines the losses of a problem."""
    network = NetworkSettings.model_construct(width=width, depth=depth, activation=activation)
    return Model.model_construct(
        problem=problem,
        network=network,
        quadrature=QuadratureSettings.model_construct(rule=rule, points=points),
        parameters=dict(parameters or {}),
        conditions={name: ConditionSettings.of(keys) for name, keys in (conditions or {}).items()},
    )
