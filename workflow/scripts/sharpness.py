"""Sharpness of every loss at the trained points. Input: checkpoints.nc and training.nc of all runs of a problem. Output: sharpness.nc."""

from pinnscape.curvature import sharpness_file
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(sharpness_file.dataset, "sharpness", "Sharpness at the trained points", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
