"""Draw curvature along training and the edge of stability of one problem.

Input: stability.nc.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import stability, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(stability.draw(storage.read(input[0], "stability")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
