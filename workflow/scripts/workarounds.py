"""What Snakemake 9 does not manage in folders whose names hold spaces, quotes, braces and the like. Each function can go when its bug does."""

import shlex
import sys
from pathlib import Path

from snakemake.sourcecache import LocalSourceFile


def quote_interpreter() -> None:
    """Let Snakemake find this Python again: it puts ``sys.executable`` into shell commands as it stands.

    https://github.com/snakemake/snakemake/issues/2645 and 2981; Snakemake 8 to 9.27.1 at least. Nothing that Snakemake starts without a shell uses the name.
    """
    if Path(sys.executable).is_file():  # not quoted yet
        sys.executable = shlex.quote(sys.executable)


def keep_braces(folder: str) -> None:
    """Let Snakemake take braces in the name of the workflow's folder for what they are: it looks for wildcards there too.

    ``LocalSourceFile.format`` of Snakemake 8 to 9.27.1 at least.
    """
    if "{" not in folder and "}" not in folder:
        return

    def below(self: LocalSourceFile, **values: object) -> LocalSourceFile:
        start = folder if self.path.startswith(folder) else ""
        return LocalSourceFile(start + original(LocalSourceFile(self.path[len(start) :]), **values).path)

    original = LocalSourceFile.format
    LocalSourceFile.format = below
