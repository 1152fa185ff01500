"""Draw the Goldilocks zone of one problem. Input: goldilocks.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import goldilocks, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(goldilocks.draw(storage.read(input[0], "goldilocks")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
