"""Trainings in random subspaces through the initial points. Input: checkpoints.nc and training.nc of all runs of a problem.

Output: intrinsic_dimension.nc.
"""

from pinnscape.training import intrinsic_dimension
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Train in the subspaces and write what was reached."""
    title = "Training in random subspaces, and intrinsic dimension"
    measure(intrinsic_dimension.dataset, "intrinsic_dimension", title, input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
