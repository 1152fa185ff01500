"""Splitting of jobs: the work of a job consists of pieces that depend only on its input; a shard computes some of them and
writes a file.

The pieces and their results do not depend on the number of shards, so final results are bitwise independent of this number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from pinnscape.common.errors import StorageError
from pinnscape.files import unfinished


@dataclass(frozen=True)
class Piece:
    """A piece of work.

    Attributes:
        name: unique name within the job; slashes separate nested groups of the file.
        result: computes the piece.
        cost: approximate cost, in any unit that is common to the pieces of a job.
    """

    name: str
    result: Callable[[], xr.Dataset]
    cost: float = 1.0


Results = Mapping[str, xr.Dataset]  # results by name of the piece
Source = Callable[[Sequence[Piece]], Results]  # gives the results of pieces


class Done(Exception):
    """Raised when the part of a shard is written; the remaining steps belong to the job that gathers the parts."""


def compute(pieces: Iterable[Piece]) -> Results:
    """Compute all pieces."""
    return {piece.name: piece.result() for piece in pieces}


def share(pieces: Sequence[Piece], index: int, count: int) -> list[Piece]:
    """The pieces of a shard, which are consecutive because neighbours may share intermediate results.

    The interval of the total cost is divided into equal parts, one for each shard, and a piece belongs to the part that
    contains its midpoint. Each piece therefore belongs to exactly one shard, and the cost of a shard exceeds the mean by at
    most that of one piece.

    Args:
        pieces: all pieces of the job, always in the same order.
        index: index of the shard, from 0.
        count: number of shards. If there are more shards than pieces, some shards are empty.

    Raises:
        ValueError: there is no such shard.
    """
    if not 0 <= index < count:
        raise ValueError(f"`index` must be from 0 to {count - 1}, not {index}")
    total, before, chosen = sum(piece.cost for piece in pieces), 0.0, []
    for piece in pieces:
        if min(int(count * (before + 0.5 * piece.cost) / total), count - 1) == index:
            chosen.append(piece)
        before += piece.cost
    return chosen


def shard(path: str | Path, item: str) -> Source:
    """A source that computes the pieces of one shard, writes them, and raises ``Done``.

    Args:
        path: path of the file to write.
        item: number of the shard in the form ``2-of-3``, counted from 1.
    """
    index, count = (int(number) for number in item.split("-of-"))

    def source(pieces: Sequence[Piece]) -> Results:
        unfinished.write(Path(path), compute(share(pieces, index - 1, count)), "Part of a shard", {"shard": item})
        raise Done

    return source


def gathered(paths: Sequence[str | Path]) -> Source:
    """A source that reads the results of all pieces from the files of all shards."""

    def source(pieces: Sequence[Piece]) -> Results:
        results = {name: result for path in paths for name, result in _part(Path(path)).items()}
        missing = [piece.name for piece in pieces if piece.name not in results]
        if missing:
            folder = Path(paths[0]).parent
            raise StorageError(f"{folder}: no part holds {missing[0]}; delete this folder and run `snakemake` again")
        return results

    return source


def _part(path: Path) -> Results:
    """The results in the file of a shard.

    Raises:
        StorageError: the file is missing or not readable.
    """
    try:
        return unfinished.read(path)[0]
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; run `snakemake` again") from None
    except (OSError, unfinished.Unreadable) as error:
        raise StorageError(f"{path}: not a readable part of a shard ({error}); delete it and run `snakemake` again") from error
