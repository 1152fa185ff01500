"""Draw the exact solution, the trained networks and their errors of one case.

Input: solutions, solution.nc of all formulations and seeds.
Output: pdf, png.
Parameters: seed (the seed that is shown), dpi.
"""

from pinnscape.figures import inputs, solutions, style
from runtime.figure import run


def main(input, output, params):
    """Draw the figure and save it."""
    files = inputs.by_run(input.solutions, "train")
    style.save(solutions.draw(files, params.seed), output.pdf, output.png, params.dpi)


if __name__ == "__main__":
    run(main, snakemake)
