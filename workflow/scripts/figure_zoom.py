"""Draw the random plane at several radii of one problem. Input: zoom.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import style, zoom
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(zoom.draw(storage.read(input[0], "zoom")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
