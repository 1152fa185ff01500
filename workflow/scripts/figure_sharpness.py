"""Draw the sharpness at the trained points of one problem. Input: sharpness.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import sharpness, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(sharpness.draw(storage.read(input[0], "sharpness")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
