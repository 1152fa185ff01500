"""Directions along the Hessian's eigenvectors at the final points of one problem and seed.

Input: checkpoints.nc and hessian-final.nc of each formulation. Output: directions-{plane}.nc, formulation by formulation.
"""

from itertools import product

from pinnscape.files import storage
from pinnscape.landscape.files import hessian_directions
from runtime.job import run


def main(input, output, params) -> None:
    runs = list(zip(input.checkpoints, input.hessian, strict=True))
    for target, ((points, spectrum), plane) in zip(output, product(runs, params.planes), strict=True):
        hessian = storage.read(spectrum, "hessian")
        storage.write(
            target,
            hessian_directions(plane, storage.read(points, "checkpoints"), hessian),
            stage="directions",
            title=f"Directions of the {plane} plane",
            configuration=storage.configuration(hessian),
            **storage.identity(hessian),
        )


if __name__ == "__main__":
    run(main, snakemake)
