"""Draw index and gradient of critical points of one problem. Input: critical_points.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import critical_points, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    style.save(critical_points.draw(storage.read(input[0], "critical_points")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
