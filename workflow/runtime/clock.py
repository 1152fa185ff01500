"""Results that are dated in the future: Snakemake would never find them out of date (https://github.com/snakemake/snakemake/issues/3254 is about inputs)."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

_SLACK = 10.0  # seconds that the clock of a file server may be ahead


def ahead(files: Iterable[str | Path], now: float | None = None) -> str | None:
    """One line about the files that are dated in the future, and what to do; None if there are none.

    Links do not count: they point to results that other folders share.

    Args:
        files: results of a study; those that do not exist are left out.
        now: seconds since 1970; default the clock.
    """
    now = time.time() if now is None else now
    there = {path for path in map(Path, files) if path.is_file() and not path.is_symlink()}
    found = sorted(path for path in there if path.stat().st_mtime > now + _SLACK)
    if not found:
        return None
    date = datetime.fromtimestamp(found[0].stat().st_mtime, UTC)
    others = f", as well as {len(found) - 1} more" if found[1:] else ""
    return (
        f"{found[0]} is dated in the future ({date:%Y-%m-%d %H:%M} UTC){others}: correct the clock if it is wrong now; if it was wrong then, "
        "delete what is dated in the future, or, if nothing has changed since, run `snakemake -c1 --touch --forceall`"
    )
