"""Extreme Hessian eigenvalues over the random plane through each trained point. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: curvature_map.nc.
"""

from pinnscape.landscape import curvature_map
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(
        curvature_map.dataset,
        "curvature_map",
        "Extreme eigenvalues of the Hessian over the random plane",
        input,
        output,
        params,
        wildcards,
        device,
    )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
