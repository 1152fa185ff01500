"""Losses along curved paths that connect the final points of seeds.

Input: checkpoints.nc and training.nc of all runs of a problem. Output: curves.nc.
"""

from runtime.job import run
from runtime.technique import measure

from pinnscape.techniques import curves


def main(input, output, params, wildcards, device) -> None:
    """Measure and write the file."""
    measure(curves.dataset, "curves", "Curved paths between seeds", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
