"""Gradients against the direction to the final point, and the way there.

Input: checkpoints.nc and training.nc of all runs of a problem.
Output: trajectory_geometry.nc.
"""

from pinnscape.connectivity import trajectory_geometry
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure the geometry of all trajectories and write it."""
    measure(
        trajectory_geometry.dataset,
        "trajectory_geometry",
        "Geometry of the training trajectories",
        input,
        output,
        params,
        wildcards,
        device,
    )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
