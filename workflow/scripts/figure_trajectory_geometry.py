"""Draw gradients against the direction to the final point along training of one problem.

Input: trajectory_geometry.nc.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import style, trajectory_geometry
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(trajectory_geometry.draw(storage.read(input[0], "trajectory_geometry")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
