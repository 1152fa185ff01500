"""Draw loss, errors and gradient norm along the training of one case.

Input: trainings, training.nc of all formulations and seeds.
Output: pdf, png.
Parameters: dpi.
"""

from pinnscape.figures import inputs, style, training_curves
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = inputs.by_run(input.trainings, "train")
    style.save(training_curves.draw(files), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
