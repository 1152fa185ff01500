"""Evaluate all losses and errors on planes and lines through the final points of one case and seed.

Input: directions-{plane}.nc of all planes, formulation by formulation; also the parts of all shards if the work is split.
Output: surface-{plane}.nc in the same order, or the part of a shard.
"""

from contextlib import suppress

import numpy as np
import xarray as xr

from pinnscape.config.sections import EngineSettings, PlaneGrid
from pinnscape.files import store
from pinnscape.files.pieces import Done, Piece
from pinnscape.landscape.evaluation import SliceEvaluation
from pinnscape.landscape.files import coordinates, finished, surface_dataset, trajectory_losses
from pinnscape.landscape.surfaces import Slice
from pinnscape.losses.model import losses
from pinnscape.losses.objective import tensor
from pinnscape.training.checkpoints import final_weights
from runtime.job import log, run
from runtime.reference import reference
from runtime.shard import source

_POINTS = 2000  # evaluations of a typical surface, for the decision whether to compile


def main(input, output, params, wildcards, device) -> None:
    engine = EngineSettings.of(params.engine)
    evaluations = _POINTS * len(input.directions)
    family = losses(params.model, engine, evaluations, device, reference(input))
    family = family.with_weights(final_weights(store.read(path, "checkpoints") for path in input.checkpoints))
    all_directions = [store.read(path, "directions") for path in input.directions]
    evaluations = [_evaluation(family, directions, params.grid, int(wildcards.seed)) for directions in all_directions]
    pieces = [piece for evaluation in evaluations for piece in evaluation.pieces()]
    pairs = zip(evaluations, all_directions, strict=True)
    snapshots = {evaluation.name: _snapshots(evaluation, directions) for evaluation, directions in pairs}
    pieces += [piece for piece in snapshots.values() if piece]
    with suppress(Done):
        results = source(input, output, wildcards)(pieces)
        for target, directions, evaluation in zip(output, all_directions, evaluations, strict=True):
            measured, variables, method = evaluation.measured(results)
            evaluated = int(variables["evaluations"][1]) if "evaluations" in variables else evaluation.points[..., 0].size
            why = f" ({method['reason']})" if "reason" in method else ""
            log.info("%s: %s, %d points%s", evaluation.name, method["method"], evaluated, why)
            dataset = surface_dataset(directions, evaluation.axes, measured, family).assign(variables)
            if piece := snapshots[evaluation.name]:
                dataset = dataset.assign(results[piece.name].data_vars)
            _write(target, finished(dataset.assign_attrs(method)), directions, params.grid, device)


def _evaluation(family, directions: xr.Dataset, grid, seed: int) -> SliceEvaluation:
    plane = directions.attrs["kind"]
    name = f"{directions.attrs['trained_on']}/{plane}"
    own = PlaneGrid.of(grid[plane])
    axes, points = coordinates(plane, directions, own)
    origin, rows = (tensor(directions[variable].values, family.device) for variable in ("origin", "direction"))
    return SliceEvaluation(Slice(family, origin, rows, name), axes, points, own.tolerance, seed, name)


def _snapshots(evaluation: SliceEvaluation, directions: xr.Dataset) -> Piece | None:
    """The losses at the snapshots and at their projections onto a trajectory plane; None for other planes."""
    if directions.attrs["kind"] != "trajectory":
        return None
    plane, count = evaluation.slice_, directions.sizes["snapshot"]

    def at_snapshots() -> xr.Dataset:
        offsets = tensor(directions["theta"].values - directions["origin"].values, plane.family.device)
        true = Slice(plane.family, plane.origin, offsets, plane.name).measure(np.eye(count))
        return xr.Dataset(trajectory_losses(true, plane.measure(directions["trajectory"].values), plane.family.losses))

    return Piece(f"{evaluation.name}/snapshots", at_snapshots, 2 * count)


def _write(target: str, dataset: xr.Dataset, directions: xr.Dataset, grid, device: str) -> None:
    plane, owner = directions.attrs["kind"], store.identity(directions)
    owner["device"] = device
    store.write(
        target,
        dataset,
        stage="surfaces",
        title=f"Losses on the {plane} plane" if plane != "lines" else "Losses along random lines",
        configuration=store.configuration(directions) | {"grid": grid[plane]},
        **owner,
    )


if __name__ == "__main__":
    run(main, snakemake)
