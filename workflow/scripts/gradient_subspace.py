"""Gradients in the top eigenspaces of the Hessian, and how these drift.

Input: checkpoints.nc and training.nc of all runs of a problem.
Output: gradient_subspace.nc.
"""

from pinnscape.curvature import gradient_subspace
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure the gradients and eigenspaces of all runs and write them."""
    measure(
        gradient_subspace.dataset,
        "gradient_subspace",
        "Gradients in the top eigenspaces of the Hessian",
        input,
        output,
        params,
        wildcards,
        device,
    )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
