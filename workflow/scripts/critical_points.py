"""Searches for critical points of the trained losses. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: critical_points.nc.
"""

from runtime.job import run
from runtime.technique import measure

from pinnscape.techniques import critical_points as critical_points_file


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(critical_points_file.dataset, "critical_points", "Critical points", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
