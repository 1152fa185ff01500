"""Compute Hessian spectra at the checkpoints of all formulations for one case and seed.

Input: checkpoints.nc of each formulation; also the parts of all shards if the work is split.
Output: hessian-{checkpoint}.nc of all checkpoints, formulation by formulation, or the part of a shard.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import product

import xarray as xr

from pinnscape.config.sections import EngineSettings, Model, SpectrumSettings
from pinnscape.curvature.files import hessian_dataset, spectrum_dataset
from pinnscape.files import store
from pinnscape.files.pieces import Done, Piece
from pinnscape.losses.model import compiler, discretization, network
from pinnscape.losses.objective import tensor
from runtime.job import log, run
from runtime.reference import reference
from runtime.shard import source


def main(input, output, params, wildcards, device) -> None:
    engine, model, settings = EngineSettings.of(params.engine), Model.of(params.model), SpectrumSettings.of(params.hessian)
    evaluations = len(input.checkpoints) * len(params.checkpoints) * network(model).size
    discretized = discretization(model, device, compiler(engine, evaluations), engine.memory, reference(input))
    physics = discretized.physics
    all_points = [store.read(path, "checkpoints") for path in input.checkpoints]
    names: list[str] = list(params.checkpoints)
    pieces: dict[tuple[str, bytes], Piece] = {}  # by loss and parameters, since all formulations start from the same parameters
    for points, checkpoint in product(all_points, names):
        for loss, key in _losses(points, checkpoint, physics):
            theta = tensor(points["theta"].sel(checkpoint=checkpoint).values, device)
            result = partial(spectrum_dataset, discretized.objective(loss), theta, settings, int(wildcards.seed))
            pieces.setdefault(key, Piece(f"{points.attrs['trained_on']}/{checkpoint}/{loss}", result))
    with suppress(Done):
        results = source(input, output, wildcards)(list(pieces.values()))
        for target, (points, checkpoint) in zip(output, product(all_points, names), strict=True):
            log.info("%s: %s", points.attrs["trained_on"], checkpoint)
            spectra = {loss: results[pieces[key].name] for loss, key in _losses(points, checkpoint, physics)}
            store.write(
                target,
                hessian_dataset(spectra).assign_attrs(checkpoint=checkpoint),
                stage="hessian",
                title=f"Hessian spectra at checkpoint {checkpoint}",
                configuration=store.configuration(points) | {"hessian": params.hessian},
                **store.identity(points) | {"device": device},
            )


def _losses(points: xr.Dataset, checkpoint: str, physics: Sequence[str]) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """The losses for which the Hessian is computed at a checkpoint, each with the key of its piece."""
    trained = points.attrs["trained_on"]
    theta = points["theta"].sel(checkpoint=checkpoint).values.tobytes()
    for loss in (*physics, *([] if trained in physics else [trained])):
        yield loss, (loss, theta)


if __name__ == "__main__":
    run(main, snakemake)
