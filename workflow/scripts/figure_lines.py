"""Draw all losses along random lines through the trained points of one case.

Input: lines, surface-lines.nc of all formulations for one seed.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import lines, style, surfaces
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = surfaces.by_formulation(input.lines)
    style.save(lines.draw(files), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
