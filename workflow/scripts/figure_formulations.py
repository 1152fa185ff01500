"""Draw how alike the physics losses of one problem are, between their minimisers and along training. Input: formulations.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import formulations, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(formulations.draw(storage.read(input[0], "formulations")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
