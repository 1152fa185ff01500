"""Draw the maps of convexity of one problem. Input: curvature_map.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import curvature_map, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(curvature_map.draw(storage.read(input[0], "curvature_map")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
