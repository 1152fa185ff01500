"""Draw the losses along straight lines of one problem. Input: interpolation.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import interpolation, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(interpolation.draw(storage.read(input[0], "interpolation")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
