"""Losses on the random plane through each trained point within radii of several orders of magnitude. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: zoom.nc.
"""

from pinnscape.landscape import zoom
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(zoom.dataset, "zoom", "The random plane at several radii", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
