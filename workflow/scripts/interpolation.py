"""Losses and errors along the straight lines from initial to final points and between final points of seeds.

Input: checkpoints.nc and training.nc of all runs of a problem. Output: interpolation.nc.
"""

from pinnscape.connectivity import interpolation
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write the file."""
    measure(interpolation.dataset, "interpolation", "Losses along straight lines", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
