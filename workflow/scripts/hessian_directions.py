"""Compute the directions of Hessian eigenvectors at the final points of one case and seed.

Input: checkpoints.nc and hessian-final.nc of each formulation.
Output: directions-{plane}.nc of the planes of eigenvectors, formulation by formulation.
"""

from itertools import product

from pinnscape.files import store
from pinnscape.landscape.files import hessian_directions
from runtime.job import run


def main(input, output, params) -> None:
    runs = list(zip(input.checkpoints, input.hessian, strict=True))
    for target, ((points, spectrum), plane) in zip(output, product(runs, params.planes), strict=True):
        hessian = store.read(spectrum, "hessian")
        store.write(
            target,
            hessian_directions(plane, store.read(points, "checkpoints"), hessian),
            stage="directions",
            title=f"Directions of the {plane} plane",
            configuration=store.configuration(hessian),
            **store.identity(hessian),
        )


if __name__ == "__main__":
    run(main, snakemake)
