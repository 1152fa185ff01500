"""Draw the planes of the training trajectories of all formulations of one case.

Input: surfaces, surface-trajectory.nc of all formulations for one seed.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import style, surfaces, trajectory
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = surfaces.by_formulation(input.surfaces)
    style.save(trajectory.draw(files), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
