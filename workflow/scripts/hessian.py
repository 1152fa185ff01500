"""Compute Hessian spectra at the checkpoints of all formulations for one case and seed.

Input: checkpoints.nc of each formulation; also the parts of all shards if the work is split.
Output: hessian-{checkpoint}.nc of all checkpoints, formulation by formulation, or the part of a shard.
"""

from contextlib import suppress
from functools import partial
from itertools import product

import xarray as xr

from pinnscape.config.sections import EngineSettings, SpectrumSettings
from pinnscape.curvature.files import hessian_dataset, spectrum_dataset
from pinnscape.files import store
from pinnscape.files.pieces import Done, Piece
from pinnscape.losses.model import losses
from pinnscape.losses.objective import Losses, tensor
from pinnscape.training.checkpoints import final_weights
from runtime.job import log, run
from runtime.reference import reference
from runtime.shard import source


def main(input, output, params, wildcards, device) -> None:
    engine, settings = EngineSettings.of(params.engine), SpectrumSettings.of(params.hessian)
    all_points = [store.read(path, "checkpoints") for path in input.checkpoints]
    evaluations = len(input.checkpoints) * len(params.checkpoints) * all_points[0].sizes["parameter"]
    family = losses(params.model, engine, evaluations, device, reference(input)).with_weights(final_weights(all_points))
    names: list[str] = list(params.checkpoints)
    pieces: dict[tuple[str, bytes], Piece] = {}  # by loss and parameters, since all formulations start from the same parameters
    for points, checkpoint in product(all_points, names):
        for loss in (*_losses(family, points), *_terms(family, points, checkpoint)):
            theta = tensor(points["theta"].sel(checkpoint=checkpoint).values, device)
            result = partial(spectrum_dataset, family.objective(loss), theta, settings, int(wildcards.seed))
            key = _key(loss, points, checkpoint)
            pieces.setdefault(key, Piece(f"{points.attrs['trained_on']}/{checkpoint}/{loss}", result))
    with suppress(Done):
        results = source(input, output, wildcards)(list(pieces.values()))
        for target, (points, checkpoint) in zip(output, product(all_points, names), strict=True):
            log.info("%s: %s", points.attrs["trained_on"], checkpoint)
            spectra, terms = (
                {loss: results[pieces[_key(loss, points, checkpoint)].name] for loss in group}
                for group in (_losses(family, points), _terms(family, points, checkpoint))
            )
            store.write(
                target,
                hessian_dataset(spectra, terms).assign_attrs(checkpoint=checkpoint),
                stage="hessian",
                title=f"Hessian spectra at checkpoint {checkpoint}",
                configuration=store.configuration(points) | {"hessian": params.hessian},
                **store.identity(points) | {"device": device},
            )


def _losses(family: Losses, points: xr.Dataset) -> list[str]:
    """Names of the losses whose Hessians are analysed at the checkpoints of a run."""
    trained, physics = points.attrs["trained_on"], family.physics
    return [*physics, *([] if trained in physics else [trained])]


def _terms(family: Losses, points: xr.Dataset, checkpoint: str) -> list[str]:
    """Names of the terms whose Hessians are analysed: those of the training loss, at the final point only."""
    own = f"{points.attrs['trained_on']}/"
    return [name for name in family.terms if name.startswith(own)] if checkpoint == "final" else []


def _key(loss: str, points: xr.Dataset, checkpoint: str) -> tuple[str, bytes]:
    return loss, points["theta"].sel(checkpoint=checkpoint).values.tobytes()


if __name__ == "__main__":
    run(main, snakemake)
