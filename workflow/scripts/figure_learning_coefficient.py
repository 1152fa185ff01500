"""Draw the local learning coefficients of one problem. Input: learning_coefficient.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import learning_coefficient, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    data = storage.read(input[0], "learning_coefficient")
    style.save(learning_coefficient.draw(data), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
