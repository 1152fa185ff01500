"""Apply a technique to all runs of a case, or to the runs of one shard.

Input: checkpoints.nc and training.nc of all runs, and the parts of all shards if the work is split; or surface-{plane}.nc of
all runs. Output: {technique}.nc, or the part of a shard.
"""

from runtime.job import run
from runtime.technique import measure, measure_surfaces

if __name__ == "__main__":
    run(measure_surfaces if hasattr(snakemake.input, "surfaces") else measure, snakemake)
