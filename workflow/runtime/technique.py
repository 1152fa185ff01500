"""What the scripts of techniques share: the runs of a problem in, one file out."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import xarray as xr

from pinnscape.files import storage
from pinnscape.files.shards import Done
from pinnscape.losses.model import compiler, discretization
from pinnscape.training.runs import Run, Runs
from runtime.job import log
from runtime.resume import finished, identity
from runtime.shard import source

_EVALUATIONS = 1000  # of a technique for each run, for the decision whether to compile
ALL, NO_SEED = "all", -1  # formulation and seed of a file that holds several


def measure(
    dataset: Callable[[Runs, Mapping[str, Any]], xr.Dataset],
    name: str,
    title: str,
    input: Any,
    output: Any,
    params: Any,
    wildcards: Any,
    device: str,
) -> None:
    """Apply a technique to all runs of a problem and write its file, or a shard of it and write its part.

    Args:
        dataset: of the technique.
        name: of the technique, which is the stage of the file.
        title: of the file.
        input: ``checkpoints`` and ``training`` of all runs, in the same order; ``parts`` of all shards, if the work is split.
        output: the file, or the part of a shard.
        params: ``engine``, ``model``, ``settings`` and ``code``.
        wildcards: ``problem``; of a shard: ``scatteritem``.
        device: of the tensors.
    """
    engine = params.engine
    compiles = compiler(engine, _EVALUATIONS * len(input.checkpoints))
    discretized = discretization(wildcards.problem, params.model, device, compiles, engine["memory"])
    runs = []
    for points, history in zip(input.checkpoints, input.training, strict=True):
        checkpoints, training = storage.read(points, "checkpoints"), storage.read(history, "train")
        runs.append(Run(checkpoints.attrs["formulation"], int(checkpoints.attrs["seed"]), checkpoints, training))
    log.info("%s of %d runs", name, len(runs))
    parts = finished(output[0], identity(params, wildcards, device, [*input.checkpoints, *input.training]))
    with suppress(Done):
        found = dataset(Runs(discretized, tuple(runs), source(input, output, wildcards), parts), params.settings)
        configuration = {
            "model": params.model,
            name: params.settings,
            "training": storage.configuration(runs[0].training)["training"],
        }
        write(output[0], found, name, title, wildcards.problem, configuration, device)
    parts.delete()


def write(
    path: str, dataset: xr.Dataset, name: str, title: str, problem: str, configuration: Mapping[str, Any], device: str = "cpu"
) -> None:
    """The file of a technique, which holds all formulations and seeds of a problem."""
    owner = {"problem": problem, "formulation": ALL, "seed": NO_SEED, "device": device}
    storage.write(path, dataset, stage=name, title=title, configuration=configuration, **owner)
