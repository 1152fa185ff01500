"""Draw surface plots of the losses on the random planes through the trained points of one case.

Input: surfaces, surface-random.nc of all formulations for one seed.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import planes3d, style, surfaces
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = surfaces.by_formulation(input.surfaces)
    style.save(planes3d.draw(files), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
