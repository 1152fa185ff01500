"""All losses and errors on planes and lines through the final points of one problem and seed.

Input: directions-{plane}.nc, formulation by formulation. Output: surface-{plane}.nc in the same order.
"""

import numpy as np

from job import log, run
from pinnscape import storage
from pinnscape.landscape.files import coordinates, surface_dataset, trajectory_losses
from pinnscape.landscape.surfaces import chunk_size, evaluate
from pinnscape.model import discretization
from pinnscape.objective import tensor


def main(input, output, params, wildcards, device) -> None:
    discretized = discretization(wildcards.problem, params.model, device)
    chunk = chunk_size(discretized)
    for source, target in zip(input, output, strict=True):
        found = storage.read(source, "directions")
        plane = found.attrs["kind"]
        grid = params.grid[plane]
        origin, rows = tensor(found["origin"].values, device), tensor(found["direction"].values, device)
        axes, points = coordinates(plane, found, grid)
        log.info("%s: %s, %d points", found.attrs["formulation"], plane, points[..., 0].size)
        measured = evaluate(discretized.measure, origin, rows, points, chunk, name=target)
        surface = surface_dataset(found, axes, measured, discretized.energy_minimum)
        if plane == "trajectory":
            offsets = tensor(found["theta"].values, device) - origin
            true = evaluate(discretized.measure, origin, offsets, np.eye(len(offsets)), chunk)
            projected = evaluate(discretized.measure, origin, rows, found["trajectory"].values, chunk)
            surface = surface.assign(trajectory_losses(true, projected))
        storage.write(
            target,
            surface,
            stage="surfaces",
            title=f"Losses on the {plane} plane" if plane != "lines" else "Losses along random lines",
            configuration=storage.configuration(found) | {"grid": grid},
            **storage.identity(found) | {"device": device},
        )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
