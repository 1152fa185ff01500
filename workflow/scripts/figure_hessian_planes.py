"""Draw the planes of Hessian eigenvectors through the trained points of one case.

Input: tops and extremes, surface-hessian-top.nc and surface-hessian-extreme.nc of all formulations for one seed.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import hessian_planes, style, surfaces
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    tops, extremes = (surfaces.by_formulation(paths) for paths in (input.tops, input.extremes))
    style.save(hessian_planes.draw(tops, extremes), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
