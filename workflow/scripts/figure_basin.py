"""Draw the radii of basins of one problem. Input: basin.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import basin, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(basin.draw(storage.read(input[0], "basin")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
