"""Compare the physics losses at and between minimisers and along training. Input: checkpoints.nc and training.nc of all runs of a problem.

Output: formulations.nc.
"""

from pinnscape.connectivity import formulations
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write."""
    title = "similarity of the formulations at and between their minimisers and along training"
    measure(formulations.dataset, "formulations", title, input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
