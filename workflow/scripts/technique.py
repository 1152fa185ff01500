"""Measure a technique for all runs of a case, or for some of them. Input: checkpoints.nc and training.nc of all runs, and parts of shards; or surfaces.
Output: {technique}.nc, or the part of a shard.
"""

from runtime.job import run
from runtime.technique import measure, measure_surfaces

if __name__ == "__main__":
    run(measure_surfaces if hasattr(snakemake.input, "surfaces") else measure, snakemake)
