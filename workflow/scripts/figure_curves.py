"""Draw the losses along straight and curved paths between seeds of one problem. Input: curves.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import curves, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(curves.draw(storage.read(input[0], "curves")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
