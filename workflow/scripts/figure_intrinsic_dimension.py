"""Draw the trainings in random subspaces of one problem. Input: intrinsic_dimension.nc. Output: pdf, png. Parameters: dpi."""

from pinnscape.figures import intrinsic_dimension, style
from pinnscape.files import storage
from runtime.job import run


def main(input, output, params) -> None:
    """Draw the figure and save it."""
    data = storage.read(input[0], "intrinsic_dimension")
    style.save(intrinsic_dimension.draw(data), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
