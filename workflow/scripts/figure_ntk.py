"""Draw the spectra of the Hessian, its Gauss-Newton part and its remainder of one problem. Input: ntk.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import ntk, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params):
    """Draw the figure and save it."""
    style.save(ntk.draw(storage.read(input[0], "ntk")), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
