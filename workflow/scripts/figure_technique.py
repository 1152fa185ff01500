"""Draw the figure of a technique for one case.

Input: {technique}.nc.
Output: pdf, png.
Parameters: dpi.
"""

from importlib import import_module

from pinnscape.figures import style
from pinnscape.files import store
from runtime.figure import run


def main(input, output, params, wildcards) -> None:
    """Draw the figure and save it."""
    figure = import_module(f"pinnscape.figures.{wildcards.technique}")
    style.save(figure.draw(store.read(input[0], wildcards.technique)), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
