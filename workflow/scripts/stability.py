"""Hessian spectra along training, and trainings at the edge of stability.

Input: checkpoints.nc and training.nc of all runs of a problem.
Output: stability.nc.
"""

from pinnscape.curvature import stability
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure spectra, train at constant step sizes, and write what was found."""
    measure(
        stability.dataset,
        "stability",
        "Curvature along training and the edge of stability",
        input,
        output,
        params,
        wildcards,
        device,
    )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
