"""Split the Hessians of the physics losses into Gauss-Newton part and remainder. Input: checkpoints.nc and training.nc of all runs of a problem.

Output: ntk.nc.
"""

from pinnscape.curvature import ntk
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure and write."""
    title = "Hessians, their Gauss-Newton parts and neural tangent kernels"
    measure(ntk.dataset, "ntk", title, input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
