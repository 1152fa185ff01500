"""Draw the natural gradient descents of one problem and the spectra at their ends. Input: vicinity.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import style, vicinity
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(vicinity.draw(storage.read(input[0], "vicinity")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
