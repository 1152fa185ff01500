"""Draw all losses on the random plane through each trained point of one case.

Input: surfaces, surface-random.nc of all formulations for one seed.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import cross, style, surfaces
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = surfaces.by_formulation(input.surfaces)
    style.save(cross.draw(files), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
