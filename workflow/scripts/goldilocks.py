"""Convexity of random subspaces against the norm of theta. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: goldilocks.nc.
"""

from pinnscape.curvature import goldilocks
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(goldilocks.dataset, "goldilocks", "Convexity against the norm of theta", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
