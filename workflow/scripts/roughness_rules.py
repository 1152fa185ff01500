"""Roughness of the losses along random lines under several quadrature rules. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: roughness_rules.nc.
"""

from pinnscape.landscape import roughness_rules
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(
        roughness_rules.dataset,
        "roughness_rules",
        "Roughness and the quadrature rule",
        input,
        output,
        params,
        wildcards,
        device,
    )


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
