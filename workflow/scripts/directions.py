"""Compute the directions of random planes, trajectory planes and random lines at the final points of one case and seed.

Input: checkpoints.nc and training.nc of each formulation.
Output: directions-{plane}.nc of all planes, formulation by formulation.
"""

from itertools import product

from pinnscape.config.sections import DirectionSettings
from pinnscape.files import store
from pinnscape.landscape.files import random_directions, trajectory_directions
from runtime.job import run


def main(input, output, params) -> None:
    runs = list(zip(input.checkpoints, input.training, strict=True))
    for target, ((points, history), plane) in zip(output, product(runs, params.planes), strict=True):
        checkpoints, settings = store.read(points, "checkpoints"), params.planes[plane]
        if plane == "trajectory":
            dataset = trajectory_directions(checkpoints, store.read(history, "train"))
        else:
            dataset = random_directions(plane, checkpoints, DirectionSettings.of(settings))
        store.write(
            target,
            dataset,
            stage="directions",
            title=f"Directions of the {plane} plane" if plane != "lines" else "Directions of the line bundle",
            configuration=store.configuration(checkpoints) | {"directions": settings},
            **store.identity(checkpoints),
        )


if __name__ == "__main__":
    run(main, snakemake)
