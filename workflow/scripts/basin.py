"""How far the basins of the trained points reach along random rays. Input: checkpoints.nc and training.nc of all runs of a problem.
Output: basin.nc.
"""

from pinnscape.landscape import basin_file
from runtime.job import run
from runtime.technique import measure


def main(input, output, params, wildcards, device) -> None:
    """Measure all runs and write the file."""
    measure(basin_file.dataset, "basin", "Basins of the trained points", input, output, params, wildcards, device)


if __name__ == "__main__":
    run(main, snakemake)  # noqa: F821
