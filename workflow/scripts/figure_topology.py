"""Draw persistence diagrams and join trees of one problem. Input: topology.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import style, topology
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(topology.draw(storage.read(input[0], "topology")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
