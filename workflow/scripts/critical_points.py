"""Searches for critical points of the trained losses. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: critical_points.nc.
"""

from pinnscape.landscape import critical_points_file
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(critical_points_file.dataset, "critical_points", "Critical points", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
