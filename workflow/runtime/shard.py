"""The role of a script in a job that may be split: all of the work, one shard, or the gathering of all shards."""

from typing import Any

from pinnscape.files import pieces


def source(input: Any, output: Any, wildcards: Any) -> pieces.Source:
    """The source of the results of all pieces of the job.

    Args:
        input: input files. If ``parts`` exists and is not empty, it contains the files of all shards.
        output: output files. The first one of a shard is its part.
        wildcards: wildcards. Those of a shard contain ``scatteritem``, such as ``2-of-3``.
    """
    if item := wildcards.get("scatteritem"):
        return pieces.shard(output[0], item)
    parts = list(input.get("parts", ()))
    return pieces.gathered(parts) if parts else pieces.compute
