"""Losses along curved paths that connect the final points of seeds.

Input: checkpoints.nc and training.nc of all runs of a problem. Output: curves.nc.
"""

from pinnscape.connectivity import curves
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write the file."""
    measure(curves.dataset, "curves", "Curved paths between seeds", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
