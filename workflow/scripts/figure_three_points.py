"""Draw planes through three points of one problem. Input: three_points.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import style, three_points
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(three_points.draw(storage.read(input[0], "three_points")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
