"""Barriers on the straight lines between the final points of seeds, before and after alignment.

Input: checkpoints.nc and training.nc of all runs of a problem. Output: barriers.nc.
"""

from pinnscape.connectivity import barriers
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write the file."""
    measure(barriers.dataset, "barriers", "Barriers between seeds", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
