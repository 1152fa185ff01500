"""Work that splits: pieces that depend on nothing but the input of a job, shards that compute some of them, files of what they found.

Which pieces there are and what each of them computes does not depend on the number of shards, so neither do results, to the last bit.
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
        name: unlike that of any other piece of the job; slashes make groups of the file.
        result: computes it.
        cost: in any unit that the pieces of a job share; need not be accurate.
    """

    name: str
    result: Callable[[], xr.Dataset]
    cost: float = 1.0


Results = Mapping[str, xr.Dataset]  # by the names of the pieces
Source = Callable[[Sequence[Piece]], Results]  # where the results of pieces come from


class Done(Exception):
    """Raised by the source of a shard when its part is written: what follows is for the job that gathers the parts."""


def compute(pieces: Iterable[Piece]) -> Results:
    """The results of these pieces."""
    return {piece.name: piece.result() for piece in pieces}


def share(pieces: Sequence[Piece], index: int, count: int) -> list[Piece]:
    """The pieces of a shard: neighbours, since these may share intermediate results.

    A piece belongs to the shard in whose equal part of the total cost its middle lies: each piece to exactly one, and no shard costs more than
    the mean and one piece.

    Args:
        pieces: of the job, always in the same order.
        index: of the shard, from 0.
        count: number of shards; those beyond the number of pieces are empty.

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
    """Computes the share of a shard and writes it.

    Args:
        path: of its part.
        item: ``2-of-3``, counted from 1.
    """
    index, count = (int(number) for number in item.split("-of-"))

    def source(pieces: Sequence[Piece]) -> Results:
        unfinished.write(Path(path), compute(share(pieces, index - 1, count)), "Part of a shard", {"shard": item})
        raise Done

    return source


def gathered(paths: Sequence[str | Path]) -> Source:
    """Takes the results of all pieces from the parts of all shards."""

    def source(pieces: Sequence[Piece]) -> Results:
        found = {name: result for path in paths for name, result in _part(Path(path)).items()}
        missing = [piece.name for piece in pieces if piece.name not in found]
        if missing:
            folder = Path(paths[0]).parent
            raise StorageError(f"{folder}: no part holds {missing[0]}; delete this folder and run `snakemake` again")
        return found

    return source


def _part(path: Path) -> Results:
    """The results in the part of a shard, as they were computed.

    Raises:
        StorageError: it is not there, or is not a readable file.
    """
    try:
        return unfinished.read(path)[0]
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; run `snakemake` again") from None
    except (OSError, unfinished.Unreadable) as error:
        raise StorageError(f"{path}: not a readable part of a shard ({error}); delete it and run `snakemake` again") from error
