"""Draw the random plane around the trained points of one case in three dimensions.

Input: surfaces, the surface-random.nc of every formulation, one seed.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import planes3d, style, surfaces
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = surfaces.by_formulation(input.surfaces)
    style.save(planes3d.draw(files), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
