"""Descend by natural gradient to the vicinity of minimisers. Input: checkpoints.nc and training.nc of all runs of a problem. Output: vicinity.nc."""

from pinnscape.curvature import vicinity
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write."""
    title = "natural gradient descents and the Hessians at their ends"
    measure(vicinity.dataset, "vicinity", title, input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
