"""Results with modification times in the future, which Snakemake would never consider out of date because no input is newer.

At least up to Snakemake 9.27.1; https://github.com/snakemake/snakemake/issues/3254 reports the same for inputs.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

_SLACK = 10.0  # seconds by which the clock of a file server may be ahead


def ahead(files: Iterable[str | Path], now: float | None = None) -> str | None:
    """One line that names files with modification times in the future, with a remedy; None if there are no such files.

    Symbolic links do not count, because they point to results that are shared with other folders.

    Args:
        files: results of a study; files that do not exist are ignored.
        now: seconds since 1970; by default the current time.
    """
    now = time.time() if now is None else now
    existing = {path for path in map(Path, files) if path.is_file() and not path.is_symlink()}
    future = sorted(path for path in existing if path.stat().st_mtime > now + _SLACK)
    if not future:
        return None
    date = datetime.fromtimestamp(future[0].stat().st_mtime, UTC)
    others = f", as well as {len(future) - 1} more" if future[1:] else ""
    return (
        f"{future[0]} has a modification time in the future ({date:%Y-%m-%d %H:%M} UTC){others}: "
        "correct the clock if it is wrong now; if it was wrong before, delete these files, or, if nothing has changed since, "
        "run `snakemake -c1 --touch --forceall`"
    )
