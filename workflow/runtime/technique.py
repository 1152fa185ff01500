"""Techniques as jobs, which read files and write one file. ``pinnscape.techniques`` defines the techniques."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import xarray as xr

from pinnscape.config.sections import DirectionSettings, EngineSettings
from pinnscape.files import store
from pinnscape.files.pieces import Done
from pinnscape.losses.model import losses
from pinnscape.techniques import catalog
from pinnscape.training.checkpoints import final_weights
from pinnscape.training.runs import Run, Runs
from runtime.job import log
from runtime.reference import reference
from runtime.resume import finished, identity
from runtime.shard import source

_EVALUATIONS = 1000  # assumed evaluations of a technique for each run, for the decision whether to compile


def measure(input: Any, output: Any, params: Any, wildcards: Any, device: str) -> None:
    """Apply a technique to all runs of a case and write its file, or to some runs and write the part of a shard.

    Args:
        input: ``checkpoints`` and ``training`` of all runs, in the same order; also ``parts`` of all shards if the work is
            split.
        output: the file of the technique, or the part of a shard.
        params: ``engine``, ``model``, ``settings`` and ``code``.
        wildcards: ``case`` and ``technique``; for a shard also ``scatteritem``.
        device: device of the tensors.
    """
    engine, name = EngineSettings.of(params.engine), wildcards.technique
    family = losses(params.model, engine, _EVALUATIONS * len(input.checkpoints), device, reference(input))
    runs = []
    for points, history in zip(input.checkpoints, input.training, strict=True):
        checkpoints, training = store.read(points, "checkpoints"), store.read(history, "train")
        runs.append(Run(checkpoints.attrs["trained_on"], int(checkpoints.attrs["seed"]), checkpoints, training))
    log.info("%s for %d runs", name, len(runs))
    parts = finished(output[0], identity(params, wildcards, device, [*input.checkpoints, *input.training, *input.reference]))
    with suppress(Done):
        weights = final_weights(run.checkpoints for run in runs)
        given = Runs(family.with_weights(weights), tuple(runs), source(input, output, wildcards), parts)
        dataset = _measured(name, given, params.settings)
        training = store.configuration(runs[0].training)["training"]
        configuration = {"model": params.model, name: params.settings, "training": training}
        _write(output[0], dataset, wildcards, configuration, device)
    parts.delete()


def measure_surfaces(input: Any, output: Any, params: Any, wildcards: Any) -> None:
    """Apply a technique to the surfaces of all runs of a case and write its file.

    Args:
        input: ``surfaces`` of all runs.
        output: the file of the technique.
        params: ``settings``.
        wildcards: ``case`` and ``technique``.
    """
    surfaces = {}
    for path in input.surfaces:
        surface = store.read(path, "surfaces")
        surfaces[surface.attrs["trained_on"], int(surface.attrs["seed"]), surface.attrs["kind"]] = surface
    grid = store.configuration(next(iter(surfaces.values())))["grid"]
    dataset = _measured(wildcards.technique, surfaces, params.settings)
    _write(output[0], dataset, wildcards, {"grid": grid, wildcards.technique: params.settings}, "cpu")


def _measured(name: str, given: Any, plain: Mapping[str, Any]) -> xr.Dataset:
    """The result of a technique, with its settings and, if it uses random directions, their normalisation."""
    own = dict(plain)
    shared = [DirectionSettings.of(own.pop("directions"))] if catalog.TECHNIQUES[name].directions else []
    module = catalog.module(name)
    return module.measure(given, module.Settings.of(own), *shared)


def _write(path: str, dataset: xr.Dataset, wildcards: Any, configuration: Mapping[str, Any], device: str) -> None:
    """Write the file of a technique with all formulations and seeds of a case."""
    name = wildcards.technique
    owner = {"case": wildcards.case, "trained_on": store.ALL, "seed": store.NO_SEED, "device": device}
    store.write(path, dataset, stage=name, title=catalog.TECHNIQUES[name].title, configuration=configuration, **owner)
