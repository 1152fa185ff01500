"""Draw the sharpness at the trained points of one problem. Input: sharpness.nc. Output: pdf, png. Parameters: dpi."""

from job import run
from pinnscape import storage
from pinnscape.figures import sharpness, style


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(sharpness.draw(storage.read(input[0], "sharpness")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
