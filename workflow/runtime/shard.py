"""Which part a script takes in work that splits: all of it, one shard, or what is left when all shards are done."""

from typing import Any

from pinnscape.files import pieces


def source(input: Any, output: Any, wildcards: Any) -> pieces.Source:
    """Where the results of a job's pieces come from.

    Args:
        input: ``parts`` of all shards, if it has that name and it is not empty.
        output: of a shard: its part.
        wildcards: of a shard: ``scatteritem``, such as ``2-of-3``.
    """
    if item := wildcards.get("scatteritem"):
        return pieces.shard(output[0], item)
    parts = list(input.get("parts", ()))
    return pieces.gathered(parts) if parts else pieces.compute
