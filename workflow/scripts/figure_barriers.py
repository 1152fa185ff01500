"""Draw the losses and barriers between seeds, before and after alignment, of one problem. Input: barriers.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import barriers, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(barriers.draw(storage.read(input[0], "barriers")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
