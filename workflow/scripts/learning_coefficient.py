"""Local learning coefficients at the final points. Input: checkpoints.nc and training.nc of all runs of a problem.

Output: learning_coefficient.nc.
"""

from pinnscape.curvature import learning_coefficient
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Sample around the final points and write the coefficients."""
    title = "Local learning coefficients at the final points"
    measure(learning_coefficient.dataset, "learning_coefficient", title, input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
