"""Losses on planes through three points. Input: checkpoints.nc and training.nc of all runs of a problem. Output: three_points.nc."""

from pinnscape.connectivity import three_points_file
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write the file."""
    title = "Planes through three points"
    measure(three_points_file.dataset, "three_points", title, input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
