"""Draw shares of gradients in top eigenspaces along training of one problem.

Input: gradient_subspace.nc.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import gradient_subspace, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(gradient_subspace.draw(storage.read(input[0], "gradient_subspace")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
