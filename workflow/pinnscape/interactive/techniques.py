"""Techniques for interactive use: each is a function of a loss and of trainings."""

from collections.abc import Callable
from typing import Any

import xarray as xr

from pinnscape.config.sections import DirectionSettings
from pinnscape.interactive import points
from pinnscape.interactive.settings import settings_of
from pinnscape.losses.module import ModuleLosses
from pinnscape.losses.objective import Objective
from pinnscape.techniques import catalog
from pinnscape.training.runs import Run, Runs

Call = Callable[..., xr.Dataset]


def technique(name: str) -> Call:
    """The technique of this name as a function.

    Raises:
        AttributeError: there is no such technique.
    """
    if name not in catalog.TECHNIQUES:
        raise AttributeError(f"there is no technique {name!r}; there are {', '.join(catalog.TECHNIQUES)}")
    described = catalog.TECHNIQUES[name]
    if described.surfaces:
        return _of_surfaces(name)

    def call(objective: Objective, *trainings: Any, **settings: Any) -> xr.Dataset:
        return apply(name, objective, *trainings, **settings)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{described.question}

    {described.formula}

    Args:
        objective: the loss.
        *trainings: one for each seed: the snapshots (n, P) of a training from the first to the last, its dataset, or a single
            point (an array (P,), a module or its ``state_dict``).
        **settings: the settings of ``techniques.{name}`` in config.yaml.

    Returns:
        The variables of {name}.nc.

    Raises:
        ValueError: an argument is invalid, or the loss lacks what the technique needs.
    """
    return call


def connect(objective: Objective, first: Any, second: Any, **settings: Any) -> xr.Dataset:
    """Paths of low loss between two points: a line, a Bézier curve, a polygonal chain and an elastic band.

    Args:
        objective: the loss.
        first: one point: an array (P,), a module or its ``state_dict``.
        second: the other point.
        **settings: the settings of ``techniques.curves`` in config.yaml.

    Returns:
        The variables of curves.nc.

    Raises:
        ValueError: a point does not fit the loss.
    """
    return apply("curves", objective, points.point(objective, first), points.point(objective, second), **settings)


def _of_surfaces(name: str) -> Call:
    described, module = catalog.TECHNIQUES[name], catalog.module(name)

    def call(*planes: xr.Dataset, **settings: Any) -> xr.Dataset:
        if not planes or not all(isinstance(plane, xr.Dataset) and "kind" in plane.attrs for plane in planes):
            raise ValueError(f"{name} is computed from surfaces; pass the datasets of `pinnscape.plane`")
        surfaces = {(plane.attrs["trained_on"], int(plane.attrs["seed"]), plane.attrs["kind"]): plane for plane in planes}
        return module.measure(surfaces, settings_of(module.Settings, settings)).assign_attrs(stage=name)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{described.question}

    Args:
        *planes: datasets of ``pinnscape.plane``.
        **settings: the settings of ``techniques.{name}`` in config.yaml.

    Returns:
        The variables of {name}.nc.

    Raises:
        ValueError: an argument is no such dataset.
    """
    return call


def apply(name: str, objective: Objective, *trainings: Any, **settings: Any) -> xr.Dataset:
    """Apply a technique to trainings on a loss; see ``technique``."""
    module, described = catalog.module(name), catalog.TECHNIQUES[name]
    if not trainings:
        raise ValueError(f"{name} needs at least one training or point")
    own = {key: value for key, value in settings.items() if key not in ("normalization", "bias")}
    shared = {key: value for key, value in settings.items() if key not in own}
    runs = Runs(points.family(objective), tuple(_run(objective, seed, given) for seed, given in enumerate(trainings)))
    _check_needs(name, runs)
    checkpoints = module.Settings.model_fields.get("checkpoints")
    if checkpoints is not None and not checkpoints.default:  # as in a study whose only named checkpoint is `middle`
        own.setdefault("checkpoints", ["final"] if all(len(run.steps) == 1 for run in runs.all) else ["middle", "final"])
    arguments = [settings_of(DirectionSettings, shared)] if described.directions else []
    return module.measure(runs, settings_of(module.Settings, own), *arguments).assign_attrs(stage=name)


def _run(objective: Objective, seed: int, given: Any) -> Run:
    training = points.training(objective, points.snapshots(objective, given), points.steps(given))
    return Run(points.name_of(objective), seed, points.checkpoints(objective, training, seed), training)


def _check_needs(name: str, runs: Runs) -> None:
    needs = catalog.TECHNIQUES[name].needs
    if "compared" in needs and not set(runs.compared or ("",)) <= set(runs.formulations):
        raise ValueError(f"{name} compares trainings on two losses; `pinnscape` computes it in the workflow")
    if "draws" in needs and not runs.objective(runs.formulations[0]).draws:
        raise ValueError(f"{name} needs random points, or mini-batches: from_torch(module, loss, batches=...)")
    if "permutable" in needs and not runs.family.layout.permutable:
        raise ValueError(f"{name} needs a network whose hidden units can be permuted: a chain of linear layers")
    start = runs.tensor(runs.all[0].theta())
    if "solution" in needs and not bool(runs.family.measure(start)["l2_error"].isfinite()):
        raise ValueError(f"{name} needs errors relative to a known solution, named l2_error")
    if not isinstance(runs.family, ModuleLosses):
        return
    if "residuals" in needs and set(runs.losses) - set(runs.family.residuals):
        raise ValueError(f"{name} needs residuals; give them to `from_torch`, if the loss is the sum of their squares")
    if "problem" in needs:
        raise ValueError(f"{name} needs a boundary value problem, whose points it places by other rules")
